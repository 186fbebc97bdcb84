"""A prepared recording to dataset.zarr and its manifest, streamed in blocks of bins."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray

from alveus.errors import ArtefactError, RecordingError
from alveus.storage.keys import safe_keys
from alveus.storage.layout import create_array, refuse_gaps, shard_length, write_array, write_blocks, write_rows
from alveus.storage.manifest import SCHEMA_VERSION, plain, software_versions
from alveus.storage.publish import publish, receipt_path
from alveus.storage.store import METADATA, create_store, seal_store

if TYPE_CHECKING:
    from alveus.preprocessing.prepared import Prepared

COUNT_DTYPES = (np.uint8, np.uint16, np.uint32)
"""Tried in this order: nearly all recordings fit the first, and it is the fastest to store and to train on."""

SPLIT_NAMES = {"gap": -1, "train": 0, "validation": 1, "test": 2}
"""Parts of a recording → their number in ``split``."""


def write_dataset(
    prepared: "Prepared",
    store: Path,
    manifest: Path,
    *,
    session: str,
    dataset: str,
    settings: dict[str, Any],
    fingerprint: str,
    events: str = "",
    stage_version: str = "",
    work: Path | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Publish a prepared recording; nothing of it is ever held as a whole.

    Parameters
    ----------
    prepared
        What preprocessing made of a recording.
    store, manifest
        Where the dataset and its manifest go.
    session, dataset
        Their names in the study.
    settings
        Of preprocessing, as JSON.
    fingerprint
        Of the raw data.
    events
        Digest of the events, where they were made before.
    stage_version
        What stands for the code that made this.
    work
        Folder for the receipt; None: keep none.
    key
        Digest of all that the result depends on, for the receipt.

    Returns
    -------
    manifest
        As written.

    Raises
    ------
    RecordingError
        When a bin holds more spikes than 32 bits can count.
    ArtefactError
        When preprocessing gives values that are not finite, or too few.
    """
    receipt = receipt_path(work, store) if work else None
    with publish(store, manifest, "dataset", receipt=receipt, key=key) as draft:
        group = create_store(draft.path, {})
        _write_activity(group, prepared)
        parts = _write_bins(group, prepared)
        _write_units(group, prepared)
        behavior = _write_behavior(group, prepared)
        _write_trials(group, prepared)
        _write_truth(group, prepared)
        about = {
            "session": session,
            "dataset": dataset,
            "bin_size": prepared.bin_size,
            "bin_width": [prepared.bin_width.numerator, prepared.bin_width.denominator],
            "modality": prepared.modality,
            "quantity": prepared.quantity,
            "n_bins": prepared.n_bins,
            "n_units": len(prepared.units.ids),
            "n_held_out": int(np.count_nonzero(prepared.held_out)),
            "split": parts,
            "behavior": behavior,
            "settings": settings,
            "inputs": {"fingerprint": fingerprint} | ({"events": events} if events else {}),
            "stage_version": stage_version,
            "source": prepared.source,
            "facts": {**prepared.facts, **prepared.counted()},
            "findings": [asdict(finding) for finding in prepared.findings_after()],
        }
        software = software_versions("numcodecs", "numpy", "zarr")
        group.attrs.update(plain({**about, "schema": SCHEMA_VERSION, "software": software}))
        arrays = seal_store(draft.path)
        draft.fields.update(about, arrays=arrays, software=software)
        draft.content = {name: about[name] for name in ("bin_width", "modality", "quantity")}
        draft.volatile = (METADATA,)  # it also tells how and by which software
    return draft.manifest


def _write_activity(group: zarr.Group, prepared: "Prepared") -> None:
    """Write one streamed pass over the spikes, and another with wider numbers where a bin overflows."""
    from alveus.preprocessing.tally import CountOverflow

    if prepared.quantity != "counts":
        _write_pass(group, prepared, np.float32)
        return
    for dtype in COUNT_DTYPES:
        try:
            _write_pass(group, prepared, dtype)
        except CountOverflow:
            continue
        return
    raise RecordingError("a bin holds more than 4 294 967 295 spikes of one unit: the times cannot be right")


def _write_pass(group: zarr.Group, prepared: "Prepared", dtype: DTypeLike) -> None:
    shape = (prepared.n_bins, len(prepared.units.ids))
    attributes = {"long_name": prepared.quantity, "unit": "spikes" if prepared.quantity == "counts" else ""}
    array = create_array(group, "activity", shape, dtype, ("time", "unit"), attributes)
    end = 0
    for block in prepared.activity(np.dtype(dtype), shard_length(array)):
        if block.dtype.kind == "f":
            refuse_gaps(block, end, "values of activity")
        end = write_rows(array, end, block)
        del block  # before the next one is made: blocks are most of the memory
    if end != prepared.n_bins:
        raise ArtefactError(f"preprocessing gave {end} of {prepared.n_bins} bins: nothing was published")


