"""A folder of ALF files (Open Neurophysiology Environment, IBL) to a recording.

A file is called ``[_namespace_]object.attribute[.more].extension``, such as ``_ibl_wheel.position.<uuid>.npy``.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError, RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.spikes import flat_spikes
from alveus.io.files.columns import as_unit_column, parse_cells, read_delimited, rows_by_id
from alveus.io.files.npy import NpyColumn, read_npy
from alveus.io.files.opening import check_folder
from alveus.io.files.parquet import read_parquet
from alveus.io.formats.clusters import fill_group, find_clusters
from alveus.io.formats.layout import is_shared_name, shared_folders
from alveus.io.found import Found, Series, TrialTable
from alveus.io.options import ReadOptions
from alveus.recording import Finding, Recording, Units
from alveus.recording.recording import Column as UnitColumn

NAME = re.compile(r"(?:_[^_.]+_)?(?P<object>[^.]+)\.(?P<attribute>[^.]+)(?:\..+)?\.(?P<extension>npy|csv|tsv|pqt)")
PROBE_OBJECTS = ("spikes", "clusters", "channels", "templates", "waveforms", "drift")
LABELS = ("group", "ks2_label", "ks_label")
TIME_ATTRIBUTES = ("timestamps", "times")


class AlfFile(NamedTuple):
    """A file and what its name says."""

    path: Path
    object: str
    attribute: str
    extension: str


def read_alf(path: Path, options: ReadOptions) -> Recording:
    """Read one probe's spikes and the session's trials and behaviour.

    Parameters
    ----------
    path
        The folder with ``spikes.times.npy``, or one above it when there is only one probe below.
    options
        See `ReadOptions`.

    Raises
    ------
    RecordingError, TemporaryError
        When files are missing, damaged or contradict each other, or several probes lie below the path.
    QualityError
        When there is no spike.
    """
    check_folder(path)
    probe = _probe(path)
    files = _files(probe)
    times = NpyColumn(_one(files, "spikes", "times", probe).path, options.max_bytes)
    clusters = NpyColumn(_one(files, "spikes", "clusters", probe).path, options.max_bytes)
    if not len(times):
        raise QualityError(
            f"{probe.name}: {times.path.name} holds no spike: nothing to analyse; sort the recording"
        )
    ids, lookup, counts = find_clusters(clusters, clusters.path.name)
    names = tuple(str(cluster) for cluster in ids.tolist())
    trains, findings = flat_spikes(
        times,
        clusters,
        names,
        sampling_rate=options.sampling_rate,
        lookup=lookup,
        counts=counts,
        name=f"{probe.name}/{times.path.name}",
    )
    columns, notes = _columns(files, ids, options.max_bytes)
    session = [
        file for folder in shared_folders(probe) for file in _files(folder) if is_shared_name(file.path.name)
    ]
    others = [file for file in (*files, *session) if file.object not in PROBE_OBJECTS]
    trials, missing = _trials(others, options.max_bytes)
    return assemble(
        Found(
            trains,
            Units(names, columns),
            series=_series(others, options.max_bytes),
            trials=trials,
            findings=[*findings, *notes, *missing],
            source={"format": "alf", "file": path.name, "probe": probe.name},
        ),
        options,
    )


def _files(folder: Path) -> list[AlfFile]:
    matches = (
        (file, NAME.fullmatch(file.name)) for file in sorted(folder.iterdir()) if not file.name.startswith(".")
    )
    return [
        AlfFile(file, m["object"], m["attribute"], m["extension"]) for file, m in matches if m and file.is_file()
    ]


def _probe(path: Path) -> Path:
    """Return the folder with the spikes at or below a path."""
    found = sorted({file.parent for file in path.rglob("*spikes.times*.npy") if NAME.fullmatch(file.name)})
    if path in found or not found:
        return path
    if len(found) > 1:
        names = ", ".join(str(folder.relative_to(path)) for folder in found)
        raise RecordingError(f"{path.name} holds {len(found)} sortings ({names}): make each a session of its own")
    return found[0]


def _one(files: list[AlfFile], name: str, attribute: str, folder: Path) -> AlfFile:
    found = [file for file in files if (file.object, file.attribute, file.extension) == (name, attribute, "npy")]
    if len(found) != 1:
        shown = " and ".join(file.path.name for file in found) if found else "none"
        raise RecordingError(f"{folder} must hold one {name}.{attribute}.npy; it holds {shown}")
    return found[0]


def _columns(
    files: list[AlfFile], ids: NDArray[np.int64], max_bytes: int
) -> tuple[dict[str, UnitColumn], list[Finding]]:
    """Merge what the files of the object ``clusters`` say, one row per cluster number."""
    columns: dict[str, UnitColumn] = {}
    findings = []
    for file in (file for file in files if file.object == "clusters"):
        match file.extension:
            case "npy":
                values = read_npy(file.path, max_bytes)
                if values.ndim == 1 and values.size > ids.max() and values.dtype.kind in "biufUS":
                    columns[file.attribute] = as_unit_column(values[ids])
            case "pqt":
                table, note = read_parquet(file.path, max_bytes)
                findings += note
                columns |= _rows(table, ids, file)
            case _:
                cells = {
                    name: np.array(c, dtype=np.str_) for name, c in read_delimited(file.path, max_bytes).items()
                }
                columns |= _rows(cells, ids, file)
    columns["group"] = fill_group(columns, len(ids), LABELS)
    return columns, findings


def _rows(table: dict[str, NDArray[Any]], ids: NDArray[np.int64], file: AlfFile) -> dict[str, UnitColumn]:
    """Return a table's rows in the order of the units, by ``cluster_id`` or else by position."""
    if not table:
        return {}
    n_rows = len(next(iter(table.values())))
    cells = {name: column.tolist() for name, column in table.items()}
    rows = rows_by_id(cells, "cluster_id") if "cluster_id" in table else {row: row for row in range(n_rows)}
    columns: dict[str, UnitColumn] = {}
    for name, values in cells.items():
        if name != "cluster_id":
            label = file.attribute if name == file.attribute or len(cells) == 1 else name
            columns[label] = parse_cells(
                [str(values[rows[unit]]) if unit in rows else "" for unit in ids.tolist()]
            )
    return columns


