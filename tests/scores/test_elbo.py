import numpy as np
import pytest

from alveus.scores.active_latents import active_latents, is_active
from alveus.scores.elbo import elbo
from alveus.scores.kl import kl, kl_per_latent
from alveus.scores.settings import ScoreSettings


def gaussian_kl(mean, variance):
    return 0.5 * (mean**2 + variance - np.log(variance) - 1)


def test_elbo_is_log_likelihood_less_kl_and_kl_adds_up_over_latents():
    rng = np.random.default_rng(0)
    divergence = gaussian_kl(rng.standard_normal((500, 3)), np.array([0.1, 0.5, 1.0])).astype(np.float32)
    nats = rng.normal(-50, 1, 500).astype(np.float32)
    bound = elbo(nats, divergence, ScoreSettings(), seed=0)
    total = kl(divergence, ScoreSettings(), seed=0)
    each = kl_per_latent(divergence, ScoreSettings(), names=["a", "b", "c"], seed=0)
    assert bound.value == pytest.approx(nats.mean() - total.value, rel=1e-6)
    assert sum(row.value for row in each) == pytest.approx(total.value, rel=1e-6)
    assert [row.target for row in each] == ["a", "b", "c"]


def test_the_elbo_of_an_exact_posterior_is_the_evidence():
    # x = z + e, z ~ N(0, 1), e ~ N(0, s²): log p(x) = log N(x; 0, 1 + s²)
    rng = np.random.default_rng(0)
    s2 = 0.5
    x = rng.normal(0, np.sqrt(1 + s2), 2000)
    mean, variance = x / (1 + s2), s2 / (1 + s2)
    nats = -0.5 * np.log(2 * np.pi * s2) - ((x - mean) ** 2 + variance) / (2 * s2)
    row = elbo(nats, gaussian_kl(mean, variance)[:, None], ScoreSettings(), seed=0)
    evidence = -0.5 * np.log(2 * np.pi * (1 + s2)) - x**2 / (2 * (1 + s2))
    assert row.value == pytest.approx(evidence.mean())
    assert row.low < -0.5 * np.log(2 * np.pi * np.e * (1 + s2)) < row.high


def test_a_collapsed_latent_is_not_active_whatever_its_prior_variance():
    rng = np.random.default_rng(0)
    prior = np.array([1.0, 100.0, 1.0, 0.01])
    mean = rng.standard_normal((5000, 4)) * np.sqrt(prior * [0.9, 0.005, 0.02, 0.5])
    assert is_active(mean, prior).tolist() == [True, False, True, True]
    row = active_latents(mean, prior, seed=2)
    assert (row.value, row.seed, row.note) == (3.0, 2, "of 4 latents")
