"""Turns frames (counts binned elsewhere, events, ΔF/F) into blocks of bins: summed, or shared out by overlap."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from alveus.errors import RecordingError
from alveus.preprocessing.grid import Bins, split_up
from alveus.preprocessing.tally import CountOverflow
from alveus.recording import BinnedCounts, Traces

if TYPE_CHECKING:
    from scipy.sparse import csr_array

VALUES_PER_READ = 1 << 20  # 8 MB as float64


def check_values(values: Any, unit_ids: tuple[str, ...], quantity: str) -> NDArray[np.float64]:
    """Check every value of a recording in frames once, and return each unit's sum, (n_units,).

    Raises
    ------
    RecordingError
        When values are not finite; when counts are negative or no whole numbers; when events are negative.
    """
    totals = np.zeros(len(unit_ids))
    rows = max(1, VALUES_PER_READ // max(1, len(unit_ids)))
    for start in range(0, values.shape[0], rows):
        part = np.asarray(values[start : start + rows], np.float64)
        _refuse(~np.isfinite(part), part, start, unit_ids, f"{quantity}: values that are not finite",
                "mask or cut them")  # fmt: skip
        if quantity != "dff":
            _refuse(part < 0, part, start, unit_ids, f"{quantity}: negative values",
                    "neither counts nor events can be negative")  # fmt: skip
        if quantity == "counts":
            _refuse(part != np.floor(part), part, start, unit_ids, "counts: values that are no whole numbers",
                    "rates and smoothed counts are no counts")  # fmt: skip
        totals += part.sum(axis=0)
    return totals


def _refuse(
    wrong: NDArray[np.bool_],
    part: NDArray[np.float64],
    start: int,
    unit_ids: tuple[str, ...],
    what: str,
    why: str,
) -> None:
    if wrong.any():
        row, unit = (int(k[0]) for k in np.nonzero(wrong))
        raise RecordingError(
            f"{what}, {wrong.sum()} in rows {start} to {start + part.shape[0] - 1}, the first {part[row, unit]:g} "
            f"in row {start + row} of unit {unit_ids[unit]}: {why}"
        )


class SummedCounts:
    """Counts that someone else has binned, at their own rate or summed k by k.

    Parameters
    ----------
    source
        The counts.
    units
        (n_units,) columns to keep.
    bins
        Bins whose positions are rows of `source`.
    """

    def __init__(self, source: BinnedCounts, units: NDArray[np.int64], bins: Bins) -> None:
        self._source, self._units, self._bins = source, units, bins

    def read(self, dtype: DTypeLike, block_bins: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of counts, (block_bins, n_units); the last one may be shorter.

        Raises
        ------
        CountOverflow
            When a count does not fit `dtype`.
        """
        per_bin, largest = self._bins.per_bin, np.iinfo(np.dtype(dtype)).max
        size = max(1, VALUES_PER_READ // max(1, self._source.counts.shape[1] * per_bin))
        block = np.empty((0, self._units.size), dtype)
        for i0, i1, row in self._bins.pieces(size, block_bins):
            if i0 % block_bins == 0:
                block = np.empty((min(block_bins, self._bins.n_bins - i0), self._units.size), dtype)
            rows = np.asarray(self._source.counts[row : row + (i1 - i0) * per_bin])[:, self._units]
            sums = rows.astype(np.int64).reshape(i1 - i0, per_bin, -1).sum(axis=1)
            if sums.max(initial=0) > largest:
                raise CountOverflow(f"a bin holds more spikes than {np.dtype(dtype).name} can count")
            block[i0 % block_bins :][: i1 - i0] = sums
            if i1 % block_bins == 0 or i1 == self._bins.n_bins:
                yield block


class SharedFrames:
    """Events or ΔF/F of frames, shared out to bins by exact overlap in time.

    Every bin takes from a frame the part of it that it overlaps: the sum of events is conserved, and a bin that no
    event touches is exactly 0. ΔF/F is averaged with the same weights.

    Parameters
    ----------
    source
        The frames.
    units
        (n_units,) columns to keep.
    bins
        Bins on a grid.
    first_frame
        Where position 0 lies, in frames from the first one.
    rate
        Frames per second.
    delays
        How far into a frame each of the units is measured, in frames.
    """

    def __init__(
        self,
        source: Traces,
        units: NDArray[np.int64],
        bins: Bins,
        first_frame: Fraction,
        rate: Fraction,
        delays: Sequence[Fraction],
    ) -> None:
        self._source, self._units, self._bins = source, units, bins
        self._first_frame, self._frames_per_bin = first_frame, bins.width * rate
        self._planes = {delay: np.flatnonzero([own == delay for own in delays]) for delay in sorted(set(delays))}

    def read(self, dtype: DTypeLike, block_bins: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of events or ΔF/F, (block_bins, n_units); the last one may be shorter."""
        per_bin = max(1, int(self._frames_per_bin))
        size = max(1, VALUES_PER_READ // max(1, self._source.values.shape[1] * per_bin))
        scale = 1.0 if self._source.signal == "events" else 1.0 / float(self._frames_per_bin)
        block = np.empty((0, self._units.size), dtype)
        for i0, i1, position in self._bins.pieces(size, block_bins):
            if i0 % block_bins == 0:
                block = np.empty((min(block_bins, self._bins.n_bins - i0), self._units.size), dtype)
            block[i0 % block_bins :][: i1 - i0] = self._shared(position, i1 - i0) * scale
            if i1 % block_bins == 0 or i1 == self._bins.n_bins:
                yield block

    def _shared(self, position: int, n_bins: int) -> NDArray[np.float64]:
        shared = np.empty((n_bins, self._units.size))
        for delay, columns in self._planes.items():
            first, weights = self._weights(position, n_bins, self._first_frame - delay)
            values = np.asarray(self._source.values[first : first + weights.shape[1]])
            units = self._units[columns]
            wanted = values if np.array_equal(units, np.arange(values.shape[1])) else values[:, units]
            shared[:, columns] = weights @ wanted.astype(np.float64)
        return shared

    def _weights(self, position: int, n_bins: int, first_frame: Fraction) -> "tuple[int, csr_array]":
        """Return the first frame that bins need, and the part of each frame that each bin takes, (bin, frame)."""
        from scipy.sparse import csr_array

        # Edges in frames: the frame that holds each edge, and the part of that frame before the edge.
        holder, before = split_up(position, position + n_bins + 1, self._frames_per_bin, first_frame)
        # Bin k takes frames holder[k] to holder[k + 1]: the first without what lies before its edge, the last up
        # to its edge, and those between whole.
        first = int(holder[0])
        counts = holder[1:] - holder[:-1] + 1
        starts = np.concatenate([[0], np.cumsum(counts)])
        column = np.arange(starts[-1]) - np.repeat(starts[:-1], counts) + np.repeat(holder[:-1], counts)
        weight = np.ones(column.size)
        weight[starts[1:] - 1] = before[1:]
        weight[starts[:-1]] -= before[:-1]
        used = weight != 0  # an edge between two frames takes nothing from the one that begins there
        row = np.repeat(np.arange(n_bins), counts)
        n_frames = int(column[used].max()) - first + 1
        return first, csr_array((weight[used], (row[used], column[used] - first)), shape=(n_bins, n_frames))
