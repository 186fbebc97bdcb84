"""The compiled loops against each other, and without a place to keep machine code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveus.preprocessing import kernels


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500), st.integers(1, 4), st.booleans())
def test_both_loops_count_the_same(n_spikes, n_units, drop):
    rng = np.random.default_rng(n_spikes)
    edges = np.cumsum(rng.integers(1, 9, 4001)) - 1
    ticks = np.sort(rng.integers(edges[0], edges[-1], n_spikes))
    codes = rng.integers(0, n_units, n_spikes).astype(np.int32)
    column_of = np.arange(n_units, dtype=np.int32) - 1  # the first unit is left out
    results = []
    for count, order in (
        (kernels.count_in_order, np.arange(n_spikes)),
        (kernels.count_by_unit, np.argsort(codes, kind="stable")),
    ):
        counts = np.full((4000, max(1, n_units - 1)), 7, np.uint16)
        last, repeats = np.full(n_units, -1), np.zeros(n_units, np.int64)
        assert not count(ticks[order], codes[order], column_of, edges, last, repeats, drop, counts)
        results.append((counts, last, repeats))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_a_count_one_past_the_largest_is_noticed(dtype):
    counts = np.zeros((1, 1), dtype)
    one = np.zeros(1, np.int32)
    ticks = np.arange(256)
    overflowed = kernels.count_in_order(
        ticks, np.zeros(256, np.int32), one, np.array([0, 256]), np.full(1, -1), np.zeros(1, int), True, counts
    )
    assert overflowed == (dtype is np.uint8)
    assert counts[0, 0] == (0 if overflowed else 256)
