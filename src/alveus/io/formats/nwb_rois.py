"""The ROI tables of an NWB file to units: ids, which are cells, and where they are."""

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.columns import as_text, as_unit_column
from alveus.io.files.hdf5 import Hdf5File
from alveus.io.formats.nwb_tables import plain_columns
from alveus.recording import Units
from alveus.recording.recording import Column

IS_CELL = ("iscell", "is_cell", "accepted", "is_accepted", "valid_roi")
"""Columns in which exporters say which ROIs are cells, in lower case."""

REJECTED = "rejected"
MOST_COMPONENTS = 3  # of a place; wider columns are images and weights

Rois = tuple[h5py.Group | None, NDArray[np.int64] | None, int]
"""ROI table, the rows of it that are used, and how many traces there are."""


def roi_units(file: Hdf5File, planes: Sequence[Rois]) -> Units:
    """Return the ROIs of all planes as units.

    Of several planes, ids get the name of their table before them. Columns that not all planes have are left out.

    Raises
    ------
    RecordingError
        When a series names rows that its table does not have, or one twice.
    """
    tables = [_plane(file, *plane) for plane in planes]
    names = ["" if table is None else str(table.name).rpartition("/")[2] for table, _, _ in planes]
    several = len(planes) > 1
    ids = [f"{name or place}-{roi}" if several else roi
           for place, (name, (rois, _)) in enumerate(zip(names, tables, strict=True)) for roi in rois]  # fmt: skip
    if len(set(ids)) < len(ids):
        raise RecordingError(
            f"{file.path.name}: {len(ids) - len(set(ids))} ROIs come twice: export the file again"
        )
    shared = [name for name in tables[0][1] if all(_alike(columns, tables[0][1], name) for _, columns in tables)]
    columns: dict[str, Column] = {
        name: as_unit_column(np.concatenate([columns[name] for _, columns in tables])) for name in shared
    }
    if several:
        columns["plane"] = np.repeat(np.array(names, dtype=np.str_), [len(rois) for rois, _ in tables])
    return Units(tuple(ids), columns)


def _alike(columns: dict[str, NDArray[Any]], first: dict[str, NDArray[Any]], name: str) -> bool:
    if name not in columns:
        return False
    one, other = columns[name], first[name]
    return one.shape[1:] == other.shape[1:] and (one.dtype.kind in "biuf") == (other.dtype.kind in "biuf")


def _plane(
    file: Hdf5File, table: h5py.Group | None, rois: NDArray[np.int64] | None, n_traces: int
) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Return ids and columns of one plane, a row per trace."""
    dataset = None if table is None else file.dataset(table, "id")
    if table is None or dataset is None or dataset.ndim != 1:
        numbers = np.arange(n_traces) if rois is None else rois
        return [str(roi) for roi in numbers.tolist()], {}
    ids = as_text(file.read(dataset))
    rows = np.arange(n_traces) if rois is None else rois
    if rows.size and (rows.min() < 0 or rows.max() >= ids.size):
        raise RecordingError(
            f"{file.path.name}{table.name} has {ids.size} ROIs, but traces belong to row {rows.max()}: "
            "export the file again"
        )
    columns: dict[str, NDArray[Any]] = dict(plain_columns(file, table, ids.size))
    for name in table:
        wide = file.dataset(table, name)
        if (
            wide is not None
            and wide.ndim == 2
            and wide.dtype.kind in "biuf"
            and (wide.shape[0] == ids.size and 0 < wide.shape[1] <= MOST_COMPONENTS)
        ):
            columns[name] = file.read(wide)
    columns = {name: column[rows] for name, column in columns.items()}
    return ids[rows].tolist(), {**columns, **_cells(columns)}


def _cells(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the column iscell, 0 or 1, whatever the exporter calls it; with a probability where there is one."""
    known = {name.lower(): column for name, column in columns.items() if column.dtype.kind in "biuf"}
    found = next((known[name] for name in IS_CELL if name in known), None)
    if found is None:
        rejected = known.get(REJECTED)
        return (
            {}
            if rejected is None
            else {"iscell": (rejected.reshape(len(rejected), -1)[:, 0] == 0).astype(np.int64)}
        )
    values = found.reshape(len(found), -1)
    cells: dict[str, NDArray[Any]] = {"iscell": (values[:, 0] > 0).astype(np.int64)}
    if values.shape[1] == 2:  # suite2p keeps both in one column
        cells["iscell_probability"] = values[:, 1]
    return cells
