"""Cluster numbers and their tables to units: which clusters have spikes, and what is known of each."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.cleaning.spikes import Column
from alveus.io.files.columns import parse_cells, read_delimited, rows_by_id
from alveus.recording import Finding
from alveus.recording.recording import Column as UnitColumn
from alveus.recording.spikes import SPIKES_PER_READ

LARGEST_CLUSTER = 1 << 24  # a table up to here has 64 MB; no sorter numbers so many clusters
UNLABELLED = "unlabelled"
ID_COLUMNS = ("cluster_id", "id")
LABELS = ("group", "KSLabel")
"""Columns that say what a cluster is, the curator's word before the sorter's."""


class Clusters(NamedTuple):
    """The clusters that have spikes.

    Parameters
    ----------
    ids
        (n_units,) their numbers.
    lookup
        From a cluster number to its place among them, or −1.
    counts
        (n_units,) spikes of each.
    """

    ids: NDArray[np.int64]
    lookup: NDArray[np.int32]
    counts: NDArray[np.int64]


def find_clusters(clusters: Column, name: str) -> Clusters:
    """Find the clusters that have spikes.

    Parameters
    ----------
    clusters
        (n_spikes,) cluster of each spike.
    name
        Of its file, for messages.

    Returns
    -------
    Clusters
        The numbers in ascending order.

    Raises
    ------
    RecordingError
        For numbers that are negative, fractions or impossibly large.
    """
    seen = np.zeros(0, np.int64)
    for start in range(0, len(clusters), SPIKES_PER_READ):
        block = clusters[start : start + SPIKES_PER_READ]
        if block.dtype.kind not in "iu":
            raise RecordingError(f"{name} holds {block.dtype}: clusters must be whole numbers; save them as int32")
        if block.min() < 0 or block.max() >= LARGEST_CLUSTER:
            wrong = int(((block < 0) | (block >= LARGEST_CLUSTER)).sum())
            raise RecordingError(
                f"{name}: {wrong} spikes near spike {start} have cluster numbers outside 0 to "
                f"{LARGEST_CLUSTER - 1} ({block.min()} to {block.max()}): renumber them, if the file is whole"
            )
        counts = np.bincount(block.astype(np.int64), minlength=seen.size)
        counts[: seen.size] += seen
        seen = counts
    ids = np.flatnonzero(seen)
    lookup = np.full(seen.size, -1, np.int32)
    lookup[ids] = np.arange(ids.size)
    return Clusters(ids.astype(np.int64), lookup, seen[ids])


def cluster_table(
    folder: Path, ids: NDArray[np.int64], max_bytes: int
) -> tuple[dict[str, UnitColumn], list[Finding]]:
    """Merge the ``cluster_*.tsv`` and ``.csv`` files of a folder.

    Later files replace columns of ``cluster_info``, which phy makes from them.

    Returns
    -------
    columns, findings
        Each column (n_units,), with ``group`` filled from the curator's label, else the sorter's, else
        ``unlabelled``.

    Raises
    ------
    RecordingError
        When a table is damaged.
    """
    files = [file for ending in ("tsv", "csv") for file in folder.glob(f"cluster_*.{ending}") if file.is_file()]
    files.sort(key=lambda file: (not file.stem.startswith("cluster_info"), file.name))
    columns: dict[str, UnitColumn] = {}
    listed: set[int] = set()
    findings = []
    for file in files:
        table = read_delimited(file, max_bytes)
        key = next((name for name in ID_COLUMNS if name in table), None)
        if key is None:
            findings.append(
                Finding("unused_table", 1, f"{file.name} has no column {' or '.join(ID_COLUMNS)}: not used")
            )
            continue
        rows = rows_by_id(table, key)
        repeated = len(table[key]) - len(rows)
        if repeated:
            findings.append(
                Finding(
                    "odd_cluster_rows",
                    repeated,
                    f"{file.name}: {repeated} rows repeat a cluster or have no number: the last of each counts",
                )
            )
        listed |= rows.keys()
        for name, cells in table.items():
            if name != key:
                columns[name] = parse_cells([cells[rows[unit]] if unit in rows else "" for unit in ids.tolist()])
    columns["group"] = fill_group(columns, len(ids))
    findings += _mismatches(set(ids.tolist()), listed, folder.name)
    return columns, findings


def fill_group(columns: dict[str, UnitColumn], n_units: int, labels: tuple[str, ...] = LABELS) -> NDArray[np.str_]:
    """Return each unit's group from the first of some columns that says one, else ``unlabelled``."""
    group = np.full(n_units, UNLABELLED, dtype=object)
    for name in reversed(labels):
        column = columns.get(name)
        if column is not None and column.dtype.kind == "U":
            stated = column != ""
            group[stated] = column[stated]
    return group.astype(np.str_)


def _mismatches(with_spikes: set[int], listed: set[int], name: str) -> list[Finding]:
    findings = []
    if unlisted := sorted(with_spikes - listed):
        findings.append(
            Finding(
                "unlabelled_units",
                len(unlisted),
                f"{name}: {len(unlisted)} of {len(with_spikes)} clusters have spikes but no row in any table "
                f"({_some(unlisted)}): kept, with group {UNLABELLED}",
            )
        )
    if silent := sorted(listed - with_spikes):
        findings.append(
            Finding(
                "rows_without_spikes",
                len(silent),
                f"{name}: {len(silent)} clusters have a row but no spikes ({_some(silent)}), as after merging: "
                "left out",
            )
        )
    return findings


def _some(clusters: list[int]) -> str:
    return ", ".join(str(cluster) for cluster in clusters[:5]) + (", …" if len(clusters) > 5 else "")
