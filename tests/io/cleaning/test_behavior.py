import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alveus.config.preprocess import BehaviorKinds
from alveus.errors import RecordingError, SettingError
from alveus.io.cleaning.behavior import clean_behavior
from alveus.io.cleaning.trials import clean_trials
from alveus.io.found import Series, TrialTable

GUESS = BehaviorKinds()


def clean(values, times=None, kinds=GUESS):
    values = np.asarray(values)
    times = np.arange(len(values), dtype=float) if times is None else np.asarray(times, float)
    behavior, findings = clean_behavior(Series("x", times, values), kinds)
    return behavior, {f.what: f.count for f in findings}


@pytest.mark.parametrize(
    ("values", "kind", "labels"),
    [
        ([0.5, 1.5, 1.5], "continuous", ()),
        ([0.0, 1.0, 0.0], "continuous", ()),
        ([10, 2, 10, -1], "categorical", ("-1", "2", "10")),
        (np.arange(33), "continuous", ()),
        ([True, False, True], "categorical", ("False", "True")),
        (["läuft", "ruht", "läuft"], "categorical", ("läuft", "ruht")),
        ([b"run", b"rest"], "categorical", ("rest", "run")),
        (np.ones((3, 2)) * np.arange(3)[:, None], "continuous", ()),
        (np.arange(6).reshape(3, 2), "continuous", ()),
    ],
)
def test_kinds_are_guessed_from_the_type(values, kind, labels):
    behavior, _ = clean(values)
    assert (behavior.kind, behavior.labels) == (kind, labels)


def test_labels_decode_to_the_values_with_missing_ones_left_out():
    behavior, _ = clean(["b", "", "a", "b"])
    assert behavior.labels == ("a", "b")
    assert behavior.values.tolist() == [1, -1, 0, 1]
    numbers, _ = clean([2.0, np.nan, 0.5, 2.0], kinds=BehaviorKinds(categorical=("x",)))
    assert numbers.labels == ("0.5", "2")
    assert numbers.values.tolist() == [1, -1, 0, 1]


def test_settings_go_before_guesses():
    circular, _ = clean([10, 350, 20], kinds=BehaviorKinds(circular={"x": 360.0}))
    assert (circular.kind, circular.period) == ("circular", 360.0)
    assert clean([1, 2, 3], kinds=BehaviorKinds(continuous=("x",)))[0].kind == "continuous"
    assert clean([1, 2, 3], kinds=BehaviorKinds(ignore=("x",))) == (None, {})


def test_a_kind_that_the_values_cannot_have_is_a_setting_error():
    with pytest.raises(SettingError, match="holds text, which can only be categorical"):
        clean(["a", "b"], kinds=BehaviorKinds(circular={"x": 1.0}))
    with pytest.raises(SettingError, match="has 2 components; labels need one"):
        clean(np.ones((3, 2)), kinds=BehaviorKinds(categorical=("x",)))


def test_odd_times_are_handled_and_counted():
    behavior, findings = clean([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 2, 1, np.nan, 2, 3])
    assert behavior.times.tolist() == [0, 1, 2, 3]
    assert behavior.values.tolist() == [1, 3, 2, 6]
    assert findings == {"undated_behavior": 1, "unsorted_behavior": 1, "repeated_behavior_times": 1}


def test_a_clock_that_is_reset_is_refused():
    with pytest.raises(RecordingError, match=r"jump back by 59 s at sample 60 \(59 s to 0 s\)"):
        clean(np.arange(90.0), np.r_[np.arange(60.0), np.arange(30.0)])


@pytest.mark.parametrize("values", [[3.0, 3.0, np.nan], ["same", "same"], np.ones((3, 2)) * [1.0, 2.0]])
def test_a_constant_variable_is_kept_with_a_finding(values):
    behavior, findings = clean(values)
    assert behavior is not None
    assert findings == {"constant_behavior": 1}


@pytest.mark.parametrize(
    "values", [[1.0], np.full(3, np.nan), ["", ""], np.ones((3, 17)), np.ones((3, 2, 2)), [["a", "b"]] * 3]
)
def test_what_cannot_be_used_is_left_out_with_a_finding(values):
    behavior, findings = clean(values)
    assert behavior is None
    assert findings == {"left_out_behavior": 1}


@given(
    st.lists(st.one_of(st.floats(0, 9), st.just(np.nan)), max_size=30).flatmap(
        lambda times: st.tuples(st.just(times), arrays(np.float64, len(times), elements=st.floats(-5, 5)))
    )
)
def test_any_times_within_a_few_seconds_come_out_strictly_ascending(drawn):
    times, values = drawn
    behavior, _ = clean(values, times)
    if behavior is not None:
        assert set(behavior.times) == {t for t in times if np.isfinite(t)}
        for time, value in zip(behavior.times, behavior.values, strict=True):
            assert value == values[times.index(time)]  # the first sample of a repeated time


def test_trials_without_a_span_are_dropped_and_counted():
    table = TrialTable(
        np.array([5.0, np.nan, 3.0, 1.0]), np.array([6.0, 2.0, 2.0, 5.5]), {"name": np.array(["é", "b", "c", "d"])}
    )
    trials, findings = clean_trials(table)
    assert trials.start.tolist() == [1.0, 5.0]
    assert trials.columns["name"].tolist() == ["d", "é"]
    counted = {f.what: f.count for f in findings}
    assert counted == {"undated_trials": 1, "backward_trials": 1, "overlapping_trials": 1}


def test_no_trial_left_is_no_trials():
    assert clean_trials(TrialTable(np.array([np.nan]), np.array([1.0])))[0] is None
    assert clean_trials(TrialTable(np.empty(0), np.empty(0)))[0] is None
