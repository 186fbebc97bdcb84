import numpy as np
import pytest
from scipy.signal import lfilter

from alveus.scores.intervals import block_length, mean_interval, ratio_interval
from alveus.scores.settings import ScoreSettings


def ar1(rho, n, seed):
    return lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(n + 500))[500:]


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.9])
def test_block_length_agrees_with_the_closed_form_of_an_ar1_signal(rho):
    n = 20_000
    ideal = (2 * (2 * rho / (1 - rho**2)) ** 2 / (4 / 3) * n) ** (1 / 3)  # G / g(0) = 2ρ / (1 − ρ²)
    lengths = [block_length(ar1(rho, n, seed)) for seed in range(10)]
    assert np.median(lengths) == pytest.approx(ideal, rel=0.25)


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_intervals_cover_the_mean_of_an_ar1_signal(rho):
    trials = 200
    intervals = [
        mean_interval(ar1(rho, 2000, seed), ScoreSettings(seed=seed, resamples=100)) for seed in range(trials)
    ]
    covered = np.mean([i.low <= 0 <= i.high for i in intervals])
    assert 0.88 <= covered <= 0.99


def test_an_interval_for_bins_taken_as_independent_would_be_too_narrow():
    signal = ar1(0.95, 5000, seed=0)
    blocks = mean_interval(signal, ScoreSettings())
    naive = 2 * 1.96 * signal.std() / np.sqrt(signal.size)
    assert blocks.high - blocks.low > 3 * naive


def test_the_interval_of_a_ratio_agrees_with_the_delta_method():
    rng = np.random.default_rng(0)
    under = rng.uniform(1, 2, 5000)
    over = 3 * under + rng.standard_normal(5000)
    interval = ratio_interval(over, under, ScoreSettings(resamples=2000))
    ratio = over.sum() / under.sum()
    half = 1.96 * np.std(over - ratio * under) / under.mean() / np.sqrt(5000)
    assert interval.low == pytest.approx(ratio - half, abs=0.15 * half)
    assert interval.high == pytest.approx(ratio + half, abs=0.15 * half)


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 1.0, 3.0], list(range(50))])
def test_too_few_independent_stretches_make_no_interval(values):
    interval = mean_interval(np.array(values, float), ScoreSettings())
    assert interval.low is interval.high is None
    assert interval.note.startswith("no interval")


def test_a_constant_has_an_interval_of_no_width():
    interval = mean_interval(np.full(100, 2.5), ScoreSettings())
    assert interval.low == pytest.approx(2.5)
    assert interval.high == pytest.approx(2.5)
