"""A Parquet table to columns, where pyarrow is installed; else a finding that says what is not read."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.io.files.npy import check_limit
from alveus.io.files.opening import Watch, reading
from alveus.recording import Finding


def read_parquet(path: Path, max_bytes: int) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    """Read all columns of numbers and text.

    Returns
    -------
    columns, findings
        Without pyarrow no column, and a finding.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is damaged or larger than allowed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        message = f"{path.name} is not read: install pyarrow, or export it as CSV"
        return {}, [Finding("unread_parquet", 1, message)]
    import pandas as pd

    watch = Watch(path)
    check_limit(watch.size, max_bytes, path.name)
    with reading(watch, "Parquet"):
        frame = pd.read_parquet(path, engine="pyarrow")
        columns: dict[str, NDArray[Any]] = {}
        for name in frame.columns:
            values = frame[name].to_numpy()
            columns[str(name)] = values if values.dtype.kind in "biuf" else np.array(values, dtype=np.str_)
    return columns, []
