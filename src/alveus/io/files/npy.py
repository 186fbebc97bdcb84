"""A .npy file to an array, whole or slice by slice, without trusting what its header declares."""

import math
import os
import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.opening import Watch, reading

PLAIN_KINDS = "biufUS"  # booleans, whole and real numbers, text: all that is read without unpickling
BYTES_PER_READ = 1 << 24  # large enough for the disk, small beside any array worth cutting up
LAST_CODE_POINT, SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)  # Unicode; surrogates cannot be written as UTF-8
LONGEST_HEADER = 10_000  # characters; NumPy's own limit for headers it does not trust

VERSIONS: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Readers of the headers of plain arrays; version 3.0 is for structured ones."""


@dataclass(frozen=True)
class Header:
    """What a .npy header declares, and where the values begin [bytes]."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def n_bytes(self) -> int:
        """Size of the values [bytes], in integers that cannot overflow."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes], name: str) -> Header:
    """Read the header at the beginning of a .npy stream.

    Raises
    ------
    RecordingError
        For objects (they would have to be unpickled), structured types and versions not known.
    ValueError
        When it is no .npy stream.
    """
    version = np.lib.format.read_magic(file)
    if version not in VERSIONS:
        raise RecordingError(f"{name} has npy version {version}: save plain numbers or text with np.save")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # headers by Python 2 are as good as others
        shape, fortran_order, dtype = VERSIONS[version](file, LONGEST_HEADER)
    if dtype.hasobject:
        raise RecordingError(
            f"{name} holds Python objects, which are never unpickled because they can run code: "
            "save numbers, or text with dtype=str"
        )
    if dtype.kind not in PLAIN_KINDS:
        raise RecordingError(f"{name} has type {dtype}: save plain numbers or text")
    if any(size < 0 for size in shape):
        raise RecordingError(f"{name} declares the impossible shape {shape}")
    return Header(tuple(int(size) for size in shape), bool(fortran_order), dtype, file.tell())


def check_size(header: Header, stored: int, name: str) -> None:
    """Pass when the declared values fill exactly the bytes that are there.

    Raises
    ------
    RecordingError
        Naming both sizes.
    """
    wanted = header.offset + header.n_bytes
    if wanted > stored:
        raise RecordingError(
            f"{name} is truncated: {header.shape} values of {header.dtype} need {wanted} bytes, "
            f"{stored} are there; copy or export it again"
        )


def check_limit(n_bytes: int, max_bytes: int, name: str) -> None:
    """Pass when this many bytes may be unpacked.

    Raises
    ------
    RecordingError
        Naming size and limit [GB].
    """
    if n_bytes > max_bytes:
        raise RecordingError(
            f"{name} declares {n_bytes / 1e9:.3g} GB of data, more than max_input_gb = {max_bytes / 1e9:g}: "
            "it is damaged, or the setting max_input_gb has to be raised"
        )


class NpyColumn:
    """One column of numbers in a .npy file, read slice by slice.

    A memory map would crash the process when the file is cut short meanwhile; reading raises an error.

    Parameters
    ----------
    path
        File of shape (n,) or (n, 1).
    max_bytes
        Refuse a larger one.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is missing, damaged, larger than allowed or no column of numbers.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path, self._watch = path, Watch(path)
        with reading(self._watch, "npy"), path.open("rb") as file:
            self._header = read_header(file, path.name)
        check_size(self._header, self._watch.size, path.name)
        check_limit(self._header.n_bytes, max_bytes, path.name)
        self.dtype = self._header.dtype.newbyteorder("=")
        shape = self._header.shape
        if math.prod(shape) != max(shape, default=-1) or self.dtype.kind not in "iuf":
            raise RecordingError(
                f"{path.name} has shape {shape} and type {self.dtype}: it must be one column of numbers"
            )
        self._length = math.prod(shape)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, where: slice) -> NDArray[Any]:
        start, stop, _ = where.indices(self._length)
        count = max(0, stop - start)
        offset = self._header.offset + start * self.dtype.itemsize
        with reading(self._watch, "npy"):
            values = np.fromfile(self.path, self._header.dtype, count, offset=offset)
            if values.size != count:
                raise EOFError(f"{count} values wanted at byte {offset}, {values.size} read")
        return native(values)


