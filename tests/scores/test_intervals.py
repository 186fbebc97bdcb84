import numpy as np
import pytest
from scipy.signal import lfilter

from alveus.errors import AlveusError
from alveus.scores.intervals import block_length, mean_interval, paired_difference, ratio_interval, seeds_interval
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


@pytest.mark.parametrize(("rho", "n"), [(0.97, 2000), (0.99, 5000)])
def test_intervals_cover_the_mean_of_slow_signals(rho, n):
    intervals = [mean_interval(ar1(rho, n, seed), ScoreSettings(seed=seed)) for seed in range(200)]
    given = [i for i in intervals if i.low is not None]
    assert len(given) > 180
    assert 0.90 <= np.mean([i.low <= 0 <= i.high for i in given]) <= 0.99


def test_a_slow_signal_in_a_short_record_has_no_interval():
    interval = mean_interval(ar1(0.999, 1000, 0), ScoreSettings())
    assert interval.low is None
    assert "how slowly" in interval.note


def test_a_paired_difference_covers_the_truth_where_separate_intervals_see_nothing():
    covered, seen, apart = 0, 0, 0
    for seed in range(100):
        shared = ar1(0.9, 2000, seed)
        rng = np.random.default_rng(1000 + seed)
        a, b = (shared + 0.5 * rng.standard_normal(2000) + shift for shift in (5.1, 5.0))
        found = paired_difference(a, b, np.full(2000, 2.0), ScoreSettings(seed=seed))
        covered += found.interval.low <= 0.05 <= found.interval.high
        seen += found.interval.low > 0
        one, other = (mean_interval(x, ScoreSettings(seed=seed)) for x in (a, b))
        apart += one.low > other.high
    assert 90 <= covered <= 99
    assert seen > 95
    assert apart == 0


def test_a_paired_difference_is_the_difference_of_the_scores():
    rng = np.random.default_rng(0)
    a, b, spikes = rng.standard_normal(500), rng.standard_normal(500), rng.uniform(1, 2, 500)
    found = paired_difference(a, b, spikes, ScoreSettings())
    assert found.value == pytest.approx(a.sum() / spikes.sum() - b.sum() / spikes.sum())
    same = paired_difference(a, a, spikes, ScoreSettings())
    assert (same.value, same.interval.low, same.interval.high) == (0, 0, 0)


def test_bins_that_do_not_match_are_refused():
    with pytest.raises(AlveusError, match="bin by bin"):
        paired_difference(np.ones(30), np.ones(31), np.ones(30), ScoreSettings())
    with pytest.raises(AlveusError, match="sum to 0"):
        paired_difference(np.ones(30), np.ones(30), np.zeros(30), ScoreSettings())


@pytest.mark.parametrize("median", [False, True])
@pytest.mark.parametrize(("between", "shared"), [(1.0, 0.1), (0.01, 1.0), (0.3, 0.3)])
def test_intervals_over_seeds_cover_what_all_seeds_would_score(between, shared, median):
    covered, given, trials, k, n = 0, 0, 400, 5, 500
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        bins = shared * np.sqrt(n) * rng.standard_normal(n)
        contributions = bins + between * rng.standard_normal((k, 1))
        interval = seeds_interval(contributions.mean(axis=1), contributions.mean(axis=0), median=median)
        if interval.low is not None:
            given += 1
            covered += interval.low <= 0 <= interval.high
    assert given > 0.97 * trials
    assert 0.92 <= covered / given <= 0.995


def test_one_seed_says_nothing_of_others():
    assert seeds_interval(np.ones(1), np.ones(100)).note.startswith("no interval: 1 seed")
