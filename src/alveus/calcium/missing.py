"""Turns frames without a signal into interpolated ones where they are few in a row, and into gaps where not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.recording.findings import Finding

MOST_UNKNOWN = 0.01  # part of the frames that may lack a value in a ROI that is kept


@dataclass(frozen=True)
class Stretches:
    """Which frames of a recording have a signal, and how they hang together.

    The steps that follow see only those frames, one after the other ("recorded frames"): what lies in a gap is
    never read, so that it cannot disturb a baseline or a noise level.

    Parameters
    ----------
    segment
        (n_frames,) number of the stretch of each frame, counted from 0 in time order; −1: of none.
    frames
        (n_recorded,) the frames of any stretch, ascending; a slice where these are all.
    starts
        (n_stretches + 1,) first recorded frame of each stretch, and their number.
    filled, before, after
        (n_filled,) recorded frames that are interpolated, and the nearest ones with a signal.
    n_lost
        Frames without a signal that are in no stretch.
    n_gaps
        Runs of them.
    """

    segment: NDArray[np.int64]
    frames: NDArray[np.int64] | slice
    starts: NDArray[np.int64]
    filled: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    n_lost: int
    n_gaps: int

    @property
    def n_recorded(self) -> int:
        """Number of frames that belong to a stretch, interpolated ones included."""
        return int(self.starts[-1])

    def take(self, block: NDArray[Any]) -> NDArray[np.float64]:
        """Copy the recorded frames of some traces, (n, n_recorded), with frames without a signal interpolated."""
        if isinstance(self.frames, slice):
            values = np.array(block, np.float64, order="C")
        else:
            values = np.ascontiguousarray(block[:, self.frames], np.float64)
        if self.filled.size:
            weight = (self.filled - self.before) / (self.after - self.before)
            with np.errstate(invalid="ignore"):  # infinite neighbours: seen as not finite by the next step
                values[:, self.filled] = values[:, self.before] * (1 - weight) + values[:, self.after] * weight
        return values

    def findings(self) -> tuple[Finding, ...]:
        """Return how many frames had no signal, and what was done about them."""
        found = []
        if n := self.filled.size:
            found.append(Finding("interpolated_frames", n, f"{n} frames without a signal are interpolated"))
        if n := self.n_lost:
            found.append(
                Finding(
                    "lost_frames",
                    n,
                    f"{n} frames without a signal are left out, in {self.n_gaps} runs too long to interpolate "
                    "(max_missing) or at the end of a stretch: the recording has gaps there",
                )
            )
        return tuple(found)


def find_stretches(
    n_frames: int,
    segment: NDArray[np.int64] | None = None,
    missing: NDArray[np.bool_] | None = None,
    max_missing: int = 2,
) -> Stretches:
    """Divide a recording into stretches without a gap.

    Up to `max_missing` frames without a signal between two frames of the same stretch are interpolated linearly;
    more of them are a gap, and so are those at the begin or end of a stretch: nothing is extrapolated.

    Parameters
    ----------
    n_frames
        Length of the recording.
    segment
        (n_frames,) stretches that the source knows of, as in `Traces`; negative: of none.
    missing
        (n_frames,) frames without a signal.
    max_missing
        Frames in a row that are interpolated at the most.

    Raises
    ------
    RecordingError
        When fewer than two frames have a signal.

    Examples
    --------
    >>> missing = np.array([0, 1, 0, 0, 1, 1, 1, 0], bool)
    >>> find_stretches(8, missing=missing).segment
    array([ 0,  0,  0,  0, -1, -1, -1,  1])
    """
    label = np.zeros(n_frames, np.int64) if segment is None else np.maximum(segment, -1)
    lacks = np.zeros(n_frames, np.bool_) if missing is None else missing & (label >= 0)
    bounds = np.flatnonzero((np.diff(label) != 0) | (np.diff(lacks.astype(np.int8)) != 0)) + 1
    first, stop = np.concatenate([[0], bounds]), np.concatenate([bounds, [n_frames]])
    runs = lacks[first] if n_frames else np.zeros(0, np.bool_)
    first, stop = first[runs], stop[runs]  # of frames without a signal
    inner = (first > 0) & (stop < n_frames)
    inner[inner] = (label[first[inner] - 1] == label[first[inner]]) & (label[stop[inner]] == label[first[inner]])
    bridged = inner & (stop - first <= max_missing)

    lost = lacks.copy()
    filled = _members(first[bridged], stop[bridged])
    lost[filled] = False
    kept = (label >= 0) & ~lost
    begins = kept.copy()
    begins[1:] &= ~kept[:-1] | (label[1:] != label[:-1])
    position = np.cumsum(kept) - 1
    if position.size == 0 or position[-1] < 1:
        raise RecordingError(
            f"{int(kept.sum())} of {n_frames} frames have a signal: mark fewer frames as missing, or leave this "
            "recording out"
        )
    length = (stop - first)[bridged]
    return Stretches(
        segment=np.where(kept, np.cumsum(begins) - 1, -1),
        frames=slice(None) if kept.all() else np.flatnonzero(kept),
        starts=np.append(position[begins], position[-1] + 1),
        filled=position[filled],
        before=np.repeat(position[first[bridged] - 1], length),
        after=np.repeat(position[stop[bridged]], length),
        n_lost=int(lost.sum()),
        n_gaps=int(runs.sum() - bridged.sum()),
    )


def frames_without_signal(block: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the frames in which none of some traces has a finite value, (n_frames,).

    Traces without any finite value say nothing. Blocks of one recording are joined with `&`.

    Parameters
    ----------
    block
        (unit, frame) values.
    """
    if not np.issubdtype(block.dtype, np.inexact):
        return np.zeros(block.shape[1], np.bool_)
    known = np.isfinite(block)
    return ~known[known.any(axis=1)].any(axis=0)


