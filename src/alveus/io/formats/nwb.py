"""An NWB file to a recording, read with h5py: sorted units or traces of ROIs, trials and behaviour."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError, RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.observed import common_intervals
from alveus.io.cleaning.spikes import ragged_spikes
from alveus.io.files.columns import as_text, as_unit_column
from alveus.io.files.hdf5 import Hdf5Column, Hdf5File
from alveus.io.formats.nwb_ophys import read_traces
from alveus.io.formats.nwb_responses import find_responses
from alveus.io.formats.nwb_series import find_series
from alveus.io.formats.nwb_tables import plain_columns, ragged_ends
from alveus.io.found import Found, TrialTable
from alveus.io.options import ReadOptions
from alveus.recording import Finding, Recording, Units

SPIKES, OBSERVED = "spike_times", "obs_intervals"
MOST_DEVICES = 3  # names of devices worth a line in the provenance


def read_nwb(path: Path, options: ReadOptions) -> Recording:
    """Read an NWB file: sorted spikes, or the fluorescence of ROIs where there are none or the table says calcium.

    Without ``obs_intervals`` and without a stated span the recording reaches from the first spike to the last:
    trials and behaviour outside are no observation of silence.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is missing, damaged, locked, or contradicts itself.
    QualityError
        When it has neither units nor traces of ROIs.
    """
    file = Hdf5File(path, options.max_bytes)
    with file.guard():
        found = _find(file, options)
    return assemble(found, options)


def _find(file: Hdf5File, options: ReadOptions) -> Found:
    found = _find_spikes(file, options) if _takes_spikes(file, options) else read_traces(file, options)
    series, offered, left_out = find_series(file)
    found.series, found.offered, found.trials = series, offered, _trials(file)
    found.findings = [*found.findings, *left_out]
    found.source = {**_source(file), **found.source}
    return found


def _takes_spikes(file: Hdf5File, options: ReadOptions) -> bool:
    """Tell whether spikes are read: they are unless there are none, or the session table says calcium."""
    if options.modality is not None:
        return options.modality == "spikes"
    units = file.group("units")
    return (units is not None and bool(_ids(file, units))) or not find_responses(file)


def _find_spikes(file: Hdf5File, options: ReadOptions) -> Found:
    path, units = file.path, file.group("units")
    if units is None:
        if file.attribute(file.root, "nwb_version") is None and file.group("general") is None:
            raise RecordingError(f"{path.name} is HDF5 but no NWB file: it has neither nwb_version nor /general")
        raise QualityError(
            f"{path.name} has no table of units and no fluorescence of ROIs (RoiResponseSeries): nothing to "
            "analyse; sort the recording, or extract its traces"
        )
    ids = _ids(file, units)
    if not ids:
        raise QualityError(f"{path.name}: its table of units is empty: nothing to analyse; sort the recording")
    times = file.dataset(units, SPIKES)
    ends = ragged_ends(file, units, SPIKES)
    if times is None or ends is None:
        raise RecordingError(f"{path.name}: /units has no {SPIKES}: export the sorted spikes with them")
    columns = plain_columns(file, units, len(ids))
    trains, findings = ragged_spikes(
        Hdf5Column(file, times),
        ends,
        ids,
        sampling_rates=_sampling_rates(file, times, columns, options),
        name=f"{path.name}{times.name}",
    )
    observed, notes = _observed(file, units, len(ids))
    return Found(
        trains,
        Units(ids, {name: as_unit_column(column) for name, column in columns.items()}),
        start=None if observed is None else float(observed[0, 0]),
        stop=None if observed is None else float(observed[-1, 1]),
        observed=observed,
        findings=[*findings, *notes],
    )


def _ids(file: Hdf5File, units: h5py.Group) -> tuple[str, ...]:
    dataset = file.dataset(units, "id")
    if dataset is not None and dataset.ndim == 1:
        return tuple(as_text(file.read(dataset)).tolist())
    ends = ragged_ends(file, units, SPIKES)
    return () if ends is None else tuple(str(unit) for unit in range(ends.size))


def _sampling_rates(
    file: Hdf5File, times: h5py.Dataset, columns: dict[str, NDArray[Any]], options: ReadOptions
) -> list[float]:
    """Return the rates that settings and file offer; only one whose grid the spikes lie on will be used."""
    rates = [options.sampling_rate] if options.sampling_rate else []
    resolution = file.attribute(times, "resolution")
    if isinstance(resolution, float) and 0 < resolution < 1:
        rate = 1 / resolution
        rates.append(float(round(rate)) if abs(rate - round(rate)) < 1e-6 * rate else rate)
    stated = np.unique(columns.get("sampling_rate", np.empty(0)))
    if stated.size == 1 and stated.dtype.kind in "iuf" and 0 < stated[0] < 1e9:
        rates.append(float(stated[0]))
    return rates


def _observed(file: Hdf5File, units: h5py.Group, n_units: int) -> tuple[NDArray[np.float64] | None, list[Finding]]:
    dataset, ends = file.dataset(units, OBSERVED), ragged_ends(file, units, OBSERVED)
    if dataset is None or ends is None:
        return None, []
    intervals = file.read(dataset)
    counts = np.diff(ends, prepend=0)
    if (
        intervals.ndim != 2
        or intervals.shape[1] != 2
        or intervals.dtype.kind not in "iuf"
        or ends.size != n_units
        or (counts < 0).any()
        or ends[-1] != len(intervals)
    ):
        raise RecordingError(
            f"{file.path.name}/units/{OBSERVED} does not give each of {n_units} units its intervals: "
            "export it again"
        )
    per_unit = np.split(intervals.astype(np.float64), ends[:-1])
    return common_intervals(per_unit, file.path.name)


def _trials(file: Hdf5File) -> TrialTable | None:
    group = file.group("intervals/trials")
    if group is None:
        return None
    start, stop = file.dataset(group, "start_time"), file.dataset(group, "stop_time")
    if start is None or stop is None or start.ndim != 1:
        raise RecordingError(f"{file.path.name}/intervals/trials lacks start_time or stop_time: export it again")
    columns = plain_columns(file, group, int(start.shape[0]))
    for name in ("start_time", "stop_time"):
        columns.pop(name, None)
    return TrialTable(file.read(start), file.read(stop), columns)


def _source(file: Hdf5File) -> dict[str, str]:
    devices = file.group("general/devices")
    source = {
        "format": "nwb",
        "file": file.path.name,
        "nwb_version": str(file.attribute(file.root, "nwb_version") or ""),
        "subject": file.text("general/subject/subject_id"),
        "species": file.text("general/subject/species"),
        "device": ", ".join(list(devices)[:MOST_DEVICES]) if devices is not None else "",
    }
    return {name: text for name, text in source.items() if text}


def holds_spikes(path: Path) -> bool:
    """Tell whether a file has sorted units, or at least no optical signals instead of them.

    Raises
    ------
    RecordingError, TemporaryError
        When it cannot be opened.
    """
    file = Hdf5File(path, ReadOptions().max_bytes)
    with file.guard():
        return _takes_spikes(file, ReadOptions())
