"""The split: contiguous blocks, gaps, whole trials, all parts spread over the session."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from alveus.config.preprocess import Split
from alveus.errors import AlveusError, QualityError
from alveus.preprocessing.blocks import Block
from alveus.preprocessing.grid import Bins
from alveus.preprocessing.split import SplitPlan, check_no_leak, plan_split

NONE = np.empty((0, 2), np.int64)


def runs(*lengths, apart=5, unrelated=False, width=Fraction(1, 20)):
    lengths = np.array(lengths)
    first = np.concatenate([[0], np.cumsum(lengths + apart)[:-1]])
    return Bins(Fraction(0), width, 1, first, lengths, unrelated)


def borders(parts):
    """Distances in bins between neighbouring bins of different parts."""
    known = np.flatnonzero(parts >= 0)
    change = parts[known[1:]] != parts[known[:-1]]
    return np.diff(known)[change] - 1


@st.composite
def sessions(draw):
    lengths = draw(st.lists(st.integers(1, 2000), min_size=1, max_size=12))
    assume(sum(lengths) >= 100)
    bins = runs(*lengths, apart=draw(st.integers(1, 30)), unrelated=draw(st.booleans()))
    longest = draw(st.integers(1, 100))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    cuts = np.sort(rng.choice(bins.n_bins, min(bins.n_bins // 2, draw(st.integers(0, 200))), replace=False))
    stops = np.minimum(cuts + rng.integers(0, longest, cuts.size), bins.n_bins)
    return bins, np.stack([cuts, stops], axis=1), Split(seed=draw(st.integers(0, 3)))


@trial(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(sessions())
def test_no_trial_leaks_and_every_part_gets_bins(session):
    bins, trials, settings = session
    try:
        plan = plan_split(bins, trials, settings)
    except QualityError:
        assert bins.lengths.max() < 20
        return
    parts = plan.read(0, bins.n_bins)
    assert set(parts.tolist()) >= {0, 1, 2}
    assert set(parts.tolist()) <= {-1, 0, 1, 2}
    if plan.trials_whole:
        for i0, i1 in trials.tolist():
            assert len(set(parts[i0:i1].tolist()) - {-1}) <= 1
    pieces = [plan.read(i, min(i + 13, bins.n_bins)) for i in range(0, bins.n_bins, 13)]
    np.testing.assert_array_equal(np.concatenate(pieces), parts)
    fractions = plan.fractions()
    for code, name in enumerate(("train", "validation", "test")):
        assert fractions[name] == pytest.approx((parts == code).mean())


@given(st.integers(200, 100_000), st.integers(0, 5))
def test_without_trials_fractions_and_gaps_are_as_asked(n_bins, seed):
    plan = plan_split(runs(n_bins), NONE, Split(seed=seed))
    parts = plan.read(0, n_bins)
    used = (parts >= 0).sum()
    for code, wanted in enumerate((0.7, 0.1, 0.2)):
        assert (parts == code).sum() / used == pytest.approx(wanted, abs=0.05 if n_bins < 1000 else 0.01)
    assert plan.fractions()["gap"] <= 0.15
    assert plan.gap == min(20, int(n_bins // 10 // 20))
    assert borders(parts).min() >= plan.gap


def test_all_parts_are_spread_over_the_session():
    parts = plan_split(runs(72_000), NONE, Split()).read(0, 72_000)
    for tenth in np.split(parts, 10):
        assert {0, 1, 2} <= set(tenth.tolist())


def test_another_seed_orders_the_parts_differently():
    one, other = (plan_split(runs(72_000), NONE, Split(seed=s)).read(0, 72_000) for s in (0, 1))
    assert (one != other).mean() > 0.1
    np.testing.assert_array_equal(one, plan_split(runs(72_000), NONE, Split(seed=0)).read(0, 72_000))


def test_trials_back_to_back_are_kept_whole_with_gaps_between_parts():
    starts = np.arange(0, 40_000, 80)
    trials = np.stack([starts, starts + 80], axis=1)
    plan = plan_split(runs(40_000), trials, Split())
    parts = plan.read(0, 40_000).reshape(-1, 80)
    assert plan.trials_whole
    assert (parts == parts[:, :1]).all()
    assert borders(parts.ravel()).min() >= plan.gap == 20
    used = parts[parts >= 0]
    np.testing.assert_allclose([(used == c).mean() for c in range(3)], [0.7, 0.1, 0.2], atol=0.08)


def test_eight_short_stretches_have_all_parts_each():
    bins = runs(*[69] * 8, apart=0, unrelated=True, width=Fraction(9, 200))
    plan = plan_split(bins, NONE, Split())
    parts = plan.read(0, 552).reshape(8, 69)
    for stretch in parts:
        assert {0, 1, 2} <= set(stretch.tolist())
    np.testing.assert_allclose([(parts == c).sum() for c in range(3)], [350, 50, 100], atol=25)


def test_stretches_that_are_one_trial_each_go_whole_to_parts():
    bins = runs(*[100] * 1300, apart=0, unrelated=True, width=Fraction(1, 100))
    trials = np.stack([np.arange(0, 130_000, 100), np.arange(100, 130_001, 100)], axis=1)
    plan = plan_split(bins, trials, Split())
    parts = plan.read(0, 130_000).reshape(1300, 100)
    assert plan.trials_whole
    assert (parts == parts[:, :1]).all()
    np.testing.assert_allclose([(parts == c).mean() for c in range(3)], [0.7, 0.1, 0.2], atol=0.01)
    assert (parts >= 0).all()


def test_very_short_stretches_go_whole_to_parts():
    bins = runs(*[15] * 60)
    parts = plan_split(bins, NONE, Split()).read(0, 900).reshape(60, 15)
    assert (parts == parts[:, :1]).all()
    np.testing.assert_allclose([(parts == c).mean() for c in range(3)], [0.7, 0.1, 0.2], atol=0.05)


def test_trials_that_fill_the_session_are_cut_and_it_is_said():
    plan = plan_split(runs(1000), np.array([[0, 1000]]), Split())
    assert not plan.trials_whole
    assert {0, 1, 2} <= set(plan.read(0, 1000).tolist())


def test_a_session_that_cannot_be_split_is_refused():
    with pytest.raises(QualityError, match="too few to be split"):
        plan_split(runs(5), NONE, Split())


def test_a_leak_is_noticed():
    plan = SplitPlan((Block(0, 10, 0), Block(10, 20, 2)), 20, 20, 0, True)
    with pytest.raises(AlveusError, match="more than one part"):
        check_no_leak(plan, np.array([[5, 15]]))
