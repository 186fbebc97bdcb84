"""The method of order 2 against SciPy's non-negative least squares, optimality conditions, and another program."""

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.signal import lfilter

from alveus.calcium.ar2 import deconvolve_ar2
from alveus.calcium.statuses import ALL_NOISE, MET, TOO_QUIET

# decay, rise, frame rate, noise: GCaMP6s at usual and high rates, a fast indicator, a slow microscope
CASES = [(0.7, 0.05, 30.0, 0.3), (1.2, 0.15, 150.0, 0.3), (0.15, 0.01, 30.0, 0.5), (1.5, 0.2, 7.5, 0.1)]


def roots(decay, rise, rate):
    return np.exp(-1 / (decay * rate)), np.exp(-1 / (rise * rate))


def solve(y, d, r, penalty=0.0, s_min=0.0, noise=0.0, baseline=0.0, optimise=False, meet=False, starts=(0,)):
    y = np.atleast_2d(y)
    fill = lambda value: np.full(len(y), float(value))  # noqa: E731
    events, calcium, status = np.empty(y.shape), np.empty(y.shape), np.zeros(len(y), np.int64)
    lam, b = fill(penalty), fill(baseline)
    bounds = np.append(starts, y.shape[1]).astype(np.int64)
    deconvolve_ar2(
        y, bounds, fill(d), fill(r), lam, fill(s_min), fill(noise), b, optimise, meet, events, calcium, status
    )
    return events, calcium, lam, b, status


def design(n_frames, d, r):
    """Return transients in columns; the first is calcium from before."""
    impulse = lfilter([1.0], [1.0, -d - r, d * r], np.eye(1, n_frames)[0])
    columns = np.zeros((n_frames, n_frames))
    for t in range(1, n_frames):
        columns[t:, t] = impulse[: n_frames - t]
    columns[:, 0] = d ** np.arange(n_frames)
    return columns


def sizes(events, calcium):
    return np.concatenate([calcium[:1], events[1:]])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("penalty", [0.0, 0.5, 3.0])
def test_nothing_better_exists_than_what_scipy_finds(simulated, case, penalty):
    decay, rise, rate, noise = case
    d, r = roots(decay, rise, rate)
    K = design(250, d, r)
    _, traces = simulated.simulate(np.random.default_rng(0), 4, 250 / rate, rate, decay, rise, noise, firing=3.0)
    for y in traces:
        # ½|y − K s|² + λ Σ s is, but for a constant, ½|L'(s − s0)|² with L L' = K'K and K'K s0 = K'y − λ
        L = np.linalg.cholesky(K.T @ K + 1e-13 * np.eye(len(y)))
        best, _ = nnls(L.T, np.linalg.solve(L, K.T @ y - penalty), maxiter=20_000)
        events, calcium, *_, status = solve(y, d, r, penalty)
        ours = sizes(events[0], calcium[0])
        np.testing.assert_allclose(K @ ours, calcium[0], atol=1e-8)
        cost = [0.5 * np.sum((y - K @ s) ** 2) + penalty * s.sum() for s in (ours, best)]
        assert cost[0] <= cost[1] + 1e-7
        assert status[0] == MET


@pytest.mark.parametrize("case", CASES)
def test_the_optimality_conditions_hold_on_long_traces(simulated, case):
    decay, rise, rate, noise = case
    d, r = roots(decay, rise, rate)
    _, y = simulated.simulate(np.random.default_rng(1), 3, 6000 / rate, rate, decay, rise, noise, firing=1.0)
    starts = np.array([0, 1, 3, 2000])
    for meet in (False, True):
        events, calcium, lam, b, status = solve(y, d, r, 1.0, noise=noise, meet=meet, optimise=meet, starts=starts)
        assert (status == MET).all()
        assert (events >= 0).all()
        for u in range(len(y)):
            for start, stop in zip(starts, [*starts[1:], y.shape[1]], strict=True):
                residual = (y[u] - b[u] - calcium[u])[start:stop]
                up = lfilter([1.0], [1.0, -d - r, d * r], residual[::-1])[::-1]
                up[0] = np.sum(d ** np.arange(residual.size) * residual)
                scale = np.sqrt(
                    np.mean(y[u] ** 2) * np.sum(lfilter([1.0], [1.0, -d - r, d * r], np.eye(1, 9000)[0]) ** 2)
                )
                assert up.max() <= lam[u] + 1e-6 * scale
                s = sizes(events[u, start:stop], calcium[u, start:stop])
                np.testing.assert_allclose(up[s > 1e-9], lam[u], atol=1e-6 * scale)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("optimise", [False, True])