def mend(
    values: NDArray[np.float64], starts: NDArray[np.int64], max_missing: int
) -> tuple[NDArray[np.int64], list[str]]:
    """Interpolate, in place, what single ROIs lack; tell which ROIs lack too much.

    Frames at the begin or end of a stretch take the nearest value of that stretch. Traces that lack too much are
    set to 0, so that later steps meet finite values.

    Parameters
    ----------
    values
        (unit, recorded frame), changed.
    starts
        (n_stretches + 1,) as in `Stretches`.
    max_missing
        Frames in a row that are interpolated at the most.

    Returns
    -------
    interpolated : ndarray
        (unit,) number of values that were not finite and are interpolated now.
    reasons : list of str
        Why a ROI cannot be used; "" where it can.
    """
    interpolated, reasons = np.zeros(len(values), np.int64), [""] * len(values)
    with np.errstate(invalid="ignore", over="ignore"):
        suspects = np.flatnonzero(~np.isfinite(values.sum(axis=1)))
    for unit in suspects:
        known = np.isfinite(values[unit])
        if not known.any():
            reasons[unit] = "not finite: no frame has a value"
        elif not known.all():
            reasons[unit] = _mend_trace(values[unit], known, starts, max_missing)
            interpolated[unit] = 0 if reasons[unit] else known.size - known.sum()
        if reasons[unit]:
            values[unit] = 0
    return interpolated, reasons


def _mend_trace(
    trace: NDArray[np.float64], known: NDArray[np.bool_], starts: NDArray[np.int64], max_missing: int
) -> str:
    unknown = np.flatnonzero(~known)
    share = unknown.size / known.size
    if share > MOST_UNKNOWN:
        return f"not finite: {unknown.size} frames ({share:.1%}) have no value, more than {MOST_UNKNOWN:.0%}"
    stretch = np.searchsorted(starts, unknown, side="right")
    new = np.flatnonzero((np.diff(unknown) > 1) | (np.diff(stretch) > 0)) + 1
    longest = int(np.diff(np.concatenate([[0], new, [unknown.size]])).max())
    if longest > max_missing:
        return (
            f"not finite: {longest} frames in a row have no value, more than max_missing ({max_missing}). Where "
            "all ROIs lack these frames, mark them as missing"
        )
    for number in np.unique(stretch):
        a, b = starts[number - 1], starts[number]
        here, lacking = np.flatnonzero(known[a:b]), unknown[stretch == number] - a
        if here.size == 0:
            return f"not finite: none of the {b - a} frames of stretch {number - 1} has a value"
        trace[a + lacking] = np.interp(lacking, here, trace[a + here])
    return ""


def _members(first: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all frames of the runs [first, stop), one run after the other."""
    length = stop - first
    ends = np.cumsum(length)
    return np.arange(length.sum()) + np.repeat(first - (ends - length), length)
