"""Which bins of a session its page shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alveus.report.excerpts import example_bins, spread_bins
from alveus.report.figures.recording import pool


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=12), st.integers(1, 40))
def test_the_example_never_crosses_a_gap_and_no_other_stretch_has_more_test_bins(blocks, wanted):
    segment = np.repeat(np.arange(len(blocks)), [n for n, _ in blocks])
    split = np.repeat([2 if test else 0 for _, test in blocks], [n for n, _ in blocks])
    chosen = example_bins(split, segment, wanted)
    length = chosen.stop - chosen.start
    assert length == min(wanted, max(n for n, _ in blocks))
    assert np.unique(segment[chosen]).size == 1
    for start in range(split.size - length + 1):
        if np.unique(segment[start : start + length]).size == 1:
            assert (split[start : start + length] == 2).sum() <= (split[chosen] == 2).sum()


@given(st.integers(1, 500), st.integers(1, 100))
def test_spread_bins_are_distinct_ascending_and_inside(n_bins, n_points):
    bins = spread_bins(n_bins, n_points)
    assert bins.size == min(n_bins, n_points)
    assert np.all(np.diff(bins) > 0)
    assert bins[0] >= 0
    assert bins[-1] < n_bins


@given(st.integers(1, 300), st.integers(1, 50))
def test_pooling_keeps_the_sum_of_what_it_averages(length, size):
    values = np.random.default_rng(length).random(length)
    pooled = pool(values, size, 0)
    width = -(-length // size)
    widths = np.minimum(width, length - width * np.arange(pooled.size))
    assert pooled.size <= size
    np.testing.assert_allclose((pooled * widths).sum(), values.sum())