def test_the_residual_is_as_large_as_the_noise(simulated, case, optimise):
    decay, rise, rate, noise = case
    _, y = simulated.simulate(np.random.default_rng(2), 3, 9000 / rate, rate, decay, rise, noise)
    _, calcium, lam, b, status = solve(
        y, *roots(decay, rise, rate), noise=1.02 * noise, optimise=optimise, meet=True
    )
    residual = y - b[:, None] - calcium
    np.testing.assert_allclose((residual**2).mean(axis=1) / (1.02 * noise) ** 2, 1, atol=1e-4)
    assert (status == MET).all()
    assert (lam > 0).all()
    if optimise:
        np.testing.assert_allclose(residual.mean(axis=1), 0, atol=2e-3 * noise)


@pytest.mark.parametrize("case", CASES)
def test_spikes_are_found_as_well_as_by_oasis_deconv(simulated, case):
    oasis = pytest.importorskip("oasis.oasis_methods", reason="oasis-deconv is not installed")
    decay, rise, rate, noise = case
    d, r = roots(decay, rise, rate)
    spikes, y = simulated.simulate(np.random.default_rng(3), 8, 6000 / rate, rate, decay, rise, noise)
    per_bin = max(1, round(0.1 * rate))
    events, _, lam, *_ = solve(y, d, r, noise=noise, meet=True)
    theirs = np.array([oasis.oasisAR2(v, d + r, -d * r, lam=lam[u])[1] for u, v in enumerate(y)])
    ours = simulated.median_correlation(events, spikes, per_bin)
    assert ours >= simulated.median_correlation(theirs, spikes, per_bin) - 0.005


def test_a_threshold_finds_the_events_of_oasis_deconv(simulated):
    oasis = pytest.importorskip("oasis.oasis_methods", reason="oasis-deconv is not installed")
    d, r = roots(0.7, 0.05, 30.0)
    _, y = simulated.simulate(np.random.default_rng(4), 4, 100, 30.0, 0.7, 0.05)
    events, *_ = solve(y, d, r, s_min=0.4)
    assert events[events > 0].min() >= 0.4
    for u in range(4):
        theirs = oasis.oasisAR2(y[u], d + r, -d * r, s_min=0.4)[1]
        assert np.corrcoef(events[u, 30:], theirs[30:])[0, 1] > 0.999


def test_noise_alone_has_no_events_and_too_small_a_noise_no_penalty():
    y = np.random.default_rng(5).normal(size=(1, 2000))
    events, _, _, b, status = solve(y, 0.95, 0.5, noise=1.1, optimise=True, meet=True)
    assert not events.any()
    assert b[0] == pytest.approx(y.mean())
    assert status[0] == ALL_NOISE
    _, calcium, lam, _, status = solve(y, 0.95, 0.5, noise=0.5, meet=True)
    assert lam[0] == 0
    assert status[0] == TOO_QUIET
    np.testing.assert_allclose(np.sum((y - calcium) ** 2), np.sum((y - solve(y, 0.95, 0.5)[1]) ** 2), rtol=1e-6)


def test_segments_know_nothing_of_each_other(simulated):
    d, r = roots(0.7, 0.05, 30.0)
    _, y = simulated.simulate(np.random.default_rng(6), 1, 40, 30.0, 0.7, 0.05)
    starts = np.array([0, 1, 5, 400, 1100])
    events, calcium, *_ = solve(y, d, r, 0.8, starts=starts)
    for start, stop in zip(starts, [*starts[1:], y.shape[1]], strict=True):
        alone = solve(y[0, start:stop], d, r, 0.8)
        np.testing.assert_allclose(events[0, start:stop], alone[0][0], atol=1e-5)
        np.testing.assert_allclose(calcium[0, start:stop], alone[1][0], atol=1e-5)
