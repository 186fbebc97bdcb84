"""Rows of counts that are checked, block by block, to be counts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError


class CheckedCounts:
    """A (time, unit) array whose every block is whole, finite and not negative when it is handed out.

    Parameters
    ----------
    rows
        Anything that slices like an array.
    name
        Of the array, for messages.
    first
        Row of the file that the first row is.
    """

    def __init__(self, rows: Any, name: str, first: int = 0) -> None:
        self._rows, self._name, self._first = rows, name, first
        self.shape: tuple[int, ...] = tuple(rows.shape)
        self.dtype, self.ndim = rows.dtype, rows.ndim

    def __len__(self) -> int:
        return self.shape[0]

    def window(self, first: int, last: int) -> "CheckedCounts":
        """Return the rows [first, last) as an array of their own."""
        return CheckedCounts(self._rows.window(first, last), self._name, self._first + first)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        rows = where[0] if isinstance(where, tuple) else where
        block = np.asarray(self._rows[where])
        if self.dtype.kind in "ub":
            return block
        wrong = block < 0
        if self.dtype.kind == "f":
            wrong |= ~np.isfinite(block) | (block != np.rint(block))
        if wrong.any():
            place = np.argwhere(np.atleast_1d(wrong))[0]
            start = rows.indices(len(self))[0] if isinstance(rows, slice) else 0
            value = np.atleast_1d(block)[tuple(place)]
            raise RecordingError(
                f"{self._name}: {wrong.sum()} values are no counts, the first is {value:g} in row "
                f"{self._first + start + place[0]}: give whole numbers from 0, or save them as events"
            )
        return block

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        values = self[0 : len(self)]
        return values if dtype is None else values.astype(dtype)
