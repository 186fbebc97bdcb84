"""Spike trains on an integer clock, handed out block by block in time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError

NANOSECOND_CLOCK = Fraction(10**9)
"""Ticks per second for times that were given in seconds without a sampling rate.

Decimal times are exact on it, and two samples of any recorder (< 1 MHz) never fall on one tick.
"""

SPIKES_PER_READ = 1 << 20  # 8 MB of times: large enough for the disk, small enough for any memory

Ticks = NDArray[np.int64]
Codes = NDArray[np.int32]
Read = Callable[[int, int], Ticks]
"""Reads a slice [start, stop) of ticks from wherever they are kept."""


class SpikeTrains(ABC):
    """The spikes of all units of a recording.

    Attributes
    ----------
    clock
        Ticks per second, a fraction: TDT's 24414.0625 Hz is exact.
    n_units, n_spikes
        How many.
    first_tick, last_tick
        Of the earliest and the latest spike; both 0 when there is none.
    """

    clock: Fraction
    n_units: int
    n_spikes: int
    first_tick: int
    last_tick: int

    @abstractmethod
    def blocks(self, stops: Iterable[int]) -> Iterator[tuple[Ticks, Codes]]:
        """Yield, for each tick of an ascending sequence, the spikes before it that were not yet given.

        Yields
        ------
        ticks, codes
            Both (n_spikes_in_block,): when, and the unit's index. Each unit's spikes are ascending.
        """

    @abstractmethod
    def spike_counts(self) -> NDArray[np.int64]:
        """Spikes of each unit, (n_units,)."""


class FlatSpikeTrains(SpikeTrains):
    """Spikes of all units in one time-ordered list, as sorters write them.

    Parameters
    ----------
    ticks
        (n_spikes,) ascending; an array or anything that slices like one (a memory map).
    codes
        (n_spikes,) index of each spike's unit, or −1 for spikes to leave out.
    n_units
        Number of units.
    clock
        Ticks per second.
    lookup
        Optional table from a stored code (cluster id) to the unit's index or −1.
    counts
        (n_units,) spikes of each unit, from whoever has already counted them and seen that ticks ascend;
        spares a pass over them.
    """

    def __init__(
        self,
        ticks: Any,
        codes: Any,
        n_units: int,
        clock: Fraction,
        lookup: NDArray[np.int32] | None = None,
        counts: NDArray[np.int64] | None = None,
    ) -> None:
        if len(ticks) != len(codes):
            raise RecordingError(
                f"{len(ticks)} spike times but {len(codes)} units for them: the file is inconsistent"
            )
        self.clock, self.n_units = clock, n_units
        self._ticks, self._codes, self._lookup = ticks, codes, lookup
        self._counts = np.zeros(n_units, np.int64) if counts is None else counts
        if counts is None:
            self._scan()
        self.n_spikes = int(self._counts.sum())
        self.first_tick, self.last_tick = self._bounds() if self.n_spikes else (0, 0)

    def _slice(self, start: int, stop: int) -> tuple[Ticks, Codes]:
        ticks = np.asarray(self._ticks[start:stop]).astype(np.int64, copy=False)
        codes = np.asarray(self._codes[start:stop])
        codes = codes.astype(np.int32, copy=False) if self._lookup is None else self._lookup[codes]
        return ticks, codes

    def _scan(self) -> None:
        """Check the order once and count, in blocks."""
        last = np.iinfo(np.int64).min
        for start in range(0, len(self._ticks), SPIKES_PER_READ):
            ticks, codes = self._slice(start, start + SPIKES_PER_READ)
            if ticks[0] < last or np.any(ticks[1:] < ticks[:-1]):
                raise RecordingError(f"spike times are not ascending near spike {start}: sort them first")
            last = int(ticks[-1])
            if codes.size and codes.max() >= self.n_units:
                raise RecordingError(f"a spike belongs to unit {codes.max()}, but there are {self.n_units} units")
            self._counts += np.bincount(codes[codes >= 0], minlength=self.n_units)

    def _bounds(self) -> tuple[int, int]:
        first = next(t[c >= 0][0] for t, c in self._reads(forward=True) if (c >= 0).any())
        last = next(t[c >= 0][-1] for t, c in self._reads(forward=False) if (c >= 0).any())
        return int(first), int(last)

    def _reads(self, *, forward: bool) -> Iterator[tuple[Ticks, Codes]]:
        starts = range(0, len(self._ticks), SPIKES_PER_READ)
        for start in starts if forward else reversed(starts):
            yield self._slice(start, start + SPIKES_PER_READ)

    def blocks(self, stops: Iterable[int]) -> Iterator[tuple[Ticks, Codes]]:
        """See `SpikeTrains.blocks`; here the whole block is in time order."""
        reads = self._reads(forward=True)
        ticks, codes = np.empty(0, np.int64), np.empty(0, np.int32)
        for stop in stops:
            parts: list[tuple[Ticks, Codes]] = []
            while True:
                cut = int(np.searchsorted(ticks, stop))
                if cut:
                    parts.append((ticks[:cut], codes[:cut]))
                ticks, codes = ticks[cut:], codes[cut:]
                if ticks.size:
                    break
                try:
                    ticks, codes = next(reads)
                except StopIteration:
                    break
            if len(parts) == 1:
                block_ticks, block_codes = parts[0]
            else:
                block_ticks = np.concatenate([np.empty(0, np.int64), *(p[0] for p in parts)])
                block_codes = np.concatenate([np.empty(0, np.int32), *(p[1] for p in parts)])
            if (block_codes < 0).any():
                keep = block_codes >= 0
                block_ticks, block_codes = block_ticks[keep], block_codes[keep]
            yield block_ticks, block_codes

    def spike_counts(self) -> NDArray[np.int64]:
        """See `SpikeTrains.spike_counts`."""
        return self._counts


class RaggedSpikeTrains(SpikeTrains):
    """Spikes unit by unit, as NWB keeps them.

    Parameters
    ----------
    reads
        For each unit a function that reads ticks [start, stop) of that unit; ascending within a unit.
    counts
        Spikes of each unit.
    bounds
        First and last tick over all units; (0, 0) when there is no spike.
    clock
        Ticks per second.
    """

    def __init__(
        self, reads: Sequence[Read], counts: Sequence[int], bounds: tuple[int, int], clock: Fraction
    ) -> None:
        self.clock, self.n_units = clock, len(reads)
        self._reads, self._counts = list(reads), np.asarray(counts, np.int64)
        self.n_spikes = int(self._counts.sum())
        self.first_tick, self.last_tick = bounds
        self._per_read = max(1024, SPIKES_PER_READ // max(1, self.n_units))

    def blocks(self, stops: Iterable[int]) -> Iterator[tuple[Ticks, Codes]]:
        """See `SpikeTrains.blocks`; here a block goes unit by unit."""
        position = [0] * self.n_units
        waiting: list[Ticks] = [np.empty(0, np.int64)] * self.n_units
        for stop in stops:
            ticks: list[Ticks] = [np.empty(0, np.int64)]
            codes: list[Codes] = [np.empty(0, np.int32)]
            for unit in range(self.n_units):
                while True:
                    cut = int(np.searchsorted(waiting[unit], stop))
                    if cut:
                        ticks.append(waiting[unit][:cut])
                        codes.append(np.full(cut, unit, np.int32))
                    waiting[unit] = waiting[unit][cut:]
                    if waiting[unit].size or position[unit] >= self._counts[unit]:
                        break
                    end = int(min(position[unit] + self._per_read, self._counts[unit]))
                    waiting[unit] = self._reads[unit](position[unit], end)
                    position[unit] = end
            yield np.concatenate(ticks), np.concatenate(codes)

    def spike_counts(self) -> NDArray[np.int64]:
        """See `SpikeTrains.spike_counts`."""
        return self._counts
