"""Schedules against their formulas, whatever their settings, and refused where training is too short for them."""

from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from alveus.config.networks import (
    ConstantSchedule,
    CyclicalSchedule,
    Schedule,
    SkipDecoder,
    StepsSchedule,
    WarmUpSchedule,
)
from alveus.config.schedules import settled_at, value_at

NUMBERS = st.floats(0, 100)
STEPS = st.integers(0, 10_000)
CONSTANT = st.builds(ConstantSchedule, value=NUMBERS)
WARM_UP = st.builds(WarmUpSchedule, value=NUMBERS, start=NUMBERS, steps=st.integers(1, 3000))
CYCLICAL = st.builds(
    CyclicalSchedule, value=NUMBERS, start=NUMBERS, steps=st.integers(2, 500), cycles=st.integers(1, 6)
)
CHANGES = st.lists(st.integers(1, 3000), unique=True, max_size=5).map(sorted)
STAIRS = CHANGES.flatmap(
    lambda at: st.lists(NUMBERS, min_size=len(at) + 1, max_size=len(at) + 1).map(
        lambda values: StepsSchedule(values=values, at=at)
    )
)
ANY = st.one_of(CONSTANT, WARM_UP, CYCLICAL, STAIRS)


def given_values(schedule):
    return schedule.values if isinstance(schedule, StepsSchedule) else (schedule.value, schedule.start)


@given(st.one_of(WARM_UP, CYCLICAL, STAIRS), STEPS)
def test_a_schedule_stays_between_the_values_it_is_given(schedule, step):
    values = given_values(schedule)
    assert min(values) - 1e-9 <= value_at(schedule, step) <= max(values) + 1e-9


@given(ANY, STEPS)
def test_a_schedule_stays_where_it_is_once_it_has_settled(schedule, later):
    assert value_at(schedule, settled_at(schedule) + later) == value_at(schedule, settled_at(schedule))


@given(st.one_of(WARM_UP, STAIRS))
def test_a_schedule_has_not_settled_before(schedule):
    if (last := settled_at(schedule)) and len(set(given_values(schedule))) == len(given_values(schedule)):
        assert value_at(schedule, last - 1) != value_at(schedule, settled_at(schedule))


@given(NUMBERS, STEPS)
def test_a_constant_is_constant_and_a_number_stands_for_one(value, step):
    schedule = TypeAdapter(Schedule).validate_python(value)
    assert value_at(schedule, step) == value
    assert settled_at(schedule) == 0


@given(WARM_UP, STEPS)
def test_a_warm_up_is_a_straight_line(schedule, step):
    line = np.interp(step, [0, schedule.steps], [schedule.start, schedule.value])
    assert value_at(schedule, step) == pytest.approx(line)


@given(CYCLICAL, STEPS)
def test_a_cyclical_schedule_rises_for_half_of_every_cycle(schedule, step):
    """β_t = f(τ), τ = mod(t, T/M) / (T/M), f linear up to R = ½ and 1 from there (Fu et al., 2019)."""
    tau = step % schedule.steps / schedule.steps
    part = min(tau / 0.5, 1.0) if step < schedule.steps * schedule.cycles else 1.0
    assert value_at(schedule, step) == pytest.approx(schedule.start + part * (schedule.value - schedule.start))


@given(STAIRS, STEPS)
def test_steps_hold_until_the_next(schedule, step):
    assert value_at(schedule, step) == schedule.values[bisect_right(schedule.at, step)]
    for number, at in enumerate(schedule.at):
        assert value_at(schedule, at - 1) == schedule.values[number]
        assert value_at(schedule, at) == schedule.values[number + 1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "steps", "values": [0, 1], "at": []}, "2 values need 1 rising steps"),
        ({"kind": "steps", "values": [0, 1, 2], "at": [5, 5]}, "3 values need 2 rising steps"),
        ({"kind": "steps", "values": [0, 1, 2], "at": [7, 5]}, "3 values need 2 rising steps"),
        ({"kind": "warm_up", "steps": 0}, "greater than or equal to 1"),
        ({"kind": "warm_up", "value": -1}, "greater than or equal to 0"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(Schedule).validate_python(settings)


@pytest.mark.parametrize(
    "gate", [1.5, {"kind": "warm_up", "value": 0, "start": 1.5}, {"kind": "steps", "values": [0, 1.5], "at": [9]}]
)
def test_a_gate_opens_no_further_than_whole(gate):
    with pytest.raises(ValidationError, match=r"opens to 1 at the most, and this one to 1\.5"):
        SkipDecoder(gate=gate)
