"""Each unit's observation intervals to the time when all of them were observed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError
from alveus.recording import Finding

Intervals = NDArray[np.float64]


def common_intervals(per_unit: Sequence[Intervals], name: str) -> tuple[Intervals | None, list[Finding]]:
    """Return the time that all units share.

    A bin in which one unit was not observed has no count for it, so it cannot be used for any.

    Parameters
    ----------
    per_unit
        For each unit (n_intervals, 2) [s]; units without any are taken as always observed.
    name
        Of the file, for messages.

    Returns
    -------
    intervals, findings
        Ascending and disjoint, or None where no unit states any.

    Raises
    ------
    QualityError
        When no time is shared by all.
    """
    findings = []
    tidy, n_bad = [], 0
    for intervals in per_unit:
        good = np.isfinite(intervals).all(axis=1) & (intervals[:, 1] > intervals[:, 0])
        n_bad += int((~good).sum())
        if good.any():
            tidy.append(_merged(intervals[good]))
    if n_bad:
        findings.append(
            Finding(
                "bad_intervals", n_bad, f"{name}: {n_bad} observation intervals are empty or not finite: dropped"
            )
        )
    if not tidy:
        return None, findings
    shared = tidy[0]
    for intervals in tidy[1:]:
        if not np.array_equal(intervals, shared):
            shared = _intersection(shared, intervals)
    if not len(shared):
        raise QualityError(
            f"{name}: no time was observed by all {len(tidy)} units: split the session, or leave units out"
        )
    differing = sum(not np.array_equal(intervals, shared) for intervals in tidy)
    if differing:
        longest = max(float(np.diff(intervals).sum()) for intervals in tidy)
        findings.append(
            Finding(
                "differing_intervals",
                differing,
                f"{name}: {differing} of {len(per_unit)} units were observed longer than all together: "
                f"{np.diff(shared).sum():g} s are used, up to {longest:g} s were observed",
            )
        )
    return shared, findings


def _merged(intervals: Intervals) -> Intervals:
    """Sort intervals and join those that touch or overlap."""
    ordered = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    begins = np.concatenate([[True], ordered[1:, 0] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(begins)[1:] - 1, [len(ordered) - 1]])
    return np.column_stack([ordered[begins, 0], reach[last]])


def _intersection(first: Intervals, second: Intervals) -> Intervals:
    shared = []
    i = j = 0
    while i < len(first) and j < len(second):
        start, stop = max(first[i, 0], second[j, 0]), min(first[i, 1], second[j, 1])
        if stop > start:
            shared.append((start, stop))
        if first[i, 1] < second[j, 1]:
            i += 1
        else:
            j += 1
    return np.array(shared, np.float64).reshape(-1, 2)
