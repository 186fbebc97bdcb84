"""Turns seconds into ticks and ticks into bins, in whole numbers and fractions only.

Bin ``j`` covers the real time from ``start + j·width`` to ``start + (j + 1)·width``. Its first sample is the
first one that is not before that edge, ``start_tick + ceil(j·width·clock)``: a bin width that is no whole number
of samples gives bins that differ by one sample and never drift, and a spike on an edge belongs to the bin that
starts there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

TICK_ROUNDING = Fraction(1, 10)  # of a tick; a time this close after a tick is that tick, rounded
ROUNDING = 1e-6  # of a bin; a time this close after a centre is that centre, rounded
LARGEST_EXACT = 2**62  # whole numbers below it stay exact in int64, with room to spare


def exact(value: float) -> Fraction:
    """Return the number that was written, not its binary neighbour.

    >>> exact(0.02)
    Fraction(1, 50)
    """
    return Fraction(repr(float(value)))


def to_tick(seconds: float, clock: Fraction) -> int:
    """Return the tick nearest to a time.

    >>> to_tick(0.1, Fraction(30_000))
    3000
    """
    return round(exact(seconds) * clock)


def first_tick_from(seconds: float, clock: Fraction) -> int:
    """Return the first tick that is not before a time: where an interval begins, and one past where it ends.

    >>> first_tick_from(0.10001, Fraction(30_000))
    3001
    """
    return ceil(exact(seconds) * clock - TICK_ROUNDING)


def split_up(
    first: int, stop: int, factor: Fraction, offset: Fraction = Fraction(0)
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return whole part and fraction of ``offset + j·factor`` for j in [first, stop); the whole part is exact.

    Python's unbounded integers take over where a product could leave int64.

    >>> split_up(0, 3, Fraction(3, 2))
    (array([0, 1, 3]), array([0. , 0.5, 0. ]))
    """
    denominator = lcm(factor.denominator, offset.denominator)
    per_step, start = int(factor * denominator), int(offset * denominator)
    fits = abs(start) + max(abs(first), abs(stop)) * per_step < LARGEST_EXACT and denominator < LARGEST_EXACT
    scaled = np.arange(first, stop, dtype=np.int64 if fits else object) * per_step + start
    if denominator == 1:
        return scaled.astype(np.int64), np.zeros(scaled.size)
    whole = scaled // denominator
    rest = (scaled - whole * denominator).astype(np.float64) / float(denominator)
    return whole.astype(np.int64), rest


@dataclass(frozen=True)
class Grid:
    """Bin edges on the clock of a recording.

    Parameters
    ----------
    start_tick
        First sample of bin 0.
    ticks_per_bin
        Bin width × clock.
    """

    start_tick: int
    ticks_per_bin: Fraction

    def edges(self, first: int, stop: int) -> NDArray[np.int64]:
        """Return the first sample of bins first to stop, (stop − first + 1,): the last entry ends the last bin."""
        whole, _ = split_up(-stop, -first + 1, self.ticks_per_bin)  # ceil(x) is -floor(-x)
        return self.start_tick - whole[::-1]

    def whole_bins(self, start_tick: int, stop_tick: int) -> tuple[int, int]:
        """Return the bins [first, stop) that lie wholly within the samples [start_tick, stop_tick)."""
        offset = Fraction(start_tick - self.start_tick - 1)
        first = offset // self.ticks_per_bin + 1
        stop = Fraction(stop_tick - self.start_tick) // self.ticks_per_bin
        return int(first), int(max(first, stop))


@dataclass(frozen=True)
class Bins:
    """The bins that are kept, as runs of consecutive ones; per-bin arrays are made for slices only.

    Parameters
    ----------
    origin
        Time of position 0 [s].
    step
        Time between positions [s].
    per_bin
        Positions in a bin: 1 on a grid, k where k bins of the source are summed.
    first
        (n_runs,) position where each run begins, ascending.
    lengths
        (n_runs,) bins in each run, all > 0.
    unrelated
        The runs are a selection of samples, no stretches of one recording: time between them means nothing.
    """

    origin: Fraction
    step: Fraction
    per_bin: int
    first: NDArray[np.int64]
    lengths: NDArray[np.int64]
    unrelated: bool = False

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Index of each run's first bin, and the number of bins, (n_runs + 1,)."""
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    @property
    def n_bins(self) -> int:
        """Number of bins in all runs."""
        return int(self.offsets[-1])

    @property
    def width(self) -> Fraction:
        """Width of a bin [s]."""
        return self.step * self.per_bin

    def segment(self, i0: int, i1: int) -> NDArray[np.int32]:
        """Return the run of bins i0 to i1, (i1 − i0,)."""
        index = np.arange(i0, i1)
        return (np.searchsorted(self.offsets, index, side="right") - 1).astype(np.int32)

    def time(self, i0: int, i1: int) -> NDArray[np.float64]:
        """Return the centres of bins i0 to i1 [s], (i1 − i0,)."""
        run = self.segment(i0, i1)
        position = self.first[run] + (np.arange(i0, i1) - self.offsets[run]) * self.per_bin
        return self._seconds(2 * position + self.per_bin)

    def spans(self) -> NDArray[np.float64]:
        """Return when each run starts and stops [s], (n_runs, 2)."""
        stop = self.first + self.lengths * self.per_bin
        return np.stack([self._seconds(2 * self.first), self._seconds(2 * stop)], axis=1)

    def index_at(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return how many bins have their centre before each time, (n_times,)."""
        start, width = self.spans()[:, 0], float(self.width)
        run = np.maximum(np.searchsorted(start, times, side="right") - 1, 0)
        within = np.ceil((times - start[run]) / width - 0.5 - ROUNDING)
        return self.offsets[run] + np.clip(within, 0, self.lengths[run]).astype(np.int64)

    def pieces(self, size: int, block: int) -> Iterator[tuple[int, int, int]]:
        """Yield (i0, i1, position of i0) of pieces within one run and one block, of at most `size` bins."""
        for run, length in enumerate(self.lengths.tolist()):
            i0, end = int(self.offsets[run]), int(self.offsets[run]) + length
            while i0 < end:
                i1 = min(end, i0 + size, (i0 // block + 1) * block)
                yield i0, i1, int(self.first[run]) + (i0 - int(self.offsets[run])) * self.per_bin
                i0 = i1

    def _seconds(self, half_positions: NDArray[np.int64]) -> NDArray[np.float64]:
        # one rounding in the product, one in the quotient, one in the sum: no error grows along the recording
        elapsed = half_positions.astype(np.float64) * self.step.numerator / (2 * self.step.denominator)
        return float(self.origin) + elapsed
