"""Samples fall into the bins that hold them, whatever their rate, and nothing is made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binned_statistic

from alveus.errors import RecordingError
from alveus.preprocessing.alignment import align

SIZE = 0.02


def centres(n_bins, start=0.0):
    return start + (np.arange(n_bins) + 0.5) * SIZE


@given(
    n_bins=st.integers(1, 60),
    start=st.sampled_from([0.0, 3.0, 86_400.0]),
    edges=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_samples_at_centres_or_beginnings_of_bins_come_back_as_they_are(n_bins, start, edges, order):
    bins = centres(n_bins, start)
    held = np.sort(order.sample(range(n_bins), -(-4 * n_bins // 5)))
    values = np.arange(n_bins, dtype=float)[:, None]
    times = bins[held] - (SIZE / 2 if edges else 0)
    found = align(times, values[held], bins, SIZE)
    assert np.array_equal(np.flatnonzero(found.covered), held)
    assert np.array_equal(found.values[held], values[held])
    assert np.isnan(found.values[~found.covered]).all()
    assert found.n_outside == 0


@given(st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=300, unique=True), st.integers(0, 2**32 - 1))
def test_samples_of_any_times_are_averaged_in_their_bins_as_by_scipy(times, seed):
    times = np.sort(times)
    values = np.random.default_rng(seed).standard_normal(times.size)
    bins, edges = centres(50), np.arange(51) * SIZE
    if np.min(np.abs(times[:, None] - edges)) < 1e-6:  # on an edge the two may round differently
        return
    expected = binned_statistic(times, values, "mean", edges).statistic
    try:
        found = align(times, values[:, None], bins, SIZE)
    except RecordingError:
        assert np.isnan(expected).all() or np.median(np.diff(times)) > 1.5 * SIZE
        return
    np.testing.assert_allclose(found.values[:, 0], expected, atol=1e-12)
    assert found.n_outside == np.count_nonzero((times < 0) | (times > 1))


def test_the_nearest_sample_is_taken_within_the_tolerance_and_no_further():
    bins, times = centres(10), np.array([0.05, 0.1])
    found = align(times, np.array([[1.0], [2.0]]), bins, SIZE, tolerance=0.03)
    assert found.values[:, 0].tolist()[1:7] == [1, 1, 1, 2, 2, 2]
    assert found.covered.tolist() == [False] + [True] * 6 + [False] * 3
    assert np.abs(bins[found.covered][:, None] - times).min(axis=1).max() <= 0.03 + 1e-9


def test_samples_of_another_clock_are_refused_with_both_spans():
    with pytest.raises(RecordingError, match=r"none of the 100 samples, from 1000 to 1099 s.*from 0.01 to 1.99 s"):
        align(np.arange(100) + 1000.0, np.zeros((100, 1)), centres(100), SIZE)


def test_samples_sparser_than_bins_are_refused_with_the_tolerance_that_would_do():
    times = np.arange(0, 2, 0.05)
    with pytest.raises(RecordingError, match=r"0.05 s apart .* bins 0.02 s wide.*60 of 100 .* --tolerance 0.025"):
        align(times, np.zeros((40, 1)), centres(100), SIZE)
    assert align(times, np.zeros((40, 1)), centres(100), SIZE, tolerance=0.025).covered.sum() >= 99


def test_trials_far_apart_are_no_sparse_samples():
    held = np.r_[0:20, 50:70]
    assert align(centres(100)[held], np.zeros((40, 1)), centres(100), SIZE).covered.sum() == 40
