"""Traces of several files or datasets to one matrix that is read slice by slice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.recording import ByUnit


class JoinedTraces:
    """Traces of several planes, one plane after the other.

    Parameters
    ----------
    parts
        Each (n_units, at least n_frames), an array or anything that slices like one.
    n_frames
        How many frames to stand for, from the first.
    """

    def __init__(self, parts: Sequence[Any], n_frames: int) -> None:
        self._parts = parts
        self._edges = np.cumsum([0, *(int(part.shape[0]) for part in parts)])
        self.shape = (int(self._edges[-1]), n_frames)
        self.dtype = np.result_type(*(part.dtype for part in parts))

    def __getitem__(self, where: slice | tuple[slice, slice]) -> NDArray[Any]:
        units, frames = where if isinstance(where, tuple) else (where, slice(None))
        first, last, _ = units.indices(self.shape[0])
        begin, end, _ = frames.indices(self.shape[1])
        pieces = [np.empty((0, max(0, end - begin)), self.dtype)]
        for part, start, stop in zip(
            self._parts, self._edges[:-1].tolist(), self._edges[1:].tolist(), strict=True
        ):
            if min(last, stop) > max(first, start):
                pieces.append(np.asarray(part[max(first, start) - start : min(last, stop) - start, begin:end]))
        return np.concatenate(pieces)


class JoinedRows:
    """Frames of several planes, side by side.

    Parameters
    ----------
    parts
        Each (at least n_frames, n_units), anything that slices by frames like an array.
    n_frames
        How many frames to stand for.
    first
        Frame of the parts that is the first.
    """

    def __init__(self, parts: Sequence[Any], n_frames: int, first: int = 0) -> None:
        self._parts, self._first = parts, first
        self.shape = (n_frames, sum(int(part.shape[1]) for part in parts))
        self.ndim, self.dtype = 2, np.result_type(*(part.dtype for part in parts))

    def __len__(self) -> int:
        return self.shape[0]

    def window(self, first: int, stop: int) -> "JoinedRows":
        """Return the frames [first, stop) as rows of their own."""
        return JoinedRows(self._parts, stop - first, self._first + first)

    def __getitem__(self, frames: slice) -> NDArray[Any]:
        begin, end, step = frames.indices(self.shape[0])
        wanted = slice(self._first + begin, self._first + max(begin, end))
        return np.concatenate([np.asarray(part[wanted]) for part in self._parts], axis=1)[::step]


class PlacedRows:
    """Frames at their places on a regular grid; frames that the source lacks are NaN.

    Parameters
    ----------
    rows
        (n_stored, n_units), anything that slices by frames like an array.
    places
        (n_stored,) frame of the grid of each, strictly ascending from 0.
    n_frames
        Frames of the grid.
    """

    def __init__(self, rows: Any, places: NDArray[np.int64], n_frames: int) -> None:
        self._rows, self._places = rows, places
        self.shape = (n_frames, int(rows.shape[1]))
        self.ndim, self.dtype = 2, np.result_type(rows.dtype, np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: slice) -> NDArray[Any]:
        begin, end, _ = frames.indices(self.shape[0])
        block = np.full((max(0, end - begin), self.shape[1]), np.nan, self.dtype)
        first, last = np.searchsorted(self._places, [begin, max(begin, end)]).tolist()
        if last > first:
            block[self._places[first:last] - begin] = self._rows[first:last]
        return block


class SummedTraces:
    """The sum of two matrices, taken when it is asked for.

    Parameters
    ----------
    first, second
        Of the same shape, each an array or anything that slices like one.
    """

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second
        self.shape: tuple[int, int] = first.shape
        self.dtype = np.result_type(first.dtype, second.dtype)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        total: NDArray[Any] = np.asarray(self._first[where]) + np.asarray(self._second[where])
        return total


class Transposed:
    """A matrix with rows and columns exchanged.

    Parameters
    ----------
    rows
        A matrix that slices in both directions like an array.
    """

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        self.shape, self.dtype = (rows.shape[1], rows.shape[0]), rows.dtype

    def __getitem__(self, where: slice | tuple[slice, slice]) -> NDArray[Any]:
        rows, columns = where if isinstance(where, tuple) else (where, slice(None))
        return np.asarray(self._rows[columns, rows]).T


def by_unit(parts: Sequence[Any], n_frames: int) -> ByUnit:
    """Return the traces (n_units, n_frames) of several planes as (n_frames, n_units)."""
    whole = len(parts) == 1 and parts[0].shape[1] == n_frames
    return ByUnit(parts[0] if whole else JoinedTraces(parts, n_frames))
