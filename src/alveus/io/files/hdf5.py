"""An HDF5 file to its datasets: sizes checked before reading, nothing followed out of the file."""

import math
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.columns import as_text
from alveus.io.files.npy import check_limit
from alveus.io.files.opening import Watch, reading

KIND = "NWB (HDF5)"


class Hdf5File:
    """An open HDF5 file.

    A damaged file can make h5py raise anything anywhere, so whatever looks into one does it within `guard`.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Refuse to read more than this from one dataset.
    kind
        What the file should be, for messages.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is missing, damaged, truncated or locked by another program.
    """

    def __init__(self, path: Path, max_bytes: int, kind: str = KIND) -> None:
        self.path, self.watch, self._max_bytes, self._kind = path, Watch(path), max_bytes, kind
        with self.guard():
            self.root = h5py.File(path, "r", locking="best-effort")  # closed when nothing refers to it any more

    def guard(self) -> AbstractContextManager[None]:
        """Turn what h5py raises on a damaged file into an error that names the file."""
        return reading(self.watch, self._kind)

    def group(self, where: str) -> h5py.Group | None:
        """Return a group of this file, or None where there is none."""
        item = self._follow(self.root, where)
        return item if isinstance(item, h5py.Group) else None

    def below(self, group: h5py.Group, name: str) -> h5py.Group | None:
        """Return a group inside another, or None where there is none."""
        item = self._follow(group, name)
        return item if isinstance(item, h5py.Group) else None

    def dataset(self, group: h5py.Group, name: str) -> h5py.Dataset | None:
        """Return a dataset of this file that may be read, or None where there is none.

        Raises
        ------
        RecordingError
            When its values lie in another file, or it declares more than allowed.
        """
        item = self._follow(group, name)
        if not isinstance(item, h5py.Dataset):
            return None
        label = f"{self.path.name}{item.name}"
        if item.external or item.is_virtual:
            raise RecordingError(f"{label} keeps its values in another file: export it into one file")
        check_limit(math.prod(item.shape or ()) * item.dtype.itemsize, self._max_bytes, label)
        return item

    def _follow(self, group: h5py.Group, where: str) -> Any:
        """Go down link by link, never through one that leads to another file."""
        item: Any = group
        for part in where.split("/"):
            if not isinstance(item, h5py.Group):
                return None
            link = item.get(part, getlink=True) if part in item else None
            if link is None or isinstance(link, h5py.ExternalLink):
                return None
            item = item[part]
            if item.file.filename != self.root.filename:  # a soft link can lead to an external one
                return None
        return item

    def read(self, dataset: h5py.Dataset) -> NDArray[Any]:
        """Read a dataset whole: numbers, booleans, or text."""
        if h5py.check_string_dtype(dataset.dtype) is not None:
            return as_text(np.asarray(dataset.asstr(errors="replace")[()], dtype=np.str_))
        values: NDArray[Any] = np.asarray(dataset[()])
        return as_text(values) if values.dtype.kind == "S" else values

    def text(self, where: str) -> str:
        """Return a scalar text, empty where there is none."""
        folder, _, name = where.rpartition("/")
        group = self.group(folder)
        dataset = None if group is None else self.dataset(group, name)
        if dataset is None or dataset.shape != () or h5py.check_string_dtype(dataset.dtype) is None:
            return ""
        return str(self.read(dataset))

    def attribute(self, item: h5py.HLObject, name: str) -> Any:
        """Return an attribute as a number or text, or None where there is none."""
        value = item.attrs.get(name)
        if isinstance(value, bytes | np.bytes_):
            return value.decode("utf-8", errors="replace")
        if isinstance(value, np.ndarray | np.generic) and np.size(value) == 1 and value.dtype.kind in "biuf":
            return float(np.reshape(value, -1)[0])
        return value if isinstance(value, str) else None


class Hdf5Column:
    """One column of numbers in an HDF5 file, read slice by slice; keeps the file open."""

    def __init__(self, file: Hdf5File, dataset: h5py.Dataset) -> None:
        self._file, self._dataset = file, dataset
        if dataset.ndim != 1 or dataset.dtype.kind not in "iuf":
            raise RecordingError(
                f"{file.path.name}{dataset.name} has shape {dataset.shape} and type {dataset.dtype}: "
                "it must be one column of numbers"
            )
        self.dtype: np.dtype[Any] = dataset.dtype.newbyteorder("=")

    def __len__(self) -> int:
        return int(self._dataset.shape[0])

    def __getitem__(self, where: slice) -> NDArray[Any]:
        with self._file.guard():
            return np.asarray(self._dataset[where], self.dtype)


class Hdf5Matrix:
    """A matrix of numbers in an HDF5 file, read slice by slice; keeps the file open.

    Parameters
    ----------
    file, dataset
        Where it is; a single column or row may have lost its second dimension.
    scale, shift
        Each value is multiplied and then added to.
    """

    def __init__(self, file: Hdf5File, dataset: h5py.Dataset, scale: float = 1.0, shift: float = 0.0) -> None:
        self._file, self._dataset, self._scale, self._shift = file, dataset, scale, shift
        if dataset.ndim not in (1, 2) or dataset.dtype.kind not in "biuf":
            raise RecordingError(
                f"{file.path.name}{dataset.name} has shape {dataset.shape} and type {dataset.dtype}: "
                "it must be a matrix of numbers"
            )
        self.shape = (int(dataset.shape[0]), int(dataset.shape[1]) if dataset.ndim == 2 else 1)
        self.ndim = 2
        self._as_stored = (scale, shift) == (1.0, 0.0)
        self.dtype = dataset.dtype.newbyteorder("=") if self._as_stored else np.dtype(np.float64)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice | tuple[slice, slice]) -> NDArray[Any]:
        rows, columns = where if isinstance(where, tuple) else (where, slice(None))
        with self._file.guard():
            if self._dataset.ndim == 1:
                part = np.asarray(self._dataset[rows])[:, np.newaxis][:, columns]
            else:
                part = np.asarray(self._dataset[rows, columns])
        return part.astype(self.dtype, copy=False) if self._as_stored else part * self._scale + self._shift
