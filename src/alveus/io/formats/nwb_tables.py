"""Tables of an NWB file (units, trials, ROIs) to ids and plain columns."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.hdf5 import Hdf5File

INDEX = "_index"  # NWB's ending for the column that cuts a ragged one into rows


def ragged_ends(file: Hdf5File, units: h5py.Group, name: str) -> NDArray[np.int64] | None:
    """Return where each row's part of a ragged column ends, or None where there is no such column.

    Raises
    ------
    RecordingError
        When it is no column of whole numbers.
    """
    dataset = file.dataset(units, name + INDEX)
    if dataset is None:
        return None
    values = file.read(dataset)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise RecordingError(
            f"{file.path.name}/units/{name}{INDEX} is damaged: it must be a column of whole numbers"
        )
    return values.astype(np.int64)


def plain_columns(file: Hdf5File, group: h5py.Group, n_rows: int) -> dict[str, NDArray[Any]]:
    """Return the columns with one number or text per row; ragged ones and references are skipped."""
    columns = {}
    for name in group:
        if name == "id" or name.endswith(INDEX) or f"{name}{INDEX}" in group:
            continue
        dataset = file.dataset(group, name)
        if dataset is None or dataset.shape != (n_rows,):
            continue
        if dataset.dtype.kind in "biufS" or h5py.check_string_dtype(dataset.dtype) is not None:
            columns[name] = file.read(dataset)
    return columns
