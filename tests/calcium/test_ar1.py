"""OASIS of order 1 against another program, the optimality conditions, and what must not change the result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.calcium.ar1 import deconvolve_ar1
from alveus.calcium.statuses import ALL_NOISE, MET, TOO_QUIET


def solve(y, gamma, penalty=0.0, s_min=0.0, noise=0.0, baseline=0.0, optimise=False, meet=False, starts=(0,)):
    y = np.atleast_2d(y)
    fill = lambda value: np.full(len(y), float(value))  # noqa: E731
    events, calcium, status = np.empty(y.shape), np.empty(y.shape), np.zeros(len(y), np.int64)
    lam, b = fill(penalty), fill(baseline)
    bounds = np.append(starts, y.shape[1]).astype(np.int64)
    deconvolve_ar1(
        y, bounds, fill(gamma), lam, fill(s_min), fill(noise), b, optimise, meet, events, calcium, status
    )
    return events, calcium, lam, b, status


@pytest.mark.parametrize("gamma", [0.5, 0.953, 0.9995])
@pytest.mark.parametrize("penalty", [0.0, 0.2, 3.0])
@pytest.mark.parametrize("s_min", [0.0, 0.37])
@pytest.mark.parametrize("n_frames", [2, 3, 60, 5000])
def test_the_result_is_that_of_oasis_deconv(gamma, penalty, s_min, n_frames):
    oasis = pytest.importorskip("oasis.oasis_methods", reason="oasis-deconv is not installed")
    rng = np.random.default_rng(n_frames)
    for _ in range(5):
        y = np.convolve(rng.poisson(0.03, n_frames), gamma ** np.arange(200))[:n_frames] + rng.normal(
            size=n_frames
        )
        events, calcium, *_ = solve(y, gamma, penalty, s_min)
        c, s = oasis.oasisAR1(y, gamma, lam=penalty, s_min=s_min)
        np.testing.assert_allclose(calcium[0], c, atol=1e-9)
        np.testing.assert_allclose(events[0], s, atol=1e-9)


@given(
    st.lists(st.floats(-3, 8), min_size=1, max_size=60),
    st.floats(0.0, 0.999),
    st.floats(0, 4),
)
def test_nothing_better_exists(values, gamma, penalty):
    # Karush-Kuhn-Tucker: the gradient by each event is 0 where there is one, and not negative where there is none.
    y = np.array(values)
    _, calcium, *_ = solve(y, gamma, penalty)
    events = calcium[0] - gamma * np.append(0.0, calcium[0, :-1])
    gradient, later = np.empty(y.size), 0.0
    for t in reversed(range(y.size)):
        later = calcium[0, t] - y[t] + gamma * later
        gradient[t] = later + penalty
    assert events.min() >= -1e-12
    assert gradient.min() >= -1e-9
    np.testing.assert_allclose(gradient * events, 0, atol=1e-8)


@pytest.mark.parametrize("optimise", [False, True])
@pytest.mark.parametrize("noise", [0.1, 0.3, 0.6])
def test_the_residual_is_as_large_as_the_noise(simulated, optimise, noise):
    _, y = simulated.simulate(np.random.default_rng(1), 8, 200, 30.0, 0.7, noise=noise)
    y += 0.4 * optimise
    _, calcium, penalty, b, status = solve(y, np.exp(-1 / 21), noise=noise, optimise=optimise, meet=True)
    residual = y - b[:, None] - calcium
    np.testing.assert_allclose((residual**2).mean(axis=1) / noise**2, 1, atol=1e-4)
    assert (penalty > 0).all()
    assert (status == MET).all()
    if optimise:
        np.testing.assert_allclose(residual.mean(axis=1), 0, atol=2e-3 * noise)
        assert abs(np.median(b) - 0.4) < 0.35 * noise


def test_penalty_and_baseline_are_those_of_oasis_deconv(simulated):
    oasis = pytest.importorskip("oasis.oasis_methods", reason="oasis-deconv is not installed")
    gamma = np.exp(-1 / 21)
    _, y = simulated.simulate(np.random.default_rng(2), 3, 300, 30.0, 0.7, noise=0.3)
    for optimise in (False, True):
        events, _, lam, b, _ = solve(y, gamma, noise=0.3, optimise=optimise, meet=True)
        for u in range(3):
            _, s, their_b, _, their_lam = oasis.constrained_oasisAR1(y[u], gamma, 0.3, optimize_b=optimise)
            assert lam[u] == pytest.approx(their_lam, rel=1e-3)
            assert b[u] == pytest.approx(their_b, abs=1e-3)
            assert np.corrcoef(events[u], s)[0, 1] > 0.9999


def test_noise_alone_has_no_events_and_too_small_a_noise_no_penalty():
    y = np.random.default_rng(3).normal(size=(1, 3000))
    events, _, _, b, status = solve(y, 0.95, noise=1.1, optimise=True, meet=True)
    assert not events.any()
    assert b[0] == pytest.approx(y.mean())
    assert status[0] == ALL_NOISE
    _, calcium, lam, _, status = solve(y, 0.95, noise=0.5, meet=True)
    assert lam[0] == 0
    assert status[0] == TOO_QUIET
    assert np.mean((y - calcium) ** 2) > 0.25
    np.testing.assert_allclose(calcium, solve(y, 0.95)[1])  # the closest that calcium can come


@pytest.mark.parametrize("meet", [False, True])
def test_segments_know_nothing_of_each_other(simulated, meet):
    rng, gamma = np.random.default_rng(4), np.exp(-1 / 21)
    _, y = simulated.simulate(rng, 2, 40, 30.0, 0.7)
    starts = np.array([0, 1, 5, 400, 1100])
    events, calcium, lam, b, _ = solve(y, gamma, 0.8, noise=0.3, meet=meet, optimise=meet, starts=starts)
    assert not events[:, starts].any()
    for u in range(2):
        for start, stop in zip(starts, [*starts[1:], y.shape[1]], strict=True):
            alone = solve(y[u, start:stop], gamma, lam[u], baseline=b[u])
            np.testing.assert_allclose(events[u, start:stop], alone[0][0], atol=1e-9)
            np.testing.assert_allclose(calcium[u, start:stop], alone[1][0], atol=1e-9)


@given(st.floats(0.01, 100), st.integers(0, 20))
def test_events_scale_with_the_trace(factor, seed):
    y = np.random.default_rng(seed).gamma(0.3, 1.0, 400)
    events, *_ = solve(y, 0.9, noise=0.2, optimise=True, meet=True)
    scaled, *_ = solve(factor * y, 0.9, noise=0.2 * factor, optimise=True, meet=True)
    np.testing.assert_allclose(scaled, factor * events, atol=2e-3 * factor)


def test_every_event_reaches_the_threshold(simulated):
    _, y = simulated.simulate(np.random.default_rng(5), 4, 100, 30.0, 0.7)
    events, *_ = solve(y, np.exp(-1 / 21), s_min=0.5)
    assert events[events > 0].min() >= 0.5 - 1e-12
    assert (events >= 0).all()


def test_single_precision_finds_the_same(simulated):
    _, y = simulated.simulate(np.random.default_rng(6), 2, 100, 30.0, 0.7)
    single = y.astype(np.float32)
    np.testing.assert_allclose(
        solve(single, 0.95, noise=0.3, meet=True)[0],
        solve(single.astype(float), 0.95, noise=0.3, meet=True)[0],
        atol=1e-9,
    )
