import numpy as np
import pytest
import scipy.stats

from alveus.scores import ScoreSettings
from alveus.scores.likelihood_choice import likelihood_choice

N, UNITS = 4000, 10


@pytest.fixture(scope="module")
def split(make_split):
    return make_split(N)


def simulated(seed, dispersion):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, 2))
    rate = np.exp(0.5 * z @ rng.standard_normal((2, UNITS)))
    widened = rate if dispersion == 0 else rng.gamma(1 / dispersion, rate * dispersion)
    return z, rate, rng.poisson(widened)


def score(z, counts, split, seed=0):
    fano, gain = likelihood_choice(z, counts, split, ScoreSettings(seed=seed, resamples=50), given="z")
    assert (fano.target, gain.target) == ("given z", "negative binomial less Poisson, given z")
    return fano, gain


def test_poisson_counts_stay_within_the_floor_and_have_a_fano_factor_of_one(split):
    above = 0
    for seed in range(10):
        z, _, counts = simulated(seed, 0)
        fano, gain = score(z, counts, split, seed)
        assert fano.value == pytest.approx(1, abs=0.1)
        above += gain.value > gain.floor
    assert above <= 2


@pytest.mark.parametrize("dispersion", [0.2, 1.0])
def test_the_gain_of_negative_binomial_counts_is_that_of_the_true_distribution(split, dispersion):
    z, rate, counts = simulated(0, dispersion)
    fano, gain = score(z, counts, split)
    x, mu, n = counts[split == 2], rate[split == 2], 1 / dispersion
    true = scipy.stats.nbinom(n, n / (n + mu)).logpmf(x) - scipy.stats.poisson(mu).logpmf(x)
    assert gain.value == pytest.approx(true.sum(1).mean(), rel=0.1)
    assert gain.low > gain.floor
    expected = np.median((mu + dispersion * mu**2).sum(0) / mu.sum(0))
    assert fano.value == pytest.approx(expected, rel=0.15)


def test_too_few_bins_and_silence_give_no_number(split):
    z, _, counts = simulated(0, 0)
    for silent, parts in ((counts, np.zeros(N, int)), (counts * (split == 0)[:, None], split)):
        rows = likelihood_choice(z, silent, parts, ScoreSettings(), given="z")
        assert {row.status for row in rows} == {"not estimable"}
