"""Spike trains hand out each spike once, whatever the blocks."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.errors import RecordingError
from alveus.recording import FlatSpikeTrains, RaggedSpikeTrains
from alveus.recording import spikes as module

CLOCK = Fraction(30000)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(-1, 3)), max_size=60),
    st.lists(st.integers(0, 600), max_size=8),
    st.integers(1, 20),
)
def test_every_spike_comes_once_and_before_its_stop(spikes, stops, per_read):
    spikes.sort()
    ticks = np.array([t for t, _ in spikes], np.int64)
    codes = np.array([c for _, c in spikes], np.int32)
    stops = [*sorted(stops), 1000]
    before = module.SPIKES_PER_READ
    module.SPIKES_PER_READ = per_read
    try:
        flat = FlatSpikeTrains(ticks, codes, 4, CLOCK)
        by_unit = [ticks[codes == u] for u in range(4)]
        kept = ticks[codes >= 0]
        bounds = (int(kept.min()), int(kept.max())) if kept.size else (0, 0)
        reads = [lambda i, j, u=u: by_unit[u][i:j] for u in range(4)]
        ragged = RaggedSpikeTrains(reads, [len(u) for u in by_unit], bounds, CLOCK)
        for trains in (flat, ragged):
            given_out = []
            last = -1
            for stop, (block, block_codes) in zip(stops, trains.blocks(stops), strict=True):
                assert np.all((block >= last) & (block < stop))
                last = stop
                given_out += list(zip(block.tolist(), block_codes.tolist(), strict=True))
            assert sorted(given_out) == sorted((t, c) for t, c in spikes if c >= 0)
            np.testing.assert_array_equal(trains.spike_counts(), np.bincount(codes[codes >= 0], minlength=4))
            assert (trains.first_tick, trains.last_tick) == bounds
    finally:
        module.SPIKES_PER_READ = before


def test_cluster_ids_are_looked_up_while_they_are_read():
    lookup = np.array([-1, 0, -1, 1], np.int32)
    trains = FlatSpikeTrains(np.array([1, 2, 3]), np.array([3, 2, 1]), 2, CLOCK, lookup)
    ((ticks, codes),) = trains.blocks([10])
    assert ticks.tolist() == [1, 3]
    assert codes.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("ticks", "codes", "words"),
    [
        ([3, 1], [0, 0], "not ascending"),
        ([1], [0, 0], "1 spike times but 2 units"),
        ([1], [5], "belongs to unit 5"),
    ],
)
def test_spikes_that_contradict_themselves_are_refused(ticks, codes, words):
    with pytest.raises(RecordingError, match=words):
        FlatSpikeTrains(np.array(ticks), np.array(codes), 2, CLOCK)
