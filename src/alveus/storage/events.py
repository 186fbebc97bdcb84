"""Deconvolved events at the frame rate to events.zarr and its manifest, streamed in blocks of units, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from alveus.errors import ArtefactError
from alveus.recording import Finding
from alveus.storage.frames import Frames
from alveus.storage.layout import create_array, create_traces, refuse_gaps, units_per_shard, write_array
from alveus.storage.manifest import SCHEMA_VERSION, plain, software_versions
from alveus.storage.publish import publish, receipt_path
from alveus.storage.store import METADATA, Store, create_store, seal_store

if TYPE_CHECKING:
    from alveus.calcium.deconvolve import Deconvolution

LONG_NAMES = {"events": "deconvolved events, in units of ΔF/F", "dff": "ΔF/F"}


def write_events(
    deconvolution: "Deconvolution",
    store: Path,
    manifest: Path,
    *,
    session: str,
    dataset: str,
    settings: Mapping[str, Any],
    fingerprint: str,
    findings: Sequence[Finding] = (),
    stage_version: str = "",
    work: Path | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Publish the events of a recording; nothing of them is ever held but a few blocks of units.

    Parameters
    ----------
    deconvolution
        Gives the blocks, and what is known of frames and units.
    store, manifest
        Where the events and their manifest go.
    session, dataset
        Their names in the study.
    settings
        Of preprocessing, as JSON.
    fingerprint
        Of the raw data.
    findings
        What was handled before.
    stage_version, work, key
        As for `write_dataset`.

    Returns
    -------
    manifest
        As written.

    Raises
    ------
    ArtefactError
        When values are not finite.
    """
    receipt = receipt_path(work, store) if work else None
    with publish(store, manifest, "events", receipt=receipt, key=key) as draft:
        group = create_store(draft.path, {})
        refused = _write_traces(group, deconvolution)
        _write_frames(group, deconvolution)
        _write_units(group, deconvolution)
        _write_truth(group, deconvolution)
        kept = [unit for unit in deconvolution.units.ids if unit not in refused]
        about = {
            "session": session,
            "dataset": dataset,
            "signal": deconvolution.signal,
            "source_signal": deconvolution.source_signal,
            "method": deconvolution.method,
            "unit": deconvolution.unit,
            "sampling_rate": deconvolution.sampling_rate,
            "start": deconvolution.start,
            "unrelated": deconvolution.unrelated,
            "n_frames": deconvolution.n_frames,
            "n_units": len(kept),
            "refused": refused,
            "settings": settings,
            "inputs": {"fingerprint": fingerprint},
            "stage_version": stage_version,
            "findings": [asdict(finding) for finding in (*findings, *deconvolution.findings_after())],
        }
        software = software_versions("numba", "numcodecs", "numpy", "scipy", "zarr")
        group.attrs.update(plain({**about, "schema": SCHEMA_VERSION, "software": software}))
        draft.fields.update(about, arrays=seal_store(draft.path), software=software)
        names = ("signal", "sampling_rate", "start", "refused", "unrelated", "unit")
        draft.content = {name: about[name] for name in names}
        draft.volatile = (METADATA,)  # it also tells how and by which software
    return draft.manifest


def _write_traces(group: zarr.Group, deconvolution: "Deconvolution") -> dict[str, str]:
    """Write the pass over the units; returns the refused ones with their reasons."""
    n_frames, ids = deconvolution.n_frames, deconvolution.units.ids
    width = units_per_shard(n_frames)
    arrays = {
        name: create_traces(group, name, (n_frames, len(ids)), width, {"long_name": LONG_NAMES[name]})
        for name in deconvolution.kept_signals
    }
    excerpt = {
        name: np.empty((len(deconvolution.excerpt_frames), 0), np.float32) for name in arrays | {"dff": None}
    }
    chosen = deconvolution.excerpt_units
    columns: dict[str, list[NDArray[Any]]] = {}
    refused: dict[str, str] = {}
    for block in deconvolution.blocks(width):
        stop = block.first + block.signals[deconvolution.signal].shape[1]
        for name, array in arrays.items():
            refuse_gaps(block.signals[name], 0, f"values of {name}")
            array[:, block.first : stop] = block.signals[name]
        here = chosen[(chosen >= block.first) & (chosen < stop)] - block.first
        for name, part in excerpt.items():
            new = block.signals[name][deconvolution.excerpt_frames][:, here] if name in block.signals else None
            excerpt[name] = part if new is None else np.concatenate([part, new], axis=1)
        for name, values in block.columns.items():
            columns.setdefault(name, []).append(values)
        told = zip(ids[block.first : stop], block.columns["status"], block.columns["reason"], strict=True)
        refused |= {unit: str(reason) for unit, status, reason in told if status == "refused"}
    for name, parts in columns.items():
        write_array(group, f"unit_{name}", np.concatenate(parts), ("unit",), {"long_name": name})
    _write_excerpt(group, deconvolution, excerpt)
    return refused


def _write_excerpt(
    group: zarr.Group, deconvolution: "Deconvolution", excerpt: Mapping[str, NDArray[np.float32]]
) -> None:
    """Write a stretch of a few units with ΔF/F and events beside each other, for figures."""
    frames, units = deconvolution.excerpt_frames, deconvolution.excerpt_units
    write_array(group, "excerpt/time", deconvolution.time(frames), ("excerpt_time",), {"units": "s"})
    write_array(group, "excerpt/unit", units, ("excerpt_unit",), {"long_name": "place among the units"})
    for name, values in excerpt.items():
        if values.size:
            text = {"long_name": LONG_NAMES[name]}
            write_array(group, f"excerpt/{name}", values, ("excerpt_time", "excerpt_unit"), text)


