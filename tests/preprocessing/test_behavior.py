"""Behaviour at bin centres against closed forms, and the check of clocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.errors import QualityError
from alveus.preprocessing import prepare
from alveus.preprocessing.behavior import resample
from alveus.preprocessing.clock import check_clock
from alveus.recording import Behavior

SECONDS = np.arange(11.0)


def test_continuous_values_are_interpolated_linearly():
    line = Behavior("x", SECONDS, np.stack([3 * SECONDS + 1, -SECONDS], axis=1))
    times = np.linspace(0, 10, 57)
    values = resample(line, times, max_gap=1.0)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, np.stack([3 * times + 1, -times], axis=1), rtol=1e-6, atol=1e-6)


@given(st.floats(0, 360), st.floats(-179, 179), st.floats(0, 1))
def test_angles_take_the_shorter_arc(angle, turn, weight):
    heading = Behavior("heading", np.array([0.0, 1.0]), np.array([angle, (angle + turn) % 360]), "circular", 360.0)
    value = float(resample(heading, np.array([weight]), max_gap=1.0)[0])
    error = (value - (angle + weight * turn) + 180) % 360 - 180
    assert 0 <= value < 360
    assert abs(error) < 1e-3


def test_categories_are_those_of_the_nearest_sample():
    label = Behavior("target", np.array([0.0, 1.0, 2.0]), np.array([4, -1, 2]), "categorical", labels=("a",) * 5)
    values = resample(label, np.array([-0.1, 0.0, 0.4, 0.6, 1.4, 1.6, 2.0, 2.1]), max_gap=1.0)
    assert values.tolist() == [-1, 4, 4, -1, -1, 2, 2, -1]
    assert values.dtype == np.int32


def test_no_value_is_made_up_outside_the_samples_across_gaps_or_next_to_missing_ones():
    x = Behavior("x", np.array([0.0, 1.0, 5.0, 6.0, 7.0]), np.array([0.0, 1.0, 5.0, np.nan, 7.0]))
    values = resample(x, np.array([-1.0, 0.5, 1.0, 3.0, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5]), max_gap=2.0)
    np.testing.assert_array_equal(np.isnan(values), [1, 0, 0, 1, 0, 1, 1, 1, 0, 1])
    np.testing.assert_allclose(values[[1, 2, 4, 8]], [0.5, 1, 5, 7])


@pytest.mark.parametrize("size", [0, 1])
def test_very_few_samples_are_no_trouble(size):
    x = Behavior("x", SECONDS[:size], SECONDS[:size])
    values = resample(x, np.array([0.0, 0.5]), max_gap=1.0)
    assert np.isnan(values).sum() == 2 - size


def test_a_sample_at_the_rounded_time_of_a_bin_centre_is_hit():
    x = Behavior("x", SECONDS, SECONDS)
    np.testing.assert_array_equal(resample(x, np.array([-1e-9, 10 + 1e-9]), 1.0), [0, 10])


def test_slices_agree_with_the_whole_and_coverage_is_counted(spiking, settings):
    x = Behavior("x", np.arange(2.5, 8, 0.1), np.sin(np.arange(2.5, 8, 0.1)))
    recording = spiking([5], [0], 1, behavior=(x,))
    prepared = prepare(recording, settings(), session="s")
    (variable,) = prepared.behavior
    whole = variable.read(0, prepared.n_bins)
    parts = [variable.read(i, min(i + 7, 200)) for i in range(0, 200, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert variable.coverage == np.isfinite(whole).mean()
    assert "behavior_incomplete" in [f.what for f in prepared.findings]


@pytest.mark.parametrize(
    ("first", "last", "offset"),
    [(0, 100, 0), (20, 100, 0), (0, 60, 0), (-10, 110, 0), (30, 90, 0), (40, 130, 30), (-50, 80, -20)],
)
def test_only_a_shift_at_both_ends_is_an_offset(first, last, offset):
    x = Behavior("x", np.array([first, last], float), np.zeros(2))
    assert check_clock((x,), 0.0, 100.0, tolerance=60.0) == offset


def test_behaviour_on_another_clock_is_refused():
    late = Behavior("x", np.array([70.0, 170.0]), np.zeros(2))
    with pytest.raises(QualityError, match="70 s late at both ends"):
        check_clock((late,), 0.0, 100.0, tolerance=60.0)
    never = Behavior("x", np.array([1e6, 2e6]), np.zeros(2))
    with pytest.raises(QualityError, match="do not overlap"):
        check_clock((never,), 0.0, 100.0, tolerance=1e9)
