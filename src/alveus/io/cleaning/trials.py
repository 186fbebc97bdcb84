"""Trials as their file holds them to trials that all have a start and a stop after it."""

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.columns import as_trial_column
from alveus.io.found import TrialTable
from alveus.recording import Finding, Trials


def clean_trials(table: TrialTable) -> tuple[Trials | None, list[Finding]]:
    """Drop trials without a span, put the others in order and count those that overlap.

    Returns
    -------
    trials, findings
        None where no trial is left.

    Raises
    ------
    RecordingError
        When a column is not as long as the table.
    """
    start, stop = table.start, table.stop
    for name, column in {"start": start, "stop": stop, **table.columns}.items():
        if column.shape != (start.size,):
            raise RecordingError(
                f"trials: {start.size} starts but column {name!r} has shape {column.shape}: they must agree"
            )
    if start.dtype.kind not in "iuf" or stop.dtype.kind not in "iuf":
        raise RecordingError(
            f"trials: starts are {start.dtype} and stops {stop.dtype}: both must be seconds, as numbers"
        )
    start, stop = start.astype(np.float64), stop.astype(np.float64)
    findings = []
    dated = np.isfinite(start) & np.isfinite(stop)
    backwards = dated & (stop < start)
    if not dated.all():
        findings.append(_dropped("undated_trials", ~dated, "have no finite start or stop"))
    if backwards.any():
        findings.append(_dropped("backward_trials", backwards, "stop before they start"))
    kept = np.flatnonzero(dated & ~backwards)
    if not kept.size:
        return None, findings
    kept = kept[np.argsort(start[kept], kind="stable")]
    start, stop = start[kept], stop[kept]
    overlapping = int((start[1:] < np.maximum.accumulate(stop)[:-1]).sum())
    if overlapping:
        findings.append(
            Finding(
                "overlapping_trials",
                overlapping,
                f"{overlapping} of {start.size} trials start before an earlier one has stopped: kept as they are",
            )
        )
    columns = {name: as_trial_column(column[kept]) for name, column in table.columns.items()}
    return Trials(start, stop, columns), findings


def _dropped(what: str, which: NDArray[np.bool_], why: str) -> Finding:
    count, first = int(which.sum()), int(np.flatnonzero(which)[0])
    return Finding(what, count, f"{count} of {which.size} trials {why}, the first in row {first}: dropped")