def _trials(files: list[AlfFile], max_bytes: int) -> tuple[TrialTable | None, list[Finding]]:
    columns: dict[str, NDArray[Any]] = {}
    findings = []
    for file in (file for file in files if file.object == "trials"):
        if file.extension == "pqt":
            table, note = read_parquet(file.path, max_bytes)
            columns |= table
            findings += note
        elif file.extension == "npy":
            columns[file.attribute] = read_npy(file.path, max_bytes)
    intervals = columns.pop("intervals", None)
    if intervals is None and "intervals_0" in columns and "intervals_1" in columns:
        intervals = np.column_stack([columns.pop("intervals_0"), columns.pop("intervals_1")])
    if intervals is None:
        return None, findings
    if intervals.ndim != 2 or intervals.shape[1] != 2:
        raise RecordingError(f"trials.intervals has shape {intervals.shape}: it must be (n_trials, 2), in seconds")
    plain = {
        name: column for name, column in columns.items() if column.ndim == 1 and column.dtype.kind in "biufUS"
    }
    return TrialTable(intervals[:, 0], intervals[:, 1], plain), findings


def _series(files: list[AlfFile], max_bytes: int) -> list[Series]:
    """Return every attribute that shares an object, and its length, with a list of times."""
    series = []
    arrays = [file for file in files if file.extension == "npy" and file.object != "trials"]
    for clock in (file for file in arrays if file.attribute in TIME_ATTRIBUTES):
        times = read_npy(clock.path, max_bytes)
        if times.ndim != 1 or times.dtype.kind not in "iuf":
            continue
        for file in arrays:
            if file.object == clock.object and file.attribute not in TIME_ATTRIBUTES:
                values = read_npy(file.path, max_bytes)
                if values.shape[:1] == times.shape:
                    series.append(Series(f"{file.object}_{file.attribute}", times.astype(np.float64), values))
    return series
