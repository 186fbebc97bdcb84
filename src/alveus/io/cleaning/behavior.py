"""A behavioural variable as its file holds it to one with ascending times and a kind."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.config.preprocess import BehaviorKinds
from alveus.config.problems import did_you_mean
from alveus.errors import RecordingError, SettingError
from alveus.io.cleaning.spikes import CLOCK_RESET
from alveus.io.files.columns import as_text
from alveus.io.found import Series
from alveus.recording import Behavior, Finding
from alveus.recording.behavior import Kind

MOST_LEVELS = 32  # whole numbers with more distinct values are quantities, not labels
MOST_COMPONENTS = 16  # more columns are a video or a spectrum, no covariate
FEWEST_SAMPLES = 2  # nothing can be interpolated from one

Cleaned = tuple[Behavior | None, list[Finding]]


def clean_behavior(series: Series, kinds: BehaviorKinds) -> Cleaned:
    """Sort, deduplicate and type one variable.

    Returns
    -------
    behavior, findings
        None where the variable is ignored by the settings or holds nothing to use; a finding says the latter.

    Raises
    ------
    RecordingError
        For lengths that differ and a clock that was reset.
    SettingError
        For a kind that its values cannot have.
    """
    name, times, values = series.name, np.asarray(series.times), series.values
    if name in kinds.ignore:
        return None, []
    if times.ndim != 1 or times.dtype.kind not in "iuf" or values.ndim == 0 or len(values) != times.size:
        raise RecordingError(
            f"behaviour {name!r} has times of shape {times.shape} but values of shape {values.shape}: "
            "it needs one time [s] per row, or has to be named under preprocess.behavior.ignore"
        )
    if values.ndim > 1 and values.size == len(values):
        values = values.reshape(-1)
    if values.ndim > 2 or (values.ndim == 2 and values.shape[1] > MOST_COMPONENTS):
        return None, [_left_out(name, f"has shape {values.shape}, more than {MOST_COMPONENTS} components")]
    if values.dtype.kind not in ("biufUS" if values.ndim == 1 else "biuf"):
        return None, [_left_out(name, f"has values of type {values.dtype}")]
    times, values, findings = _in_order(name, times.astype(np.float64), values)
    if times.size < FEWEST_SAMPLES:
        return None, [*findings, _left_out(name, f"has {times.size} samples")]
    behavior, found = _with_kind(series, times, values, kinds)
    return behavior, findings + found


def check_names(kinds: BehaviorKinds, known: Iterable[str]) -> None:
    """Pass when every variable that the settings name is in the recording.

    Raises
    ------
    RecordingError
        Naming the first that is not, and the nearest that is.
    """
    known = sorted(set(known))
    for section in ("circular", "categorical", "continuous", "ignore"):
        for name in getattr(kinds, section):
            if name not in known:
                hint = did_you_mean(name, known) if known else "it has no behavioural variables"
                raise RecordingError(
                    f"preprocess.behavior.{section} names {name!r}, which the recording does not have: {hint}"
                )


def _in_order(
    name: str, times: NDArray[np.float64], values: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[Any], list[Finding]]:
    findings = []
    finite = np.isfinite(times)
    if not finite.all():
        count = int((~finite).sum())
        findings.append(
            Finding(
                "undated_behavior",
                count,
                f"behaviour {name!r}: {count} of {times.size} times are NaN or infinite: samples dropped",
            )
        )
        times, values = times[finite], values[finite]
    steps = np.diff(times)
    if steps.size and steps.min() < 0:
        count, largest = int((steps < 0).sum()), -float(steps.min())
        if largest > CLOCK_RESET:
            row = int(steps.argmin()) + 1
            raise RecordingError(
                f"behaviour {name!r}: the times jump back by {largest:g} s at sample {row} "
                f"({times[row - 1]:g} s to {times[row]:g} s): the clock was reset; give times on one clock, or "
                "name it under preprocess.behavior.ignore"
            )
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        findings.append(
            Finding(
                "unsorted_behavior",
                count,
                f"behaviour {name!r}: {count} of {times.size} times come before the one ahead of them: sorted",
            )
        )
    repeated = np.flatnonzero(np.diff(times) == 0) + 1
    if repeated.size:
        findings.append(
            Finding(
                "repeated_behavior_times",
                repeated.size,
                f"behaviour {name!r}: {repeated.size} of {times.size} times repeat the one before, the first at "
                f"{times[repeated[0]]:g} s: the first sample of each is kept",
            )
        )
        times, values = np.delete(times, repeated), np.delete(values, repeated, axis=0)
    return times, values, findings


def _with_kind(series: Series, times: NDArray[np.float64], values: NDArray[Any], kinds: BehaviorKinds) -> Cleaned:
    name = series.name
    kind = _kind(name, values, kinds)
    if kind == "categorical":
        if values.ndim != 1:
            raise SettingError(
                f"preprocess.behavior.categorical: {name!r} has {values.shape[1]} components; labels need one"
            )
        labels, codes = _codes(values)
        if not labels:
            return None, [_left_out(name, "has no label at all")]
        behavior = Behavior(name, times, codes, "categorical", labels=labels, unit=series.unit)
        return behavior, [_constant(name, f"its only label is {labels[0]!r}")] if len(labels) == 1 else []
    if values.dtype.kind in "US":
        raise SettingError(f"preprocess.behavior.{kind}: {name!r} holds text, which can only be categorical")
    numbers = values.astype(np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    missing = np.isnan(numbers)
    if missing.all():
        return None, [_left_out(name, f"has no value in any of its {times.size} samples")]
    findings = []
    if (np.nanmax(numbers) - np.nanmin(numbers) == 0) or (numbers.ndim == 2 and _still(numbers)):
        findings.append(_constant(name, f"it is {np.nanmin(numbers):g} throughout"))
    behavior = Behavior(name, times, numbers, kind, period=kinds.circular.get(name), unit=series.unit)
    return behavior, findings


def _still(numbers: NDArray[np.float64]) -> bool:
    """Tell whether no component ever changes."""
    filled = [column[~np.isnan(column)] for column in numbers.T]
    return all(column.size == 0 or column.min() == column.max() for column in filled)


def _kind(name: str, values: NDArray[Any], kinds: BehaviorKinds) -> Kind:
    if name in kinds.circular:
        return "circular"
    if name in kinds.categorical:
        return "categorical"
    if name in kinds.continuous:
        return "continuous"
    if values.dtype.kind in "bUS":
        return "categorical" if values.ndim == 1 else "continuous"
    few = values.dtype.kind in "iu" and values.ndim == 1 and np.unique(values).size <= MOST_LEVELS
    return "categorical" if few else "continuous"


def _codes(values: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the labels in their own order (2 before 10) and codes; missing (NaN, empty text) is −1."""
    levels, codes = np.unique(values, return_inverse=True)
    names = as_text(levels)
    kept = [place for place, label in enumerate(names) if label != ""]
    renumbered = np.full(names.size, -1, np.int64)
    renumbered[kept] = np.arange(len(kept))
    return tuple(str(names[place]) for place in kept), renumbered[codes.reshape(-1)]


def _left_out(name: str, why: str) -> Finding:
    return Finding("left_out_behavior", 1, f"behaviour {name!r} {why}: left out")


def _constant(name: str, how: str) -> Finding:
    return Finding("constant_behavior", 1, f"behaviour {name!r} is constant ({how}): nothing can be decoded")
