"""What a predictive check says of true models, of wrong ones, and of nothing."""

import numpy as np
import pytest
import scipy.stats

from alveus.recording.population import (
    N_DRAWS,
    NOMINAL,
    Predictive,
    RunningStatistics,
    place_probe,
)
from alveus.scores.intervals import share_interval
from alveus.scores.predictive_check import inside, inside_each_other, predictive_check
from alveus.scores.settings import ScoreSettings

SPLIT = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [350, 50, 100]), 20)
TEST = SPLIT == 2


class Independent:
    """Poisson units without anything in common; the rate of each may be off by a factor."""

    def __init__(self, n_units=40, factor=1.0):
        self.rate = factor * np.linspace(0.02, 0.1, n_units)

    def draw(self, rng, n_bins):
        return rng.poisson(self.rate, (n_bins, self.rate.size))


class Shared(Independent):
    """Poisson units whose rates two latents move together."""

    def draw(self, rng, n_bins):
        weights = np.random.default_rng(0).normal(0, 1.0, (2, self.rate.size))
        return rng.poisson(self.rate * np.exp(rng.normal(size=(n_bins, 2)) @ weights))


class Bursting(Independent):
    """Negative binomial units: independent, and more variable than Poisson."""

    def draw(self, rng, n_bins):
        return rng.poisson(self.rate * rng.gamma(0.2, 5.0, (n_bins, self.rate.size)))


def predictive(model, rng):
    probe = place_probe(TEST, model.rate.size)
    running = RunningStatistics(N_DRAWS, model.rate.size, probe)
    running.add(0, np.stack([model.draw(rng, probe.bins.size) for _ in range(N_DRAWS)]))
    return Predictive(probe, running.statistics())


def check(truth, model, seed=0):
    rng = np.random.default_rng(seed)
    counts = truth.draw(rng, SPLIT.size).astype(np.uint8)
    rows = predictive_check(predictive(model, rng), counts, SPLIT, ScoreSettings())
    return {row.target: row for row in rows}


@pytest.mark.parametrize("model", [Independent(), Shared(), Bursting()], ids=["poisson", "shared", "bursting"])
def test_a_true_model_passes_at_the_nominal_level(model):
    checks = [check(model, model, seed) for seed in range(10)]
    for target in ("rate", "fano_factor", "correlation", "silent_bins"):
        shares = np.array([one[target].value for one in checks if one[target].status == "ok"])
        error = shares.std(ddof=1) / np.sqrt(shares.size)
        assert shares.mean() > NOMINAL - 4 * error - 0.01, target
        if target in ("rate", "correlation"):  # few ties
            assert shares.mean() < NOMINAL + 4 * error + 0.01, target
        covered = [one[target].low <= NOMINAL <= one[target].high for one in checks]
        assert np.mean(covered) >= 0.7, target


def test_each_statistic_finds_its_own_fault():
    rate = check(Independent(), Independent(factor=1.5))
    assert rate["rate"].high < 0.5 < rate["rate"].floor
    assert rate["silent_bins"].high < 0.6 < rate["silent_bins"].floor
    assert rate["correlation"].high > NOMINAL
    fano = check(Bursting(), Independent())
    assert fano["fano_factor"].high < NOMINAL
    assert fano["fano_factor"].value < 0.5
    assert fano["correlation"].high > NOMINAL - 0.03
    pairs = check(Shared(), Independent())
    assert pairs["correlation"].value < 0.75
    assert pairs["correlation"].high < NOMINAL


def test_the_floor_is_the_mean_rate_model():
    row = check(Shared(), Shared())["correlation"]
    assert row.low > row.floor
    assert row.floor == pytest.approx(check(Shared(), Independent())["correlation"].value, abs=0.05)
    assert "independent" in row.floor_name
    assert check(Independent(), Independent())["correlation"].floor == pytest.approx(NOMINAL, abs=0.03)


def test_units_inside_or_outside_together_count_as_few():
    class Same(Independent):
        def draw(self, rng, n_bins):
            return np.repeat(rng.poisson(0.3, (n_bins, 1)), self.rate.size, axis=1)

    together, apart = check(Same(), Same())["rate"], check(Independent(), Independent())["rate"]
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_a_share_has_wilsons_interval():
    for k, n in ((0, 5), (3, 17), (95, 100), (8, 8)):
        expected = scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
        found = share_interval(k / n, n)
        np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], atol=1e-12)


def test_draws_without_a_value_are_passed_over():
    drawn = np.array([[np.nan, np.nan, 1.0], [2.0, np.nan, 3.0], [5.0, np.nan, np.nan]])
    assert inside(np.array([2.0, 1.0, 2.5]), drawn).tolist() == [True, False, True]
    assert inside(np.array([1.9, 1.0, 3.1]), drawn).tolist() == [False, False, False]


def test_each_draw_is_compared_with_the_others():
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(12, 30)).round(1)
    drawn[3, :4] = np.nan
    expected = [inside(drawn[k], np.delete(drawn, k, axis=0)).mean() for k in range(12)]
    np.testing.assert_allclose(inside_each_other(drawn), expected)


def test_silence_is_nothing_to_compare():
    class Loud(Independent):
        def draw(self, rng, n_bins):
            return 1 + super().draw(rng, n_bins)

    row = check(Loud(), Loud())["silent_bins"]
    assert row.status == "not estimable"
    assert "0 in all stretches" in row.note
    quiet = Independent(factor=0.0)
    for target, row in check(quiet, quiet).items():
        assert row.status == "not estimable", target


def test_events_have_rates_and_correlations_only():
    model, rng = Shared(), np.random.default_rng(0)
    counts = model.draw(rng, SPLIT.size) * 0.37
    rows = predictive_check(predictive(model, rng), counts, SPLIT, ScoreSettings(), quantity="events")
    assert {row.target: row.status for row in rows} == {
        "rate": "ok",
        "fano_factor": "not defined",
        "correlation": "ok",
        "silent_bins": "not defined",
    }
    assert all(row.floor is None for row in rows)