class NpyMatrix:
    """A matrix of numbers in a .npy file, read slice by slice; memory is used only for what is asked for.

    Parameters
    ----------
    path
        File of shape (n, m), stored row by row or column by column.
    max_bytes
        Refuse a larger one.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is missing, damaged, larger than allowed or no matrix of numbers.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path, self._watch = path, Watch(path)
        with reading(self._watch, "npy"), path.open("rb") as file:
            self._header = read_header(file, path.name)
        check_size(self._header, self._watch.size, path.name)
        check_limit(self._header.n_bytes, max_bytes, path.name)
        self.dtype = self._header.dtype.newbyteorder("=")
        if len(self._header.shape) != 2 or self.dtype.kind not in "biuf":
            raise RecordingError(
                f"{path} has shape {self._header.shape} and type {self.dtype}: it must be a matrix of numbers"
            )
        self.shape = (self._header.shape[0], self._header.shape[1])
        self._by_columns = self._header.fortran_order

    def transposed(self) -> "NpyMatrix":
        """Return the same values with rows and columns exchanged."""
        other = copy(self)
        other.shape, other._by_columns = self.shape[::-1], not self._by_columns
        return other

    def __getitem__(self, where: slice | tuple[slice, slice]) -> NDArray[Any]:
        rows, columns = where if isinstance(where, tuple) else (where, slice(None))
        if self._by_columns:
            return self._read(self.shape[::-1], columns, rows).T
        return self._read(self.shape, rows, columns)

    def _read(self, shape: tuple[int, int], outer: slice, inner: slice) -> NDArray[Any]:
        """Read a part of what lies row after row in the file."""
        first, last, step = outer.indices(shape[0])
        begin, end, stride = inner.indices(shape[1])
        if step != 1 or stride != 1:
            raise IndexError("a matrix in a file is read without steps")
        size = self._header.dtype.itemsize
        part = np.empty((max(0, last - first), max(0, end - begin)), self._header.dtype)
        if not part.size:
            return native(part)
        pieces = [part.reshape(-1)] if part.shape[1] == shape[1] else list(part)  # whole rows follow each other
        with reading(self._watch, "npy"), self.path.open("rb", buffering=0) as file:
            for number, piece in enumerate(pieces):
                place = self._header.offset + ((first + number) * shape[1] + begin) * size
                _fill(file.fileno(), piece.view(np.uint8).data, place)
        return native(part)


def _fill(file: int, buffer: memoryview, place: int) -> None:
    """Read from a place in a file until a buffer is full: one call returns 2 GB at most."""
    done = 0
    while done < len(buffer):
        count = os.preadv(file, [buffer[done:]], place + done)
        if not count:
            raise EOFError(f"{len(buffer)} bytes wanted at byte {place}, {done} read")
        done += count


def read_npy(path: Path, max_bytes: int) -> NDArray[Any]:
    """Read a whole .npy file.

    Raises
    ------
    RecordingError, TemporaryError
        When it is missing, damaged or larger than allowed.
    """
    watch = Watch(path)
    with reading(watch, "npy"), path.open("rb") as file:
        header = read_header(file, path.name)
        check_size(header, watch.size, path.name)
        check_limit(header.n_bytes, max_bytes, path.name)
        return read_values(file, header)


def read_values(file: IO[bytes], header: Header) -> NDArray[Any]:
    """Read all values that follow a header, straight into their array.

    Raises
    ------
    EOFError
        When there are fewer than the header declares.
    """
    raw = np.empty(header.n_bytes, np.uint8)
    done = 0
    while done < header.n_bytes:
        data = file.read(min(BYTES_PER_READ, header.n_bytes - done))
        if not data:
            raise EOFError(f"{header.n_bytes} bytes wanted, {done} read")
        raw[done : done + len(data)] = np.frombuffer(data, np.uint8)
        done += len(data)
    if header.dtype.itemsize == 0 or 0 in header.shape:
        return np.empty(header.shape, header.dtype)
    values = raw.view(header.dtype)
    if header.dtype.kind == "U":
        _check_unicode(values)
    return native(values).reshape(header.shape, order="F" if header.fortran_order else "C")


def native(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in the byte order of this machine."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _check_unicode(values: NDArray[Any]) -> None:
    points = native(values).view(np.uint32)
    if ((points > LAST_CODE_POINT) | ((points >= SURROGATES[0]) & (points <= SURROGATES[1]))).any():
        raise ValueError("text with characters that do not exist")
