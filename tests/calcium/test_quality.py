"""Noise, SNR, skewness and saturation against closed forms, NumPy and SciPy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from alveus.calcium.quality import count_saturated, measure_quality, median_difference, refused_findings


def starts(n_frames):
    return np.array([0, n_frames])


@pytest.mark.parametrize("rate", [7.5, 30.0, 160.0])
def test_the_noise_of_white_noise_is_its_own(rate):
    noise = 0.2 * np.random.default_rng(0).standard_normal((4, 60_000))
    found = measure_quality(noise, starts(60_000), rate)
    np.testing.assert_allclose(found.noise_sd, 0.2, rtol=0.02)
    expected = 100 * 0.2 * np.sqrt(2) * scipy.stats.norm.ppf(0.75) / np.sqrt(rate)
    np.testing.assert_allclose(found.noise_level, expected, rtol=0.02)
    np.testing.assert_allclose(found.skewness, 0, atol=0.05)


def test_noise_level_and_skewness_are_those_of_numpy_and_scipy():
    values = np.random.default_rng(1).gamma(1.0, size=(5, 2001))
    found = measure_quality(values.copy(), starts(2001), 30.0)
    expected = 100 * np.median(np.abs(np.diff(values, axis=1)), axis=1) / np.sqrt(30)
    np.testing.assert_allclose(found.noise_level, expected)
    np.testing.assert_allclose(found.skewness, scipy.stats.skew(values, axis=1))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_differences_across_gaps_do_not_count(lengths):
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    values = np.random.default_rng(sum(lengths)).standard_normal((3, bounds[-1]))
    within = [np.abs(np.diff(part, axis=1)) for part in np.split(values, bounds[1:-1], axis=1)]
    together = np.concatenate(within, axis=1)
    found = median_difference(values, bounds)
    if together.shape[1]:
        np.testing.assert_allclose(found, np.median(together, axis=1))
    else:
        assert np.isnan(found).all()


def test_transients_hardly_change_the_noise_and_make_the_snr():
    rng = np.random.default_rng(2)
    n, rate, height = 54_000, 30.0, 2.0
    noise = 0.1 * rng.standard_normal(n)
    calcium = np.zeros(n)
    for begin in range(500, n, 1000):
        calcium[begin : begin + 60] += height  # two seconds at its height, 54 times
    found = measure_quality(np.stack([noise, noise + calcium]), starts(n), rate)
    np.testing.assert_allclose(found.noise_sd, 0.1, rtol=0.03)
    # the 30th highest of 54 000 and of 3240 values of noise
    np.testing.assert_allclose(found.snr[0], scipy.stats.norm.isf(30 / n), rtol=0.05)
    np.testing.assert_allclose(found.snr[1], height / 0.1 + scipy.stats.norm.isf(30 / 3240), rtol=0.03)


def test_one_wild_frame_is_no_transient():
    values = np.random.default_rng(3).standard_normal((2, 3000))
    values[1, 100] = 1e6
    found = measure_quality(values, starts(3000), 30.0)
    assert found.snr[1] < 4
    np.testing.assert_allclose(found.noise_sd, 1, rtol=0.05)


def test_a_trace_without_noise_has_no_snr():
    values = np.zeros((1, 100))
    values[0, 50] = 1
    assert np.isnan(measure_quality(values, starts(100), 30.0).snr[0])


@given(st.floats(0.01, 50), st.floats(-10, 10))
def test_snr_and_skewness_do_not_depend_on_units(scale, offset):
    values = np.random.default_rng(4).gamma(2.0, size=(2, 500))
    one = measure_quality(values, starts(500), 10.0)
    other = measure_quality(values * scale + offset, starts(500), 10.0)
    np.testing.assert_allclose(other.snr, one.snr, rtol=1e-6)
    np.testing.assert_allclose(other.skewness, one.skewness, rtol=1e-5)
    np.testing.assert_allclose(other.noise_level, one.noise_level * scale, rtol=1e-6)


def test_saturation_is_counted_at_the_ceiling_of_whole_numbers():
    raw = np.random.default_rng(5).integers(0, 60_000, (2, 500)).astype(np.uint16)
    raw[1, [7, 99]] = 65_535
    assert count_saturated(raw.astype(float), raw.dtype).tolist() == [0, 2]


@pytest.mark.parametrize("clip", [1.0, 2.0])
def test_a_plateau_at_the_highest_value_is_saturation(clip):
    rng = np.random.default_rng(6)
    calcium = np.convolve(rng.random(6000) < 0.02, np.exp(-np.arange(90) / 30))[:6000]
    values = calcium + 0.05 * rng.standard_normal(6000)
    clipped = np.minimum(values, clip)
    assert count_saturated(np.stack([values, clipped]), np.float32).tolist() == [0, (values >= clip).sum()]


@given(st.integers(0, 200), st.floats(0.5, 20))
def test_few_distinct_values_are_no_saturation(seed, levels):
    noise = np.random.default_rng(seed).standard_normal((1, 2000))
    assert count_saturated(np.round(noise * levels), np.float32)[0] == 0


def test_findings_name_rois_with_their_reasons_and_not_all_of_many():
    columns = {
        "status": np.array(["kept", "refused", "flagged", *["refused"] * 12]),
        "reason": np.array(
            ["", "constant: every frame is 5", "saturated: 3 frames; dim: in 2", *["baseline: F0"] * 12]
        ),
    }
    found = refused_findings(columns, [str(100 + k) for k in range(15)])
    assert [(one.what, one.count) for one in found] == [
        ("refused_rois", 1),
        ("flagged_rois", 1),
        ("flagged_rois", 1),
        ("refused_rois", 12),
    ]
    assert found[0].message == "1 of 15 ROIs are refused, constant: 101 (every frame is 5)"
    assert found[3].message.endswith("112 (F0) and 2 more")
