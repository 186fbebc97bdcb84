"""The times at which frames were taken to their places on a regular grid, which shows those that were lost."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.recording import Finding

GAP = 1.5  # usual steps; a longer one means that frames were lost
MOST_EMPTY = 100  # frames of the grid per frame that is there; imaging of trials with long pauses has 20
UNEVEN = 1.0  # frames; how far a frame may be from its place before it is told


class Placed(NamedTuple):
    """Frames on a grid.

    Parameters
    ----------
    start
        When the first frame begins [s].
    rate
        Frames of the grid per second [Hz].
    places
        (n_frames,) place of each frame, from 0; None where no place is empty.
    n_frames
        Places of the grid.
    """

    start: float
    rate: float
    places: NDArray[np.int64] | None
    n_frames: int


def place_frames(times: NDArray[Any], name: str) -> tuple[Placed, list[Finding]]:
    """Find the rate of some frames, and where frames are missing between them.

    A step of one and a half usual ones or more is a gap. It is as many frames long as bring the next frame back to
    its time, so that the rounding of many gaps does not add up, and a clock that drifts makes no gaps.

    Parameters
    ----------
    times
        (n_frames,) [s].
    name
        Of the times, for messages.

    Returns
    -------
    placed, findings
        Whether frames were lost, and whether frames are far from their places.

    Raises
    ------
    RecordingError
        When times are not finite, not strictly ascending or fewer than two, or leave almost all of the grid empty.
    """
    _check(times, name)
    times = times.astype(np.float64)
    with np.errstate(all="ignore"):  # times that a damaged file holds may be any
        steps, length = np.diff(times), float(times[-1] - times[0])
        ordinary = steps < GAP * np.median(steps)
        rate = float(ordinary.sum() / steps[ordinary].sum())
    longest = int(steps.argmax())
    if not length * rate <= MOST_EMPTY * times.size:
        raise RecordingError(
            f"{name}: {times.size} frames in {length:g} s at {rate:g} Hz leave almost all of the time empty (the "
            f"longest pause, {steps[longest]:g} s, is after frame {longest}): give the times in seconds, or split "
            "the session at its pauses"
        )
    lengths = np.where(ordinary, 1, np.maximum(1, np.rint(steps * rate))).astype(np.int64)
    elapsed = (times[1:] - times[0]) * float(lengths.sum() / length)
    lost = 0
    for gap in np.flatnonzero(~ordinary).tolist():
        wanted = round(elapsed[gap]) - (gap + lost)  # less the place of the frame before the gap
        lengths[gap] = max(1, min(max(wanted, lengths[gap] - 1), lengths[gap] + 1))
        lost += int(lengths[gap]) - 1
    places = np.concatenate([[0], np.cumsum(lengths)])
    rate = float(places[-1] / length)
    findings = []
    if lost:
        findings.append(
            Finding(
                "dropped_frames",
                lost,
                f"{name}: {lost} of {places[-1] + 1} frames are missing, in {(lengths > 1).sum()} gaps, the "
                f"longest of {steps[longest]:g} s at {times[longest]:g} s",
            )
        )
    away = float(np.abs(times - times[0] - places / rate).max()) * rate
    if away > UNEVEN:
        findings.append(
            Finding(
                "uneven_frames",
                1,
                f"{name}: frames are up to {away:.2g} frames ({away / rate:.2g} s) from a regular {rate:g} Hz: "
                "their clock drifts, and so much is their place in time uncertain",
            )
        )
    return Placed(float(times[0]), rate, places if lost else None, int(places[-1]) + 1), findings


def _check(times: NDArray[Any], name: str) -> None:
    if times.ndim != 1 or times.dtype.kind not in "iuf" or times.size < 2:
        raise RecordingError(
            f"{name} has shape {times.shape} and type {times.dtype}: it must give the time [s] of each frame, "
            "of two at least"
        )
    wrong = ~np.isfinite(times)
    if wrong.any():
        raise RecordingError(
            f"{name}: {wrong.sum()} of {times.size} times are NaN or infinite, the first is that of frame "
            f"{wrong.argmax()}: export the file again"
        )
    with np.errstate(over="ignore"):
        back = np.diff(times.astype(np.float64)) <= 0
    if back.any():
        raise RecordingError(
            f"{name}: {back.sum()} of {times.size} frames are not later than the one before, the first is frame "
            f"{back.argmax() + 1} at {times[1:][back][0]:g} s: sort them, or split the session where its clock "
            "restarts"
        )
