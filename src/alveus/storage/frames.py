"""Stored traces, which are written unit by unit, to frames in order: no chunk is decoded twice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.storage.layout import FRAMES_PER_CHUNK
from alveus.storage.store import StoredArray


class Frames:
    """Stored frames of some units, read forward: what one read decodes is kept for the next.

    Parameters
    ----------
    array
        (n_frames, n_units) on the disk.
    units
        (n_kept,) columns to give.
    """

    def __init__(self, array: StoredArray, units: NDArray[np.int64]) -> None:
        whole = np.array_equal(units, np.arange(array.shape[1]))
        self._array, self._units = array, slice(None) if whole else units  # a slice copies nothing
        self.shape: tuple[int, int] = (array.shape[0], units.size)
        self.ndim, self.dtype = 2, array.dtype
        self._first, self._band = 0, np.empty((0, units.size), array.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: slice) -> NDArray[Any]:
        """Return some frames, (n, n_kept)."""
        start, stop, _ = frames.indices(self.shape[0])
        if stop <= start:
            return np.empty((0, self.shape[1]), self.dtype)
        known = self._first + len(self._band)
        if self._first <= start and stop <= known:
            return self._band[start - self._first : stop - self._first]
        first = start // FRAMES_PER_CHUNK * FRAMES_PER_CHUNK
        last = min(-(-stop // FRAMES_PER_CHUNK) * FRAMES_PER_CHUNK, self.shape[0])
        begin = known if self._first <= first < known else first  # the band before reaches into this one
        fresh = self._array[begin:last][:, self._units]
        old = self._band[first - self._first :] if begin > first else fresh[:0]
        self._first, self._band = first, np.concatenate([old, fresh])
        return self._band[start - first : stop - first]
