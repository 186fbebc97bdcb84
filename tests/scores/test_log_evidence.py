import numpy as np
import pytest
import scipy.stats

from alveus.scores.elbo import elbo
from alveus.scores.log_evidence import log_evidence
from alveus.scores.settings import ScoreSettings


def test_the_value_is_the_mean_and_the_interval_holds_the_entropy_of_the_true_model():
    """Of x ~ N(0, 1 + s²) the evidence is −½ ln 2πe(1 + s²) on average."""
    s2 = 0.5
    marginal = scipy.stats.norm(0, np.sqrt(1 + s2))
    nats = marginal.logpdf(marginal.rvs(2000, random_state=0))
    row = log_evidence(nats.astype(np.float32), None, ScoreSettings(), seed=3)
    assert (row.score, row.seed, row.floor, row.floor_name) == ("log_evidence", 3, None, "")
    assert row.value == pytest.approx(nats.mean(), rel=1e-5)
    assert row.low < -marginal.entropy() < row.high
    assert row.note == "nats per bin, of a density; on 2000 bins"


def test_the_floor_is_the_mean_rate_on_the_same_bins():
    rng = np.random.default_rng(0)
    mean_rate = rng.normal(-60, 1, 100)
    row = log_evidence(rng.normal(-50, 1, 100), mean_rate, ScoreSettings(), seed=0, given="the label")
    assert row.floor == pytest.approx(mean_rate.mean())
    assert row.floor_name == "mean rate of each unit in training"
    assert row.note == "nats per bin; on 100 bins; given the label"


def test_with_a_posterior_that_is_not_the_exact_one_it_lies_above_the_elbo():
    """x = z + e, with q wider than the posterior: both bounds in closed form or by many samples."""
    rng = np.random.default_rng(0)
    s2, n_samples = 0.5, 100
    x = rng.normal(0, np.sqrt(1 + s2), 500)
    mean, scale = x / (1 + s2), 1.5 * np.sqrt(s2 / (1 + s2))
    z = mean + scale * rng.normal(size=(n_samples, 500))
    weights = (
        scipy.stats.norm(z, np.sqrt(s2)).logpdf(x)
        + scipy.stats.norm(0, 1).logpdf(z)
        - scipy.stats.norm(mean, scale).logpdf(z)
    )
    bound = np.logaddexp.reduce(weights) - np.log(n_samples)
    nats = -0.5 * np.log(2 * np.pi * s2) - ((x - mean) ** 2 + scale**2) / (2 * s2)
    divergence = 0.5 * (mean**2 + scale**2 - np.log(scale**2) - 1)
    lower = elbo(nats, divergence[:, None], ScoreSettings(), seed=0)
    row = log_evidence(bound, None, ScoreSettings(), seed=0)
    evidence = scipy.stats.norm(0, np.sqrt(1 + s2)).logpdf(x).mean()
    assert lower.value < row.value - 0.1
    assert row.value == pytest.approx(evidence, abs=0.02)
