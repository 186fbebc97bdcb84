"""Turns spike trains into blocks of counts, in one pass with bounded memory."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from alveus.errors import QualityError, RecordingError
from alveus.preprocessing.grid import Bins, Grid
from alveus.preprocessing.tally import CountOverflow, Tally
from alveus.recording import FlatSpikeTrains, SpikeTrains

SPIKES_PER_PIECE = 1 << 18  # 3 MB: a piece is cut, checked and counted while it is in cache
SPIKES_PER_UNIT_MAJOR_PIECE = 1 << 20  # larger: each piece costs a loop over the units
PIECES_PER_GAP = 1000  # at most, however far a stray spike lies
NEVER = np.iinfo(np.int64)


class SpikeCounts:
    """Spike trains of the kept units, on a grid of bins.

    Parameters
    ----------
    trains
        Spikes of all units of the recording.
    units
        (n_units,) places of the kept units among those of `trains`, ascending.
    grid, bins
        Bin edges in samples, and which bins are kept.
    span
        First sample and first sample after the last of the recording.
    drop_duplicates
        Whether spikes that repeat the unit's previous sample are dropped; they are counted in any case.
    refuse_out_of_range
        Whether a spike outside `span` is an error; otherwise it is dropped and counted.
    """

    def __init__(
        self,
        trains: SpikeTrains,
        units: NDArray[np.int64],
        grid: Grid,
        bins: Bins,
        span: tuple[int, int],
        *,
        drop_duplicates: bool,
        refuse_out_of_range: bool,
    ) -> None:
        self._trains, self._grid, self._bins, self._span = trains, grid, bins, span
        self._drop, self._refuse = drop_duplicates, refuse_out_of_range
        self._n_units = units.size
        self._column_of = np.full(trains.n_units, -1, np.int32)
        self._column_of[units] = np.arange(units.size, dtype=np.int32)
        self.tally = Tally(total=trains.spike_counts()[units])

    def read(self, dtype: DTypeLike, block_bins: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of counts, (block_bins, n_units); the last one may be shorter.

        Raises
        ------
        CountOverflow
            When a count does not fit `dtype`.
        RecordingError
            When spikes lie outside the recording and that is to be refused.
        QualityError
            When there are spikes, but none in a kept bin.
        """
        from alveus.preprocessing.kernels import count_by_unit, count_in_order

        in_order = isinstance(self._trains, FlatSpikeTrains)
        count = count_in_order if in_order else count_by_unit
        tally = Tally(total=self.tally.total, duplicates=np.zeros(self._n_units, np.int64))
        unobserved = np.zeros(self._n_units, np.int64)
        last_tick = np.full(self._n_units, NEVER.min, np.int64)
        pieces: deque[tuple[int, int, NDArray[np.int64]] | None] = deque()
        block = np.empty((0, self._n_units), dtype)
        for ticks, codes in self._trains.blocks(self._stops(block_bins, pieces, in_order=in_order)):
            piece = pieces.popleft()
            if piece is None:
                self._leave_out(ticks, codes, tally, unobserved)
                continue
            i0, i1, edges = piece
            if i0 % block_bins == 0:
                block = np.empty((min(block_bins, self._bins.n_bins - i0), self._n_units), dtype)
            rows = block[i0 % block_bins :][: i1 - i0]
            if count(ticks, codes, self._column_of, edges, last_tick, tally.duplicates, self._drop, rows):
                raise CountOverflow(f"a bin holds more spikes than {np.dtype(dtype).name} can count")
            if i1 % block_bins == 0 or i1 == self._bins.n_bins:
                yield block
        self._finish(tally, unobserved)

    def _stops(
        self,
        block_bins: int,
        pieces: deque[tuple[int, int, NDArray[np.int64]] | None],
        *,
        in_order: bool,
    ) -> Iterator[int]:
        """Yield the ticks to read up to, and note for each the bins that end there; None for none."""
        trains = self._trains
        duration = max(1, trains.last_tick - trains.first_tick)
        wanted = SPIKES_PER_PIECE if in_order else SPIKES_PER_UNIT_MAJOR_PIECE
        piece_ticks = max(1, wanted * duration // max(1, trains.n_spikes))
        size = max(1, int(piece_ticks / self._grid.ticks_per_bin))
        at = trains.first_tick
        for i0, i1, position in self._bins.pieces(size, block_bins):
            edges = self._grid.edges(position, position + i1 - i0)
            for stop in _steps(at, int(edges[0]), piece_ticks):
                pieces.append(None)
                yield stop
            pieces.append((i0, i1, edges))
            at = int(edges[-1])
            yield at
        for stop in [*_steps(at, trains.last_tick, piece_ticks), NEVER.max]:
            pieces.append(None)
            yield stop

    def _leave_out(
        self,
        ticks: NDArray[np.int64],
        codes: NDArray[np.int32],
        tally: Tally,
        left_out: NDArray[np.int64],
    ) -> None:
        """Count spikes that are in no bin."""
        columns = self._column_of[codes]
        known = columns >= 0
        before, after = ticks[known] < self._span[0], ticks[known] > self._span[1]
        tally.before += int(before.sum())
        tally.after += int(after.sum())
        tally.unobserved += int((~before & ~after).sum())
        left_out += np.bincount(columns[known], minlength=self._n_units)

    def _finish(self, tally: Tally, left_out: NDArray[np.int64]) -> None:
        tally.kept = tally.total - left_out - (tally.duplicates if self._drop else 0)
        tally.complete = True
        self.tally = tally
        if self._refuse and tally.out_of_range:
            raise RecordingError(
                f"{tally.out_of_range} of {tally.total.sum()} spikes lie outside the recording, {tally.before} "
                f"before its start and {tally.after} after its end: give start and duration in seconds, "
                "or set preprocess.out_of_range to drop"
            )
        if tally.total.sum() and not tally.kept.sum():
            raise QualityError(
                f"none of {tally.total.sum()} spikes lies in a kept bin: {tally.before} come before the start "
                f"of the recording, {tally.after} after its end, {tally.unobserved} while it was not observed"
            )


def _steps(start: int, stop: int, size: int) -> Iterator[int]:
    """Yield ticks up to `stop`, so that what lies between is read in pieces too."""
    if stop > start:
        size = max(size, (stop - start) // PIECES_PER_GAP + 1)
        yield from range(start + size, stop, size)
        yield stop
