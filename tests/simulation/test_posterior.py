import numpy as np
import scipy.stats

from alveus.simulation import posterior
from alveus.simulation.posterior import posterior_mean


def test_the_posterior_mean_is_that_of_bayes_rule():
    rng = np.random.default_rng(0)
    expected, latents = rng.uniform(0.1, 5, (7, 4)), rng.standard_normal((7, 2))
    counts = rng.poisson(2, (9, 4))
    likelihood = scipy.stats.poisson(expected).pmf(counts[:, None]).prod(axis=2)
    by_hand = likelihood @ latents / likelihood.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior_mean(counts, expected, latents), by_hand)


def test_points_of_the_prior_of_a_gamma_rate_give_its_closed_form():
    shape, scale, seconds = 3.0, 0.5, 6
    points = scipy.stats.gamma(shape, scale=scale).ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    counts = np.random.default_rng(0).poisson(1.5, (30, seconds))
    found = posterior_mean(counts, np.repeat(points, seconds, axis=1), points)
    exact = (shape + counts.sum(axis=1)) / (1 / scale + seconds)
    np.testing.assert_allclose(found[:, 0], exact, rtol=1e-3)


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    counts, expected, latents = rng.poisson(2, (11, 4)), rng.uniform(0.1, 5, (7, 4)), rng.standard_normal((7, 2))
    at_once = posterior_mean(counts, expected, latents)
    monkeypatch.setattr(posterior, "VALUES_AT_ONCE", 21)
    np.testing.assert_allclose(posterior_mean(counts, expected, latents), at_once, rtol=1e-12)
