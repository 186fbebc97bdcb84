"""Turns the times at which a probe recorded, or numbered stretches of frames, into runs of whole bins."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alveus.errors import SettingError
from alveus.preprocessing.grid import Grid, first_tick_from
from alveus.recording import Recording


def span(recording: Recording, start: float | None, duration: float | None) -> tuple[float, float]:
    """Return where the recording starts and stops [s]; what the settings say goes before what the file says.

    Raises
    ------
    SettingError
        When the settings place the recording outside itself.
    """
    begin = recording.start if start is None else start
    end = recording.stop if duration is None else begin + duration
    if begin >= recording.stop or end <= recording.start:
        raise SettingError(
            f"preprocess: start and duration give {begin:g} s to {end:g} s, but the recording runs "
            f"from {recording.start:g} s to {recording.stop:g} s: give both on the clock of the recording"
        )
    return begin, end


def observed_ticks(
    recording: Recording, start_tick: int, stop_tick: int, clock: Fraction
) -> list[tuple[int, int]]:
    """Return the intervals [start, stop) of samples that were recorded, ascending; touching ones are joined."""
    if recording.observed is None:
        return [(start_tick, stop_tick)]
    joined: list[tuple[int, int]] = []
    for begin, end in np.asarray(recording.observed, np.float64).tolist():
        first = max(start_tick, first_tick_from(begin, clock))
        stop = min(stop_tick, first_tick_from(end, clock))
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif first < stop:
            joined.append((first, stop))
    return joined


def runs_of_bins(grid: Grid, intervals: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first bin and the number of bins of every interval that holds a whole bin."""
    bounds = [grid.whole_bins(start, stop) for start, stop in intervals]
    kept = np.array([(first, stop - first) for first, stop in bounds if stop > first], np.int64).reshape(-1, 2)
    return kept[:, 0], kept[:, 1]


def stretches(segment: NDArray[np.int64] | None, n_frames: int) -> list[tuple[int, int]]:
    """Return the intervals [first, stop) of consecutive frames that carry the same segment number.

    Frames with a negative number belong to none.
    """
    if segment is None:
        return [(0, n_frames)]
    cuts = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist(), n_frames]
    return [(a, b) for a, b in pairwise(cuts) if b > a and segment[a] >= 0]
