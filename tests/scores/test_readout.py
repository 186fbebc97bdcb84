import numpy as np
import pytest
import scipy.stats
from sklearn.linear_model import PoissonRegressor

from alveus.scores.readout import (
    RATE_FLOOR,
    fit_readout,
    mean_rate_log_likelihood,
)


@pytest.mark.parametrize(("weight_sd", "rate"), [(1.0, 0.3), (0.05, 0.3), (1.0, 0.01), (1.0, 5.0)])
def test_weights_agree_with_scikit_learn(weight_sd, rate):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, 4)) * [1, 3, 0.2, 10] + [0, 5, 0, -3]
    x = rng.poisson(rate * np.exp((z - z.mean(axis=0)) / z.std(axis=0) @ rng.normal(0, 0.6, (4, 6))))
    readout = fit_readout(z, x, np.arange(1500), weight_sd=weight_sd)
    standard = (z[:1500] - readout.offset) / readout.scale
    for column, unit in enumerate(readout.units):
        oracle = PoissonRegressor(
            alpha=1 / (1500 * weight_sd**2), tol=1e-10, max_iter=2000, solver="newton-cholesky"
        )
        oracle.fit(standard, x[:1500, unit])
        np.testing.assert_allclose(readout.weights[:, column], oracle.coef_, atol=1e-5)
        assert readout.intercept[column] == pytest.approx(oracle.intercept_, abs=1e-5)


def test_log_likelihoods_agree_with_scipy(latents, counts):
    train, test = np.arange(3000), np.arange(3000, 4000)
    readout = fit_readout(latents, counts, train)
    fit = readout.score(latents, counts, test)
    rate = np.exp(readout.intercept + (latents[test] - readout.offset) / readout.scale @ readout.weights)
    rate = np.clip(rate, RATE_FLOOR, counts[train].max(axis=0))
    np.testing.assert_allclose(fit.readout, scipy.stats.poisson(rate).logpmf(counts[test]).sum(axis=1))
    mean = scipy.stats.poisson(counts[train].mean(axis=0)).logpmf(counts[test]).sum(axis=1)
    np.testing.assert_allclose(fit.mean_rate, mean)
    np.testing.assert_allclose(mean_rate_log_likelihood(counts, train, test)[0], mean)
    assert np.array_equal(fit.spikes, counts[test].sum(axis=1))


def test_the_mean_rate_comes_from_training_and_not_from_test():
    x = np.concatenate([np.ones((50, 1)), np.full((50, 1), 4)]).astype(int)
    fit = fit_readout(np.zeros((100, 1)), x, np.arange(50)).score(np.zeros((100, 1)), x, np.arange(50, 100))
    np.testing.assert_allclose(fit.mean_rate, scipy.stats.poisson(1).logpmf(4))


def test_units_silent_in_training_are_left_out_and_counted(latents, counts):
    silenced = counts.copy()
    silenced[:3000, [2, 5]] = 0
    train, test = np.arange(3000), np.arange(3000, 4000)
    readout = fit_readout(latents, silenced, train)
    assert readout.n_silent == 2
    kept = np.delete(np.arange(30), [2, 5])
    others = fit_readout(latents, counts[:, kept], train).score(latents, counts[:, kept], test)
    np.testing.assert_allclose(readout.score(latents, silenced, test).readout, others.readout)
    assert mean_rate_log_likelihood(silenced, train, test)[2] == counts[3000:, [2, 5]].sum()


def test_collapsed_and_duplicated_latents_change_nothing(latents, counts):
    train, test = np.arange(3000), np.arange(3000, 4000)
    plain = fit_readout(latents, counts, train).score(latents, counts, test)
    more = np.column_stack([latents, np.full(4000, 7.0), latents[:, 0]])
    padded = fit_readout(more, counts, train).score(more, counts, test)
    assert padded.bits_per_spike == pytest.approx(plain.bits_per_spike, abs=1e-4)


def test_separable_and_heavy_tailed_latents_still_give_finite_rates():
    rng = np.random.default_rng(0)
    z = rng.standard_cauchy((500, 2))
    x = np.column_stack([z[:, 0] > 3, rng.poisson(np.minimum(np.exp(z[:, 1]), 200))]).astype(np.uint8)
    fit = fit_readout(z, x, np.arange(400)).score(z, x, np.arange(400, 500))
    assert np.isfinite(fit.readout).all()


def test_the_fit_does_not_depend_on_the_size_of_blocks(monkeypatch, latents, counts):
    whole = fit_readout(latents, counts, np.arange(3000))
    monkeypatch.setattr("alveus.scores.newton.BLOCK_NUMBERS", 1000)
    blocked = fit_readout(latents, counts, np.arange(3000))
    np.testing.assert_allclose(blocked.weights, whole.weights, atol=1e-9)
