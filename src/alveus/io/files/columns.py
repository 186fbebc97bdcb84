"""Columns of any table (HDF5, npy, delimited text) to plain numbers or text."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.npy import check_limit
from alveus.io.files.opening import Watch, reading


def as_text(values: NDArray[Any]) -> NDArray[np.str_]:
    """Return text of an array of text, bytes or numbers; what is not UTF-8 is replaced, whole numbers stay short.

    >>> as_text(np.array([b"good", b"mua"])).tolist()
    ['good', 'mua']
    >>> as_text(np.array([1.0, 2.5, np.nan])).tolist()
    ['1', '2.5', '']
    """
    return np.array([_text(value) for value in values.ravel().tolist()], dtype=np.str_).reshape(values.shape)


def _text(value: Any) -> str:
    match value:
        case bytes():
            return value.decode("utf-8", errors="replace")
        case float():
            return "" if math.isnan(value) else f"{value:.12g}"
        case _:
            return str(value)


def as_unit_column(values: NDArray[Any]) -> NDArray[np.float64] | NDArray[np.int64] | NDArray[np.str_]:
    """Return a column of the table of units as real numbers, whole numbers or text."""
    if values.dtype.kind in "biu" and values.dtype != np.uint64:
        return values.astype(np.int64)
    return values.astype(np.float64) if values.dtype.kind in "uf" else as_text(values)


def as_trial_column(values: NDArray[Any]) -> NDArray[np.float64] | NDArray[np.bool_] | NDArray[np.str_]:
    """Return a column of the table of trials as numbers, truth values or text."""
    if values.dtype.kind == "b":
        return values.astype(np.bool_)
    return values.astype(np.float64) if values.dtype.kind in "iuf" else as_text(values)


def parse_cells(cells: Sequence[str]) -> NDArray[np.float64] | NDArray[np.str_]:
    """Return a column of text as numbers if every cell that is not empty is one.

    >>> parse_cells(["1", "", "2.5"]).tolist()
    [1.0, nan, 2.5]
    >>> parse_cells(["good", ""]).tolist()
    ['good', '']
    """
    try:
        numbers = [float(cell) if cell.strip() else np.nan for cell in cells]
    except ValueError:
        return np.array(cells, dtype=np.str_)
    if all(math.isnan(number) for number in numbers):
        return np.array(cells, dtype=np.str_)
    return np.array(numbers, np.float64)


def read_delimited(path: Path, max_bytes: int) -> dict[str, list[str]]:
    """Read a TSV or CSV file with a header line; what separates is seen from the header, not from the name.

    Raises
    ------
    RecordingError
        When it is missing, larger than allowed, or a row has more cells than the header.
    """
    watch = Watch(path)
    check_limit(watch.size, max_bytes, path.name)
    with reading(watch, "table"):
        text = path.read_bytes().decode("utf-8-sig", errors="replace").replace("\0", "")
        header_line = text.split("\n", 1)[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in header_line else ",")
        rows = [[cell.strip() for cell in row] for row in reader if any(cell.strip() for cell in row)]
    if not rows:
        return {}
    header, *body = rows
    for number, row in enumerate(body, start=2):
        if len(row) > len(header):
            raise RecordingError(
                f"{path.name} row {number}: {len(row)} cells but the header has {len(header)} columns"
            )
    return {
        name: [row[place] if place < len(row) else "" for row in body] for place, name in enumerate(header) if name
    }


def rows_by_id(table: Mapping[str, Sequence[str]], id_column: str) -> dict[int, int]:
    """Return the row of each whole-number id; the last row wins, rows without such an id are left out."""
    found = {}
    for row, cell in enumerate(table[id_column]):
        try:
            found[int(float(cell))] = row
        except (ValueError, OverflowError):
            continue
    return found