def _write_bins(group: zarr.Group, prepared: "Prepared") -> dict[str, int]:
    """Write what each bin is; returns how many bins each part of the split has."""
    n_bins, size = prepared.n_bins, prepared.bin_size
    time = {"long_name": "centre of the bin", "units": "s", "bin_size": size}
    write_blocks(create_array(group, "time", (n_bins,), np.float64, ("time",), time), prepared.time)
    segment = {"long_name": "number of the stretch without a gap"}
    write_blocks(create_array(group, "segment", (n_bins,), np.int32, ("time",), segment), prepared.segment)
    parts = dict.fromkeys(SPLIT_NAMES, 0)

    def read_split(start: int, stop: int) -> NDArray[np.int8]:
        block: NDArray[np.int8] = prepared.split(start, stop)
        for name, number in SPLIT_NAMES.items():
            parts[name] += int(np.count_nonzero(block == number))
        return block

    flags = {"flag_values": list(SPLIT_NAMES.values()), "flag_meanings": " ".join(SPLIT_NAMES)}
    split = create_array(
        group, "split", (n_bins,), np.int8, ("time",), {"long_name": "part of the split", **flags}
    )
    write_blocks(split, read_split)
    return parts


def _write_units(group: zarr.Group, prepared: "Prepared") -> None:
    units = prepared.units
    write_array(group, "unit", np.array(units.ids, object), ("unit",), {"long_name": "the source's own id"})
    held_out = {"long_name": "predicted from the other units in co-smoothing"}
    write_array(group, "held_out", np.asarray(prepared.held_out, bool), ("unit",), held_out)
    for name, key in safe_keys(units.columns).items():
        column = np.asarray(units.columns[name])
        write_array(group, f"unit_{key}", column, _axes("unit", f"unit_{key}", column.ndim), {"long_name": name})


def _write_behavior(group: zarr.Group, prepared: "Prepared") -> list[dict[str, Any]]:
    """Write the covariates; returns a line about each."""
    lines = []
    keys = safe_keys(variable.name for variable in prepared.behavior)
    if len(keys) != len(prepared.behavior):
        raise RecordingError("two behavioural variables have the same name: rename one of them, or ignore it")
    for variable in prepared.behavior:
        key = keys[variable.name]
        # "unit", not "units": xarray would turn a quantity in "seconds" into a duration
        about = {
            "kind": variable.kind,
            "period": variable.period,
            "labels": variable.labels,
            "unit": variable.unit,
        }
        attributes = plain({"long_name": variable.name, "coverage": variable.coverage, **about})
        shape = (prepared.n_bins, *([variable.n_components] if variable.n_components else []))
        dtype = np.int32 if variable.kind == "categorical" else np.float32
        array = create_array(group, f"behavior/{key}", shape, dtype, _axes("time", key, len(shape)), attributes)
        write_blocks(array, variable.read)
        lines.append({"name": variable.name, "key": key, "coverage": variable.coverage, **about})
    return lines


def _write_trials(group: zarr.Group, prepared: "Prepared") -> None:
    trials = prepared.trials
    if trials is None:
        return
    for name in ("start", "stop"):
        write_array(group, f"trial/{name}", getattr(trials, name), ("trial",), {"long_name": name, "units": "s"})
    for name, key in safe_keys(trials.columns, taken=("start", "stop")).items():
        column = np.asarray(trials.columns[name])
        write_array(group, f"trial/{key}", column, _axes("trial", key, column.ndim), {"long_name": name})


def _write_truth(group: zarr.Group, prepared: "Prepared") -> None:
    truth = prepared.truth
    if truth is None:
        return
    latents = {"long_name": "latents that made the activity"}
    ceiling = {"long_name": "the best that can be inferred", "how": truth.ceiling_name}
    for name, read, attributes in (("latents", truth.latents, latents), ("ceiling", truth.ceiling, ceiling)):
        if read is None:
            continue
        shape = (prepared.n_bins, truth.n_latents)
        array = create_array(group, f"truth/{name}", shape, np.float32, ("time", "truth_latent"), attributes)
        write_blocks(array, read)


def _axes(first: str, key: str, n_axes: int) -> tuple[str, ...]:
    """Name the axes of a column; further ones are its own components, since their sizes differ."""
    return (first, *(f"{key}_component{number or ''}" for number in range(n_axes - 1)))
