"""Which units are kept, and which are held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.errors import QualityError, RecordingError, SettingError
from alveus.preprocessing import prepare
from alveus.preprocessing.units import choose_held_out, choose_units
from alveus.recording import Units

UNITS = Units(
    ("a", "b", "c", "d"),
    {
        "group": np.array(["good", "mua", "noise", "good"]),
        "depth": np.array([10.0, 20.0, np.nan, 40.0]),
        "position": np.zeros((4, 2)),
    },
)
TOTALS = np.array([100.0, 10.0, 5.0, 0.0])


def kept(settings, quantity="counts", **changes):
    places, findings = choose_units(UNITS, TOTALS, 10.0, settings(**changes), quantity=quantity)
    return "".join(UNITS.ids[i] for i in places), findings


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ({}, "abcd"),
        ({"group": ["good", "mua"]}, "abd"),
        ({"group": "!= noise"}, "abd"),
        ({"group": "good"}, "ad"),
        ({"depth": "< 25"}, "ab"),
        ({"depth": ">= 20"}, "bd"),
        ({"depth": ["10", "40.0"]}, "ad"),
        ({"id": ["a", "c"]}, "ac"),
        ({"group": "!= noise", "depth": "<= 20"}, "ab"),
    ],
)
def test_units_are_kept_by_any_column(settings, condition, wanted):
    names, findings = kept(settings, unit_filter=condition)
    assert names == wanted
    assert sum(f.count for f in findings) == 4 - len(wanted)


def test_silent_and_slow_units_are_dropped_and_counted(settings):
    names, findings = kept(settings, unit_filter={}, silent_units="drop", min_rate=1.0)
    assert names == "ab"
    assert {f.what: f.count for f in findings} == {"units_silent": 1, "units_below_min_rate": 1}


def test_dff_has_no_silence_and_no_rate(settings):
    names, findings = kept(settings, "dff", unit_filter={}, silent_units="drop", min_rate=1.0)
    assert names == "abcd"
    assert [f.what for f in findings] == ["min_rate_unused"]


def test_an_unknown_column_is_refused_with_those_there_are(settings):
    with pytest.raises(RecordingError, match=r"'quality'.*depth, group, position"):
        kept(settings, unit_filter={"quality": "good"})


def test_the_default_filter_needs_no_group(spiking, settings):
    assert prepare(spiking([5], [0], 2), settings(), session="s").n_units == 2


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (np.array([1, 0, 1, 0]), "ac"),
        (np.array([True, False, True, False]), "ac"),
        (np.array([0.9, 0.0, np.nan, 0.2]), "acd"),
        (np.array(["yes", "no", "0", "1"]), "abcd"),
        (np.zeros((4, 2)), "abcd"),
        (None, "abcd"),
    ],
)
def test_the_default_filter_keeps_cells_where_a_column_tells_them(settings, column, wanted):
    units = Units(UNITS.ids, {} if column is None else {"iscell": column})
    places, _ = choose_units(units, np.ones(4), 10.0, settings(), quantity="events")
    assert "".join(units.ids[i] for i in places) == wanted


@pytest.mark.parametrize("condition", [{"group": "< 3"}, {"depth": "deep"}, {"position": "< 1"}])
def test_conditions_that_mean_nothing_are_refused(settings, condition):
    with pytest.raises(SettingError, match="unit_filter"):
        kept(settings, unit_filter=condition)


def test_too_few_units_are_a_matter_of_quality(settings):
    with pytest.raises(QualityError, match=r"0 of 4 units are left.*do not meet group none"):
        kept(settings, unit_filter={"group": "none"})


def test_too_few_bins_are_a_matter_of_quality(spiking, settings):
    with pytest.raises(QualityError, match=r"200 bins .* min_bins is 201"):
        prepare(spiking([5], [0], 2), settings(min_bins=201), session="s")


@given(st.integers(0, 300), st.floats(0.01, 0.99), st.integers(0, 5))
def test_some_units_are_held_out_and_never_all(n_units, part, seed):
    held_out = choose_held_out(n_units, part, seed)
    assert held_out.size == n_units
    if n_units < 2:
        assert not held_out.any()
    else:
        assert 1 <= held_out.sum() < n_units
        assert abs(held_out.sum() - part * n_units) <= 1
    np.testing.assert_array_equal(held_out, choose_held_out(n_units, part, seed))
