from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.io.cleaning.clock import GRID_TOLERANCE, clock_of, off_grid, to_ticks
from alveus.io.cleaning.observed import common_intervals
from alveus.io.cleaning.spikes import flat_spikes, ragged_spikes
from alveus.recording import spikes as recording_spikes
from alveus.recording.spikes import NANOSECOND_CLOCK


@given(st.integers(-(10**14), 6 * 10**14))
def test_nanoseconds_of_a_week_are_exact(nanoseconds):
    assert to_ticks(np.array([nanoseconds / 1e9]), NANOSECOND_CLOCK)[0] == nanoseconds


@given(st.integers(0, 30000 * 86400), st.sampled_from([30000.0, 24414.0625, 20000.0, 29999.7543]))
def test_samples_of_a_day_are_exact_and_on_the_grid(sample, rate):
    times = np.array([sample / rate])
    assert to_ticks(times, clock_of(rate))[0] == sample
    assert off_grid(times, clock_of(rate)) < GRID_TOLERANCE


def test_a_rate_is_the_decimal_it_was_written_as():
    assert clock_of(30000) == 30000
    assert clock_of(29999.9977) == Fraction(299999977, 10000)


@st.composite
def trains(draw):
    n_units = draw(st.integers(1, 4))
    return [
        np.sort(np.array(draw(st.lists(st.floats(0, 8.0).map(lambda t: t + 1e-4), max_size=12)), float))
        for _ in range(n_units)
    ]


@pytest.mark.parametrize("per_read", [3, 1 << 20])
@given(spikes=trains())
def test_flat_and_ragged_lists_give_the_same_spikes_in_any_block_size(spikes, per_read):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alveus.io.cleaning.spikes.SPIKES_PER_READ", per_read)
        patch.setattr(recording_spikes, "SPIKES_PER_READ", per_read)
        ids = [str(unit) for unit in range(len(spikes))]
        times = np.concatenate(spikes)
        codes = np.repeat(np.arange(len(spikes)), [t.size for t in spikes]).astype(np.int32)
        flat, _ = flat_spikes(times, codes, ids, sampling_rate=None, name="flat")
        ends = np.cumsum([t.size for t in spikes])
        ragged, _ = ragged_spikes(times, ends, ids, sampling_rates=[], name="ragged")
        np.testing.assert_array_equal(flat.spike_counts(), ragged.spike_counts())
        assert (flat.first_tick, flat.last_tick) == (ragged.first_tick, ragged.last_tick)
        stops = range(10**9, 10**10, 10**9)
        for (ours, our_codes), (theirs, their_codes) in zip(flat.blocks(stops), ragged.blocks(stops), strict=True):
            assert sorted(zip(ours, our_codes, strict=True)) == sorted(zip(theirs, their_codes, strict=True))


def test_each_spike_of_unsorted_units_is_found_once():
    rng = np.random.default_rng(0)
    times, codes = rng.uniform(0, 9, 500), rng.integers(0, 3, 500).astype(np.int32)
    flat, findings = flat_spikes(times, codes, ["a", "b", "c"], sampling_rate=None, name="x")
    ((ticks, units),) = flat.blocks([10**11])
    expected = sorted(zip(to_ticks(times, NANOSECOND_CLOCK), codes, strict=True))
    assert sorted(zip(ticks, units, strict=True)) == expected
    assert (np.diff(ticks) >= 0).all()
    assert findings[0].count == (np.diff(times) < 0).sum()


intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


@given(st.lists(intervals, min_size=1, max_size=4))
def test_shared_time_is_the_time_inside_an_interval_of_every_unit(per_unit):
    stated = [np.array([(a, b) for a, b in unit if b > a], float).reshape(-1, 2) for unit in per_unit]
    stated = [unit for unit in stated if len(unit)]
    middle = np.arange(40) + 0.5
    inside = np.ones(40, bool)
    for unit in stated:
        inside &= ((middle[:, None] > unit[:, 0]) & (middle[:, None] < unit[:, 1])).any(axis=1)
    given_units = [np.array(unit, float).reshape(-1, 2) for unit in per_unit]
    if stated and not inside.any():
        with pytest.raises(Exception, match="no time was observed"):
            common_intervals(given_units, "x")
        return
    shared, _ = common_intervals(given_units, "x")
    if not stated:
        assert shared is None
        return
    ours = ((middle[:, None] > shared[:, 0]) & (middle[:, None] < shared[:, 1])).any(axis=1)
    np.testing.assert_array_equal(ours, inside)
    assert (np.diff(shared.ravel()) >= 0).all()
