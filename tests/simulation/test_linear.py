import numpy as np
import pytest
from scipy.optimize import minimize

from alveus.errors import SettingError
from alveus.simulation import SIMULATIONS, linear
from alveus.simulation.linear import most_probable_latents


@pytest.fixture(scope="module")
def recordings():
    return [linear(seed=seed) for seed in range(4)]


def test_latents_are_independent_and_white_with_variances_8_4_2_1(recordings):
    latents = recordings[0].truth.latents
    np.testing.assert_allclose(np.cov(latents.T), np.diag([8, 4, 2, 1]), atol=0.3)
    lagged = (latents[1:] * latents[:-1]).mean(axis=0) / latents.var(axis=0)
    assert np.abs(lagged).max() < 4 / np.sqrt(len(latents))


def test_the_control_has_equal_variances():
    latents = linear(equal_variances=True).truth.latents
    np.testing.assert_allclose(latents.var(axis=0), 3.75, rtol=0.05)


def test_the_ceiling_finds_the_axes_with_mcc_086(recordings, mcc):
    scores = [mcc(r.truth.ceiling, r.truth.latents) for r in recordings]
    assert np.mean(scores) == pytest.approx(0.86, abs=0.01)


def test_principal_components_find_the_axes_with_mcc_080(recordings, mcc):
    scores = []
    for recording in recordings:
        x = np.sqrt(recording.activity.counts.astype(float))
        x -= x.mean(axis=0)
        scores.append(mcc(x @ np.linalg.svd(np.cov(x.T))[2][:4].T, recording.truth.latents))
    assert np.mean(scores) == pytest.approx(0.80, abs=0.03)


def test_most_probable_latents_agree_with_a_general_optimiser():
    rng = np.random.default_rng(0)
    weights, variances = rng.standard_normal((3, 10)), np.array([3.0, 1.0, 0.5])
    counts = rng.poisson(2.0, size=(5, 10))
    found = most_probable_latents(counts, weights, 0.7, variances)

    def loss(z, x):
        return (0.7 * np.exp(z @ weights) - x * (z @ weights)).sum() + 0.5 * (z**2 / variances).sum()

    for x, z in zip(counts, found, strict=True):
        np.testing.assert_allclose(z, minimize(loss, np.zeros(3), args=(x,), tol=1e-12).x, atol=1e-4)


def test_counts_and_times_fit_the_recording(recordings):
    recording = recordings[0]
    assert recording.activity.counts.shape == (20_000, 60)
    assert recording.stop == pytest.approx(400)
    assert recording.truth.times[[0, -1]] == pytest.approx([0.01, 399.99])


def test_simulations_are_found_by_name():
    assert SIMULATIONS["linear"] is linear


def test_a_single_bin_is_refused():
    with pytest.raises(SettingError, match="bins is 1, give at least 2"):
        linear(bins=1)
