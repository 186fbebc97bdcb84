"""A .npz file to its arrays, after checking what they declare: no bomb is unpacked, nothing is unpickled."""

import math
import weakref
import zipfile
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from alveus.io.files.npy import Header, check_limit, check_size, native, read_header, read_values
from alveus.io.files.opening import Watch, reading

SUFFIX = ".npy"


class Archive:
    """The arrays of a .npz file by name.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Refuse a file whose arrays declare more than this together.

    Raises
    ------
    RecordingError
        When the file is missing, damaged, or declares more than allowed or than it holds.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path, self.watch = path, Watch(path)
        self._max_bytes = max_bytes
        with reading(self.watch, "npz"):
            file = path.open("rb")  # for as long as somebody holds rows of it
            weakref.finalize(self, file.close)
            self._zip = zipfile.ZipFile(file)
            self._members = {
                info.filename.removesuffix(SUFFIX): info
                for info in self._zip.infolist()
                if info.filename.endswith(SUFFIX)
            }
            declared = sum(info.file_size for info in self._members.values())
        check_limit(declared, max_bytes, path.name)

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return list(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def _open(self, name: str) -> IO[bytes]:
        return self._zip.open(self._members[name])

    def header(self, name: str) -> Header:
        """Return what an array declares, checked against what the archive holds."""
        label = f"{self.path.name}: {name}"
        with reading(self.watch, "npz"), self._open(name) as file:
            header = read_header(file, label)
        check_size(header, self._members[name].file_size, label)
        check_limit(header.n_bytes, self._max_bytes, label)
        return header

    def read(self, name: str) -> NDArray[Any]:
        """Read one array whole.

        Raises
        ------
        RecordingError, TemporaryError
            When it is damaged, pickled or larger than allowed.
        """
        header = self.header(name)
        with reading(self.watch, "npz"), self._open(name) as file:
            file.seek(header.offset)
            values = read_values(file, header)
            if file.read(1):  # the end must be reached: only there is the checksum compared
                raise ValueError(f"{name} has more bytes than values")
        return values

    def rows(self, name: str) -> "ArchiveRows":
        """Return an array of at least one dimension that is read row by row."""
        return ArchiveRows(self, name)


class ArchiveRows:
    """Rows of a (time, unit) array in an archive; reading forward unpacks each byte once.

    Parameters
    ----------
    archive, name
        Where the array is. One stored column by column (Fortran order) has to be held whole.
    first, n_rows
        Part of the rows to stand for; all of them if not given.
    """

    def __init__(self, archive: Archive, name: str, first: int = 0, n_rows: int | None = None) -> None:
        self._archive, self.name, self._first = archive, name, first
        self._header = archive.header(name)
        whole = self._header.shape
        self.shape = (whole[0] - first if n_rows is None else n_rows, *whole[1:])
        self.dtype, self.ndim = self._header.dtype.newbyteorder("="), len(whole)
        self._stream: IO[bytes] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def window(self, first: int, last: int) -> "ArchiveRows":
        """Return the rows [first, last) as an array of their own."""
        return ArchiveRows(self._archive, self.name, self._first + first, last - first)

    @cached_property
    def _whole(self) -> NDArray[Any]:
        return self._archive.read(self.name)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        rows, *columns = where if isinstance(where, tuple) else (where,)
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            block = self._read(self._first + start, self._first + max(start, stop))
            where = (slice(None), *columns)
        else:
            block = self._all()
        chosen: NDArray[Any] = block[where]
        return chosen

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        if self._header.fortran_order and self.ndim > 1:
            return self._whole[start:stop]
        width = math.prod(self.shape[1:]) * self._header.dtype.itemsize
        with reading(self._archive.watch, "npz"):
            if self._stream is None:
                self._stream = self._archive._open(self.name)
            self._stream.seek(self._header.offset + start * width)
            data = self._stream.read((stop - start) * width)
            if len(data) != (stop - start) * width:
                raise EOFError(f"{self.name} ends after {len(data)} bytes of rows {start} to {stop}")
            if start * width + len(data) == self._header.n_bytes:
                self._stream.read(1)  # compares the checksum
        return native(np.frombuffer(data, self._header.dtype)).reshape(stop - start, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return self._all() if dtype is None else self._all().astype(dtype)

    def _all(self) -> NDArray[Any]:
        return self._read(self._first, self._first + len(self))


def archive_names(path: Path) -> list[str]:
    """Return the names of a .npz file's arrays without reading them.

    Raises
    ------
    RecordingError
        When the file is missing or no .npz file.
    """
    with reading(Watch(path), "npz"), zipfile.ZipFile(path) as file:
        return [name.removesuffix(SUFFIX) for name in file.namelist() if name.endswith(SUFFIX)]
