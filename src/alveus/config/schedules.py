"""A schedule and a step to a number."""

from bisect import bisect_right

from alveus.config.networks import (
    ConstantSchedule,
    CyclicalSchedule,
    StepsSchedule,
    WarmUpSchedule,
)

AnySchedule = ConstantSchedule | WarmUpSchedule | CyclicalSchedule | StepsSchedule


def value_at(schedule: AnySchedule, step: int) -> float:
    """Return the value of a schedule at a step.

    >>> value_at(WarmUpSchedule(value=2.0, steps=10), 5)
    1.0
    >>> [value_at(CyclicalSchedule(steps=4, cycles=1), step) for step in range(6)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    """
    match schedule:
        case ConstantSchedule():
            return schedule.value
        case WarmUpSchedule():
            return _between(schedule.start, schedule.value, step / schedule.steps)
        case CyclicalSchedule():
            if step >= settled_at(schedule):
                return schedule.value
            return _between(schedule.start, schedule.value, 2 * (step % schedule.steps) / schedule.steps)
        case StepsSchedule():
            return schedule.values[bisect_right(schedule.at, step)]


def settled_at(schedule: AnySchedule) -> int:
    """Return the step from which the schedule stays where it is."""
    match schedule:
        case ConstantSchedule():
            return 0
        case WarmUpSchedule():
            return schedule.steps
        case CyclicalSchedule():
            return schedule.steps * schedule.cycles
        case StepsSchedule():
            return schedule.at[-1] if schedule.at else 0


def _between(start: float, end: float, part: float) -> float:
    return start + (end - start) * min(part, 1.0)
