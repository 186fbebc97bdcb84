"""Baselines and neuropil against SciPy, against sorting every window, and against known baselines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

from alveus.calcium.baseline import baseline, window_frames
from alveus.calcium.neuropil import check_shapes, subtract_neuropil
from alveus.config.calcium import ConstantBaseline, MaximinBaseline, PercentileBaseline
from alveus.errors import RecordingError, SettingError

RATE = 30.0


def traces(n_frames, seed=0, n_units=2):
    rng = np.random.default_rng(seed)
    return 100 + rng.standard_normal((n_units, n_frames)).cumsum(axis=1) + rng.standard_normal((n_units, n_frames))


def maximin(values, deviation, window):
    smoothed = ndimage.gaussian_filter1d(values, deviation, axis=1)
    return ndimage.maximum_filter1d(ndimage.minimum_filter1d(smoothed, window, axis=1), window, axis=1)


@given(st.integers(1, 1500), st.floats(0.01, 1.5), st.floats(0.1, 70), st.integers(0, 99))
def test_maximin_is_scipys_filters_edges_included(n_frames, smoothing, window, seed):
    values = traces(n_frames, seed)
    found = baseline(values, np.array([0, n_frames]), RATE, MaximinBaseline(smoothing=smoothing, window=window))
    expected = maximin(values, smoothing * RATE, window_frames(window, RATE))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(st.integers(1, 900), st.floats(0.1, 70), st.sampled_from([0.5, 8, 29, 50, 99.9]), st.integers(1, 5))
def test_the_rolling_percentile_is_that_of_every_window_sorted(n_frames, window, percentile, levels):
    values = np.round(traces(n_frames) / levels)  # many are equal
    width = window_frames(window, RATE)
    found = baseline(
        values, np.array([0, n_frames]), RATE, PercentileBaseline(percentile=percentile, window=window)
    )
    half = width // 2
    for t in range(n_frames):
        inside = np.sort(values[:, max(0, t - half) : t + half + 1], axis=1)
        place = int(inside.shape[1] * percentile / 100)
        np.testing.assert_array_equal(found[:, t], inside[:, place])
    if n_frames > width:
        theirs = ndimage.percentile_filter(values, percentile, size=(1, width))
        np.testing.assert_array_equal(found[:, half:-half], theirs[:, half:-half])


def test_the_rolling_percentile_agrees_over_many_sorts():
    values = traces(2000, n_units=1)
    found = baseline(values, np.array([0, 2000]), RATE, PercentileBaseline(percentile=20, window=0.5))
    theirs = ndimage.percentile_filter(values, 20, size=(1, 15))
    np.testing.assert_array_equal(found[:, 7:-7], theirs[:, 7:-7])


@given(st.integers(1, 500), st.sampled_from([1, 8, 50, 99]))
def test_a_constant_baseline_is_one_percentile_of_all_frames(n_frames, percentile):
    values = traces(n_frames)
    starts = np.unique([0, n_frames // 2, n_frames])
    found = baseline(values, starts, RATE, ConstantBaseline(percentile=percentile))
    expected = np.sort(values, axis=1)[:, int(n_frames * percentile / 100)]
    np.testing.assert_array_equal(found, np.repeat(expected[:, None], n_frames, axis=1))


def test_long_stretches_have_baselines_of_their_own():
    values = np.concatenate([traces(700), traces(900, seed=1) + 1000], axis=1)
    for settings in (MaximinBaseline(window=20), PercentileBaseline(window=20)):
        found = baseline(values, np.array([0, 700, 1600]), RATE, settings)
        alone = [
            baseline(part.copy(), np.array([0, part.shape[1]]), RATE, settings)
            for part in np.split(values, [700], axis=1)
        ]
        np.testing.assert_allclose(found, np.concatenate(alone, axis=1))


def test_short_trials_share_a_baseline_but_are_smoothed_apart():
    values = traces(1000)
    values[:, 500:600] += 80  # active throughout a trial: with a baseline of its own it would seem silent
    starts = np.arange(0, 1001, 100)
    found = baseline(values, starts, RATE, MaximinBaseline(window=20))
    parts = [
        ndimage.gaussian_filter1d(part, 0.33 * RATE, axis=1) for part in np.split(values, starts[1:-1], axis=1)
    ]
    smoothed, width = np.concatenate(parts, axis=1), window_frames(20, RATE)
    expected = ndimage.maximum_filter1d(ndimage.minimum_filter1d(smoothed, width, axis=1), width, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (values[:, 500:600] - found[:, 500:600]).mean() > 40


@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_a_baseline_follows_scale_and_offset(scale, offset):
    values, starts = traces(400), np.array([0, 150, 400])
    for settings in (MaximinBaseline(window=5), PercentileBaseline(window=5), ConstantBaseline()):
        moved = baseline(values * scale + offset, starts, RATE, settings)
        np.testing.assert_allclose(moved, baseline(values, starts, RATE, settings) * scale + offset, atol=1e-8)


@pytest.mark.parametrize("settings", [MaximinBaseline(), PercentileBaseline()])
def test_a_known_baseline_that_bleaches_is_found(settings):
    n = 18_000
    rng = np.random.default_rng(2)
    truth = 1000 * np.exp(-np.arange(n) / 12_000)
    spikes = rng.random(n) < 0.1 / RATE
    calcium = ndimage.convolve1d(
        spikes.astype(float), np.exp(-np.arange(-60, 61) / 20) * (np.arange(-60, 61) >= 0)
    )
    values = (truth * (1 + 0.5 * calcium) + 20 * rng.standard_normal(n))[None]
    found = baseline(values, np.array([0, n]), RATE, settings)[0]
    # below the truth: by the slope of a minute's bleaching, and by the noise that is left
    assert np.abs(found / truth - 1).max() < 0.16
    assert np.abs(np.median(found / truth) - 1) < 0.08


@pytest.mark.parametrize(("rate", "maximin_offset"), [(7.5, -0.76), (30.0, -0.39), (120.0, -0.18)])
def test_beneath_noise_a_baseline_lies_as_low_as_the_guide_says(rate, maximin_offset):
    n = int(600 * rate)
    noise, starts = np.random.default_rng(0).standard_normal((4, n)), np.array([0, n])
    for percentile in (8, 50):
        offset = baseline(noise, starts, rate, PercentileBaseline(percentile=percentile)).mean()
        assert offset == pytest.approx(stats.norm.ppf(percentile / 100), abs=0.05)
    assert baseline(noise, starts, rate, MaximinBaseline()).mean() == pytest.approx(maximin_offset, abs=0.06)


def test_traces_in_memory_that_is_not_contiguous_give_the_same():
    values = np.asfortranarray(traces(300, n_units=3))
    for settings in (MaximinBaseline(window=2), PercentileBaseline(window=2), ConstantBaseline()):
        found = baseline(values, np.array([0, 300]), RATE, settings)
        expected = baseline(np.ascontiguousarray(values), np.array([0, 300]), RATE, settings)
        np.testing.assert_array_equal(found, expected)


def test_windows_are_odd_and_too_short_ones_are_refused():
    assert [window_frames(window, RATE) for window in (60, 0.1, 0.14)] == [1801, 3, 5]
    with pytest.raises(SettingError, match=r"0\.05 s is 1\.5 frames at 30 Hz"):
        window_frames(0.05, RATE)


def test_neuropil_is_subtracted_by_its_part():
    F, around = traces(50), traces(50, seed=3)
    expected = F - 0.7 * around
    np.testing.assert_allclose(subtract_neuropil(F.copy(), around.copy(), 0.7), expected)


def test_neuropil_of_another_shape_is_refused_with_both_shapes():
    with pytest.raises(RecordingError, match="3 ROIs × 100 frames, neuropil 3 × 99"):
        check_shapes((3, 100), (3, 99))
