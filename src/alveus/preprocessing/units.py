"""Turns the table of units into those that are kept, and those that are held out for co-smoothing."""

import re
from collections.abc import Callable, Iterable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError, RecordingError, SettingError
from alveus.recording import Finding, Units

if TYPE_CHECKING:
    from alveus.config.preprocess import Preprocess

COMPARISON = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*")
OPERATORS: dict[str, Callable[..., NDArray[np.bool_]]] = {
    "==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
WITHOUT_NOISE = ("group", "!= noise")
ONLY_CELLS = ("iscell", "!= 0")
BY_DEFAULT = {WITHOUT_NOISE: "U", ONLY_CELLS: "biuf"}
"""Conditions of the default filter, with the types of column they are about: text labels, and 0 or 1. They are
true of units without such a column, so that every format passes."""

NO_CELLS = (
    "; no ROI is marked as a cell: curate them in the program that found them, or set unit_filter: {} to use all"
)


def choose_units(
    units: Units, totals: NDArray[np.float64], seconds: float, settings: "Preprocess", *, quantity: str
) -> tuple[NDArray[np.int64], tuple[Finding, ...]]:
    """Return the places of the units to keep, ascending, and what was left out.

    Silence and rate are judged on the whole recording as its source gives it, before anything is dropped, so that
    they are known without a pass over the spikes.

    Parameters
    ----------
    units
        All units.
    totals
        (n_units,) spikes or summed events of each.
    seconds
        Length of the recording [s].
    settings
        unit_filter, silent_units, min_rate and min_units are read.
    quantity
        ``counts``, ``events`` or ``dff``: only counts have a rate, and only counts and events can be silent.

    Raises
    ------
    RecordingError
        When a filter names a column that the units do not have.
    SettingError
        When a filter compares text by size.
    QualityError
        When fewer than min_units are left.
    """
    kept, filtered = filter_units(units, settings.unit_filter)
    keep = np.zeros(len(units.ids), np.bool_)
    keep[kept] = True
    findings = list(filtered)

    def drop(wrong: NDArray[np.bool_], what: str, reason: str) -> None:
        findings.extend(_dropped(units, keep & wrong, what, reason))
        keep[wrong] = False

    if settings.silent_units == "drop" and quantity != "dff":
        drop(totals == 0, "units_silent", f"have no {'spike' if quantity == 'counts' else 'event'} at all")
    if settings.min_rate > 0 and quantity == "counts":
        drop(totals / seconds < settings.min_rate, "units_below_min_rate", f"fire below {settings.min_rate:g} Hz")
    elif settings.min_rate > 0:
        findings.append(Finding("min_rate_unused", 0, f"min_rate is not applied: {quantity} have no rate"))
    if keep.sum() < settings.min_units:
        raise too_few_units(units, int(keep.sum()), settings.min_units, settings.unit_filter, findings)
    return np.flatnonzero(keep), tuple(findings)


def filter_units(
    units: Units, conditions: Mapping[str, str | tuple[str, ...]]
) -> tuple[NDArray[np.int64], tuple[Finding, ...]]:
    """Return the places of the units that meet conditions on their columns, ascending, and what was left out.

    Parameters
    ----------
    units
        All units.
    conditions
        The setting unit_filter: column → allowed values, or a comparison.

    Raises
    ------
    RecordingError
        When a condition names a column that the units do not have.
    SettingError
        When one compares text by size.
    """
    keep = np.ones(len(units.ids), np.bool_)
    findings: list[Finding] = []
    for column, condition in conditions.items():
        text = condition if isinstance(condition, str) else "one of " + ", ".join(condition)
        wrong = keep & ~_matches(units, column, condition)
        findings += _dropped(units, wrong, "units_filtered", f"do not meet {column} {text}")
        keep &= ~wrong
    return np.flatnonzero(keep), tuple(findings)


def too_few_units(
    units: Units,
    n_kept: int,
    wanted: int,
    conditions: Mapping[str, str | tuple[str, ...]],
    findings: Iterable[Finding],
) -> QualityError:
    """Return an error that says how many units are left, how many are wanted, and why others were dropped."""
    dropped = "; ".join(finding.message for finding in findings) or "none was dropped"
    if ONLY_CELLS in conditions.items() and not _matches(units, *ONLY_CELLS).any():
        dropped += NO_CELLS
    return QualityError(f"{n_kept} of {len(units.ids)} units are left, but min_units is {wanted}: {dropped}")


def _dropped(units: Units, wrong: NDArray[np.bool_], what: str, reason: str) -> list[Finding]:
    dropped = np.flatnonzero(wrong)
    if not dropped.size:
        return []
    names = ", ".join(units.ids[i] for i in dropped[:5]) + (", …" if dropped.size > 5 else "")
    message = f"{dropped.size} of {len(units.ids)} units {reason}: dropped ({names})"
    return [Finding(what, int(dropped.size), message)]


def choose_held_out(n_units: int, part: float, seed: int) -> NDArray[np.bool_]:
    """Return which units co-smoothing predicts from the others, (n_units,): at least one of two, never all.

    A part of 0 holds out none.

    >>> int(choose_held_out(10, 0.2, seed=0).sum()), int(choose_held_out(10, 0, seed=0).sum())
    (2, 0)
    """
    held_out = np.zeros(n_units, np.bool_)
    if n_units >= 2 and part > 0:
        wanted = min(max(1, int(np.floor(part * n_units + 0.5))), n_units - 1)
        held_out[np.random.default_rng(seed).choice(n_units, wanted, replace=False)] = True
    return held_out


def _matches(units: Units, column: str, condition: str | tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which units meet a condition."""
    kinds = BY_DEFAULT.get((column, condition)) if isinstance(condition, str) else None
    if column in units.columns:
        values = np.asarray(units.columns[column])
    elif column == "id":
        values = np.asarray(units.ids, np.str_)
    elif kinds is not None:
        return np.ones(len(units.ids), np.bool_)
    else:
        known = ", ".join(sorted(units.columns)) or "none besides id"
        raise RecordingError(f"unit_filter names the column {column!r}, but the units have: {known}")
    if kinds is not None and (values.ndim != 1 or values.dtype.kind not in kinds):
        return np.ones(len(units.ids), np.bool_)  # another thing of this name: electrode groups have numbers
    if values.ndim != 1:
        raise SettingError(f"unit_filter: column {column!r} has {values.shape[1]} values per unit, not one")
    if not isinstance(condition, str):
        return np.isin(values, [_like(values, wanted, column) for wanted in condition])
    parsed = COMPARISON.fullmatch(condition)
    operator, wanted = parsed.groups() if parsed else ("==", condition.strip())
    if operator not in ("==", "!=") and values.dtype.kind not in "biuf":
        raise SettingError(f"unit_filter: {column!r} is text, so {condition!r} cannot be decided: use == or !=")
    return np.asarray(OPERATORS[operator](values, _like(values, wanted, column)), np.bool_)


def _like(values: NDArray[np.generic], wanted: str, column: str) -> str | float:
    """Return a setting's text as what the column holds: text or a number."""
    if values.dtype.kind not in "biuf":
        return wanted
    if values.dtype.kind == "b" and wanted.lower() in ("true", "false"):
        return float(wanted.lower() == "true")
    try:
        return float(wanted)
    except ValueError:
        raise SettingError(f"unit_filter: {column!r} holds numbers, and {wanted!r} is none") from None
