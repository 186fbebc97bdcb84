import numpy as np
import pytest
import scipy.stats
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from alveus.scores import ScoreSettings
from alveus.scores.rate_competitors import Trials, rate_competitors
from alveus.scores.smoothing import Smoother

N, UNITS = 4000, 12
SETTINGS = ScoreSettings(resamples=50)
HELD_OUT = np.arange(UNITS) % 4 == 0
ONE = np.zeros(N, np.int32)
PAST, OTHERS = "their own past", "their own past and future"
SHARED = "8 principal components of smoothed held-in units"


def slow(seed, n=N, rho=0.98):
    z = lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(n))
    return z / z.std()


@pytest.fixture(scope="module")
def split(make_split):
    return make_split(N)


def rows_of(counts, split, trials=None, held_out=HELD_OUT, segment=ONE):
    rows = rate_competitors(counts, split, segment, held_out, SETTINGS, bin_size=0.02, trials=trials)
    return {(row.score, row.target.split(" from ", 1)[1]): row for row in rows}


def truth(counts, rates, split):
    """Gain of the true rates over the mean rate, by SciPy [bits per spike]."""
    x, mean = counts[split == 2], counts[split == 0].mean(0)
    nats = scipy.stats.poisson(rates[split == 2]).logpmf(x) - scipy.stats.poisson(mean).logpmf(x)
    return nats.sum() / np.log(2) / x.sum()


@pytest.mark.parametrize("sd", [1.0, 2.5])
def test_smoothing_is_that_of_scipy_within_each_segment(sd):
    x, segment = np.random.default_rng(0).poisson(1.0, (200, 3)).astype(float), np.repeat([0, 1, 2], [120, 1, 79])
    smoother = Smoother(x, segment, sd)
    found = np.concatenate([smoother.mean(0, 50), smoother.mean(50, 130), smoother.mean(130, 200)])
    for number in range(3):
        inside = segment == number
        above, below = (
            gaussian_filter1d(part, sd, axis=0, mode="constant", radius=int(np.ceil(3 * sd)))
            for part in (x[inside], np.ones((inside.sum(), 1)))
        )
        np.testing.assert_allclose(found[inside], above / below, rtol=1e-10)


def test_a_prediction_never_sees_its_own_bin():
    x = np.zeros((50, 1))
    x[20] = 1
    for side, reaches in (("past", range(21, 27)), ("others", [*range(14, 20), *range(21, 27)])):
        total, _ = Smoother(x, np.zeros(50), 2.0, side).block(0, 50)
        assert np.flatnonzero(total[:, 0]).tolist() == list(reaches)


def test_slow_rates_are_foreseen_and_never_better_than_by_the_truth(split):
    rates = np.exp(0.8 * np.column_stack([slow(i) for i in range(UNITS)]) - 0.5)
    counts = np.random.default_rng(0).poisson(rates)
    found, best = rows_of(counts, split), truth(counts, rates, split)
    past, others = found["bits_per_spike", PAST], found["bits_per_spike", OTHERS]
    assert 0.3 * best < past.value < others.value < best
    assert found["co_smoothing", SHARED].value < 0.1 * best  # units that share nothing
    assert past.low < past.value < past.high
    assert found["co_smoothing", PAST].value == pytest.approx(past.value, abs=0.5 * best)


def test_what_units_share_is_seen_through_the_others(split):
    rates = np.exp(0.8 * slow(0, rho=0.8)[:, None] * np.linspace(0.5, 1.5, UNITS))
    counts = np.random.default_rng(0).poisson(rates)
    found = rows_of(counts, split)
    best = truth(counts[:, HELD_OUT], rates[:, HELD_OUT], split)
    assert found["co_smoothing", PAST].value < found["co_smoothing", SHARED].value < best
    assert found["co_smoothing", SHARED].value > 0.5 * best


def test_constant_rates_gain_nothing(split):
    counts = np.random.default_rng(0).poisson(0.3, (N, UNITS))
    for row in rows_of(counts, split).values():
        assert row.value == pytest.approx(0, abs=0.01)


def trials_of(length=50):
    trial = np.arange(N) // length
    within = np.where(np.arange(N) % length < length - 10, trial, -1)
    kind = np.random.default_rng(1).integers(0, 3, N // length)
    return Trials(within, np.arange(N) % length, {"kind": kind, "time": np.arange(N // length)}), kind[trial]


def test_trials_that_repeat_are_foreseen_by_their_average(split):
    trials, kind = trials_of()
    phase = trials.bin_in_trial[:, None] / 8 + np.arange(UNITS) + 2 * kind[:, None]
    rates = np.where(trials.of_bin[:, None] >= 0, np.exp(np.sin(phase)), 1.0)
    counts = np.random.default_rng(0).poisson(rates)
    found, best = rows_of(counts, split, trials), truth(counts, rates, split)
    alike = found["bits_per_spike", "the average of trials with the same kind"]
    assert 0.6 * best < alike.value < best
    assert found["bits_per_spike", "the trial average"].value < 0.5 * best
    assert "the mean rate between trials (25% of test bins)" in alike.note
    assert not any("same time" in name for _, name in found)  # every trial has its own: nothing repeats


def test_trials_of_which_nothing_repeats_gain_nothing(split):
    trials, _ = trials_of()
    counts = np.random.default_rng(0).poisson(np.exp(slow(3))[:, None] * np.ones(UNITS))
    assert rows_of(counts, split, trials)["bits_per_spike", "the trial average"].value < 0.02


def test_units_silent_in_training_and_sessions_without_held_out_units_do_no_harm(split):
    counts = np.random.default_rng(0).poisson(0.3, (N, UNITS))
    counts[split == 0, 3] = 0
    found = rows_of(counts, split, held_out=np.zeros(UNITS, bool))
    assert {score for score, _ in found} == {"bits_per_spike"}
    assert rows_of(np.zeros((N, UNITS), int), split) == {}
    assert rows_of(counts, np.zeros(N, int)) == {}