def _write_frames(group: zarr.Group, deconvolution: "Deconvolution") -> None:
    frames = np.arange(deconvolution.n_frames)
    text = {"long_name": "centre of the frame", "units": "s"}
    write_array(group, "time", deconvolution.time(frames), ("time",), text)
    segment = {"long_name": "number of the stretch without a gap, −1 in gaps"}
    write_array(group, "segment", deconvolution.segment.astype(np.int32), ("time",), segment)


def _write_units(group: zarr.Group, deconvolution: "Deconvolution") -> None:
    ids = deconvolution.units.ids
    write_array(group, "unit", np.array(ids, object), ("unit",), {"long_name": "the source's own id"})
    if deconvolution.delays is not None:
        text = {"long_name": "time from the begin of a frame to the unit's plane", "units": "s"}
        write_array(group, "delay", deconvolution.delays, ("unit",), text)


def _write_truth(group: zarr.Group, deconvolution: "Deconvolution") -> None:
    trains = deconvolution.true_spikes
    if trains is None:
        return
    units = np.repeat(np.arange(len(trains), dtype=np.int32), [train.size for train in trains])
    times = np.concatenate([*trains, np.empty(0)])
    create_array(group, "truth/spike_time", times.shape, np.float64, ("spike",), {"units": "s"})[...] = times
    text = {"long_name": "place among the units"}
    create_array(group, "truth/spike_unit", units.shape, np.int32, ("spike",), text)[...] = units


class Events:
    """Published events; arrays are read at first use.

    Parameters
    ----------
    path
        Their manifest ``events.json``, or ``events.zarr`` with the manifest beside it.

    Attributes
    ----------
    manifest
        What was published.
    session, dataset
        Names in the study.
    signal
        ``events``; ``dff`` where nothing was deconvolved.
    method
        How they were made, in words.
    sampling_rate, start
        Frames per second [Hz]; when the first frame begins [s].
    n_frames
        How many.
    refused
        Ids of the units that were left out, with the reason.
    findings
        What was handled on the way: mappings of what, count and message.
    digest
        Of everything in it.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, "events")
        self.path = self._store.path
        self.manifest = manifest = self._store.manifest
        self.session: str = manifest["session"]
        self.dataset: str = manifest["dataset"]
        self.signal: Literal["events", "dff"] = manifest["signal"]
        self.source_signal: Literal["fluorescence", "dff", "events"] = manifest["source_signal"]
        self.method: str = manifest["method"]
        self.sampling_rate: float = manifest["sampling_rate"]
        self.start: float = manifest["start"]
        self.unrelated: bool = manifest["unrelated"]
        self.n_frames: int = manifest["n_frames"]
        self.refused: dict[str, str] = manifest["refused"]
        self.findings: list[dict[str, Any]] = manifest["findings"]
        self.digest: str = manifest["digest"]

    @cached_property
    def all_ids(self) -> NDArray[Any]:
        """(n,) ids of all units, refused ones too."""
        return self._store.array("unit")[:]

    @cached_property
    def kept(self) -> NDArray[np.int64]:
        """(n_units,) places of the units that were not refused."""
        return np.flatnonzero([unit not in self.refused for unit in self.all_ids.tolist()])

    @property
    def unit_ids(self) -> NDArray[Any]:
        """(n_units,) ids of the units that were not refused."""
        return self.all_ids[self.kept]

    def values(self, name: str | None = None) -> Frames:
        """Return the signal, or another that is kept beside it, (n_frames, n_units): slice it."""
        name = name or self.signal
        if name not in self._store:
            raise ArtefactError(
                f"{self.path}: {name} was not kept: set preprocess.keep_dff and run the study again"
            )
        return Frames(self._store.array(name), self.kept)

    def __contains__(self, name: str) -> bool:
        return name in self._store

    @cached_property
    def segment(self) -> NDArray[np.int32]:
        """(n_frames,) number of the stretch without a gap, −1 in gaps."""
        return self._store.array("segment")[:]

    @cached_property
    def delays(self) -> NDArray[np.float64] | None:
        """(n_units,) from the begin of a frame to the unit's plane [s]; None where all are measured at once."""
        return self._store.array("delay")[:][self.kept] if "delay" in self._store else None

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Columns of the units that the deconvolution added, each (n_units,): noise_level, snr, ..."""
        keys = [name for name in self.manifest["arrays"] if name.startswith("unit_")]
        arrays = {key: self._store.array(key) for key in keys}
        return {array.attributes["long_name"]: array[:][self.kept] for array in arrays.values()}

    @cached_property
    def true_spikes(self) -> tuple[NDArray[np.float64], ...] | None:
        """Per unit the true spike times [s], where they are known."""
        if "truth/spike_time" not in self._store:
            return None
        times, units = self._store.array("truth/spike_time")[:], self._store.array("truth/spike_unit")[:]
        return tuple(times[units == place] for place in self.kept)

    def excerpt(self) -> dict[str, NDArray[Any]]:
        """Return ``time``, ``unit`` (ids), ``dff`` and ``events`` of a stretch of a few units."""
        arrays = {name: array[:] for name, array in self._store.below("excerpt").items()}
        places = arrays["unit"]
        keep = np.isin(places, self.kept)
        rows = {name: values[:, keep] for name, values in arrays.items() if values.ndim == 2}
        return {"time": arrays["time"], "unit": self.all_ids[places[keep]], **rows}


def open_events(path: Path | str) -> Events:
    """Open events by their manifest or their store.

    Raises
    ------
    ArtefactError
        When there is no manifest, or the store is not the one it describes.
    """
    return Events(Path(path))
