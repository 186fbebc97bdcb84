"""Turns a signal that its source keeps frame by frame, or unit by unit, into a way to read whole traces."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 1 << 27  # bytes; traces that their source keeps frame by frame are turned around in memory up to here

Reader = Callable[[NDArray[np.int64]], NDArray[Any]]
"""From places of units to their whole traces, (n, n_frames)."""


def whole_traces(values: Any, scratch: Path | None, name: str) -> Reader:
    """Return a way to read whole traces of a signal (n_frames, n_units).

    A signal that its source keeps frame by frame is turned around once: in memory, or if large, in a file.

    Parameters
    ----------
    values
        The signal, or `alveus.recording.ByUnit`.
    scratch
        Folder for the file; None: always in memory.
    name
        Of the file.
    """
    if hasattr(values, "traces"):
        return lambda places: np.concatenate([values.traces(run) for run in _runs(places)])
    n_frames, n_units = values.shape
    whole = np.dtype(values.dtype).kind in "iu" and np.dtype(values.dtype).itemsize <= 4  # of a camera
    dtype = values.dtype if whole else np.dtype(np.float32)
    turned: NDArray[Any]
    if scratch is None or dtype.itemsize * n_frames * n_units <= IN_MEMORY:
        turned = np.empty((n_units, n_frames), dtype)
    else:
        turned = np.lib.format.open_memmap(scratch / f"{name}.npy", "w+", dtype, (n_units, n_frames))
    step = max(1, IN_MEMORY // (8 * 4 * n_units))
    for begin in range(0, n_frames, step):
        turned[:, begin : begin + step] = np.asarray(values[begin : begin + step]).T
    return lambda places: turned[places]


def _runs(places: NDArray[np.int64]) -> Iterator[slice]:
    """Yield slices of neighbouring places, which a file gives in one piece."""
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    for run in np.split(places, cuts):
        yield slice(int(run[0]), int(run[-1]) + 1)
