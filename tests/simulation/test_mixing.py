import numpy as np
import pytest
import scipy.stats
from sklearn.decomposition import PCA, FastICA
from sklearn.linear_model import LinearRegression

from alveus.errors import SettingError
from alveus.simulation import SIMULATIONS, mixing


@pytest.fixture(scope="module")
def recordings():
    return [mixing(seed=seed, bins=5000, units=5) for seed in range(20)]


def mean_mcc(recordings, mcc, latents_of):
    return np.mean([mcc(latents_of(r.activity.values), r.truth.latents) for r in recordings])


def test_sources_are_independent_laplace_of_variance_one():
    sources = mixing().truth.latents
    np.testing.assert_allclose(np.cov(sources.T), np.eye(5), atol=0.05)
    assert scipy.stats.kstest(sources.ravel(), scipy.stats.laplace(scale=np.sqrt(0.5)).cdf).pvalue > 1e-3


def test_signals_as_they_are_find_sources_with_mcc_063(recordings, mcc):
    assert mean_mcc(recordings, mcc, lambda x: x) == pytest.approx(0.63, abs=0.05)


def test_whitened_signals_find_sources_with_mcc_072(recordings, mcc):
    assert mean_mcc(recordings, mcc, PCA(whiten=True).fit_transform) == pytest.approx(0.72, abs=0.05)


@pytest.mark.parametrize("units", [5, 20])
def test_fastica_finds_sources_with_mcc_100(mcc, units):
    model = FastICA(5, whiten="unit-variance", random_state=0)
    few = [mixing(seed=seed, bins=5000, units=units) for seed in range(3)]
    assert mean_mcc(few, mcc, model.fit_transform) == pytest.approx(1, abs=0.002)


def test_without_noise_the_ceiling_is_exact():
    truth = mixing(bins=100).truth
    np.testing.assert_allclose(truth.ceiling, truth.latents, atol=1e-10)
    assert truth.ceiling_name == "exact inverse of the true mixing"


def test_with_noise_the_ceiling_is_the_regression_of_sources_on_signals():
    recording = mixing(bins=50_000, units=8, noise=0.5)
    signals, truth = recording.activity.values, recording.truth
    fitted = LinearRegression().fit(signals, truth.latents).predict(signals)
    assert np.sqrt(((fitted - truth.ceiling) ** 2).mean()) < 0.02
    assert truth.ceiling_name == "best linear estimate under the true mixing and noise"


def test_the_same_seed_gives_the_same_recording_and_another_seed_another():
    first, again, other = (mixing(seed=seed, bins=10) for seed in (0, 0, 1))
    assert np.array_equal(first.activity.values, again.activity.values)
    assert not np.array_equal(first.truth.latents, other.truth.latents)


def test_simulations_are_found_by_name():
    assert SIMULATIONS["mixing"] is mixing


def test_impossible_options_are_named_all_at_once():
    with pytest.raises(SettingError) as refused:
        mixing(bins=1, units=3, noise=float("inf"))
    assert [p.split(": ")[1].split()[0] for p in refused.value.problems] == ["bins", "units", "noise"]
