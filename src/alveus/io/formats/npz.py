"""The plain npz format to a recording: spike times, counts, or optical traces, with behaviour and trials."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.optical import SIGNALS, choose_signal
from alveus.io.cleaning.spikes import flat_spikes
from alveus.io.files.archive import Archive
from alveus.io.files.columns import as_text, as_unit_column
from alveus.io.files.rows import CheckedCounts
from alveus.io.formats.plain import BEHAVIOR, START, STOP, TIME, TRIAL, series_of, trials_of, unknown_keys
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import BinnedCounts, FlatSpikeTrains, Recording, Traces, Truth, Units

FORMS = ("spike_times", "counts", *SIGNALS)
UNIT, UNIT_ID = "unit_", "unit_id"
ALONE = ("bin_size", "sampling_rate", "start", "duration", "segment", "neuropil", "missing", "tau", "spike_units")
TRUTH = ("truth_spike_times", "truth_spike_units", "truth_time", "truth_latents")
KNOWN = (
    *FORMS,
    *ALONE,
    *TRUTH,
    UNIT_ID,
    TIME,
    f"{BEHAVIOR}<name>",
    START,
    STOP,
    f"{TRIAL}<column>",
    "unit_<column>",
)


def read_npz(path: Path, options: ReadOptions) -> Recording:
    """Read the plain format.

    Raises
    ------
    RecordingError, TemporaryError, QualityError
        When the file is missing, damaged, larger than allowed, contradicts itself, or has no units.
    """
    archive = Archive(path, options.max_bytes)
    forms = [name for name in FORMS if name in archive]
    held = [signal for signal in SIGNALS if signal in forms]
    if not forms or (len(forms) > 1 and forms != held):
        given = " and ".join(forms) if forms else f"none of them but {', '.join(archive.names) or 'nothing'}"
        raise RecordingError(
            f"{path.name} must hold exactly one of spike_times, counts, or {', '.join(SIGNALS)} (of these any); "
            f"it holds {given}"
        )
    form = choose_signal(options.signal, held, path.name) if held else forms[0]
    found = _read_spikes(archive, options) if form == "spike_times" else _read_frames(archive, form, options)
    found.tau = _tau(archive)
    found.start, duration = scalar(archive, "start"), scalar(archive, "duration")
    if duration is not None:
        if not duration > 0:
            raise RecordingError(f"{path.name}: duration is {duration:g} s: it must be positive")
        found.stop = _start(found) + duration
    found.series, found.trials = series_of(archive), trials_of(archive)
    found.truth = _truth(archive)
    found.truth_spike_times = _true_spikes(archive, found.units.ids)
    prefixed = [name for name in archive.names if name.startswith((BEHAVIOR, TRIAL, UNIT))]
    found.findings += unknown_keys(archive, [*FORMS, *ALONE, *TRUTH, *prefixed], KNOWN)
    found.source = {"format": "npz", "file": path.name}
    return assemble(found, options)


def _start(found: Found) -> float:
    """When the recording begins [s]: as stated, else at the first spike or at 0 for frames."""
    if found.start is not None or not isinstance(found.activity, FlatSpikeTrains):
        return found.start or 0.0
    return float(found.activity.first_tick / found.activity.clock)


def _read_spikes(archive: Archive, options: ReadOptions) -> Found:
    name = archive.path.name
    if "spike_units" not in archive:
        raise RecordingError(f"{name} has spike_times but no spike_units: give the unit of each spike")
    times, units = column(archive, "spike_times"), archive.read("spike_units").reshape(-1)
    if times.dtype.kind not in "iuf":
        raise RecordingError(f"{name}: spike_times are {times.dtype}: they must be seconds, as numbers")
    if units.dtype.kind == "f":
        if not (np.isfinite(units).all() and (units == np.rint(units)).all()):
            raise RecordingError(
                f"{name}: some spike_units are no whole numbers: give each unit a number or a name"
            )
        units = units.astype(np.int64)
    found_ids, codes = np.unique(units, return_inverse=True)
    ids, places = _unit_ids(archive, found_ids)
    codes = places[codes.reshape(-1)].astype(np.int32)
    rate = options.sampling_rate or scalar(archive, "sampling_rate")
    trains, findings = flat_spikes(times, codes, ids, sampling_rate=rate, name=f"{name}: spike_times")
    return Found(trains, _units(archive, ids), findings=findings)


def _unit_ids(archive: Archive, found: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the ids of all units and the place of each that has spikes among them.

    With columns per unit, units without spikes are known too: by ``unit_id``, else as numbers from 0.
    """
    names = as_text(found).tolist()
    if UNIT_ID in archive:
        ids = as_text(archive.read(UNIT_ID).reshape(-1)).tolist()
        place = {unit: index for index, unit in enumerate(ids)}
        strange = [unit for unit in names if unit not in place]
        if strange:
            raise RecordingError(
                f"{archive.path.name}: {len(strange)} units have spikes but no row in unit_id, "
                f"the first {strange[0]!r}: add them"
            )
        return tuple(ids), np.array([place[unit] for unit in names], np.int64)
    rows = {archive.header(n).shape[:1] for n in archive.names if n.startswith(UNIT)}
    if len(rows) == 1 and (shape := rows.pop()) and shape[0] != found.size:
        if found.dtype.kind in "iu" and found.size and found.min() >= 0 and found.max() < shape[0]:
            return tuple(str(unit) for unit in range(shape[0])), found.astype(np.int64)
        raise RecordingError(
            f"{archive.path.name}: {found.size} units have spikes, but unit columns have {shape[0]} rows: "
            "add unit_id with the id of each row"
        )
    return tuple(names), np.arange(found.size)


def _read_frames(archive: Archive, form: str, options: ReadOptions) -> Found:
    rows = archive.rows(form) if len(archive.header(form).shape) == 2 else archive.read(form)
    if rows.dtype.kind not in "biuf":
        raise RecordingError(f"{archive.path.name}: {form} is {rows.dtype}: it must hold numbers")
    if rows.ndim != 2:
        raise RecordingError(f"{archive.path.name}: {form} has shape {rows.shape}: it must be (time, unit)")
    segment = column(archive, "segment").astype(np.int64) if "segment" in archive else None
    activity: BinnedCounts | Traces
    if form == "counts":
        width = scalar(archive, "bin_size")
        if width is None:
            raise RecordingError(f"{archive.path.name} has counts but no bin_size: give the width of a bin [s]")
        activity = BinnedCounts(CheckedCounts(rows, f"{archive.path.name}: counts"), width, segment)
    else:
        rate = options.sampling_rate or scalar(archive, "sampling_rate")
        if rate is None:
            raise RecordingError(
                f"{archive.path.name} has {form} but no sampling_rate: give frames per second [Hz]"
            )
        neuropil = archive.rows("neuropil") if "neuropil" in archive and form == "fluorescence" else None
        if neuropil is not None and (neuropil.shape != rows.shape or neuropil.dtype.kind not in "biuf"):
            raise RecordingError(
                f"{archive.path.name}: fluorescence has shape {rows.shape} but neuropil {neuropil.shape} and type "
                f"{neuropil.dtype}: they must agree"
            )
        signal = next(signal for signal in SIGNALS if signal == form)
        activity = Traces(rows, rate, signal, neuropil, segment, _missing(archive, int(rows.shape[0])))
    n_units = int(rows.shape[1])
    numbered = tuple(str(unit) for unit in range(n_units))
    ids = tuple(as_text(archive.read(UNIT_ID).reshape(-1)).tolist()) if UNIT_ID in archive else numbered
    return Found(activity, _units(archive, ids))


def _missing(archive: Archive, n_frames: int) -> NDArray[np.bool_] | None:
    """Return which frames have no signal, where the file says it."""
    if "missing" not in archive:
        return None
    values = archive.read("missing").reshape(-1)
    if values.size != n_frames or values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise RecordingError(
            f"{archive.path.name}: missing has {values.size} values of type {values.dtype} for {n_frames} frames: "
            "give true or false for each frame"
        )
    return values.astype(np.bool_)


def _tau(archive: Archive) -> float | None:
    tau = scalar(archive, "tau")
    if tau is not None and tau <= 0:
        raise RecordingError(f"{archive.path.name}: tau is {tau:g}: give the indicator's decay time in seconds")
    return tau


def _units(archive: Archive, ids: tuple[str, ...]) -> Units:
    names = [name for name in archive.names if name.startswith(UNIT) and name not in (UNIT, UNIT_ID)]
    return Units(ids, {name.removeprefix(UNIT): as_unit_column(archive.read(name)) for name in names})


def _truth(archive: Archive) -> Truth | None:
    if "truth_latents" not in archive:
        return None
    if "truth_time" not in archive:
        raise RecordingError(
            f"{archive.path.name} has truth_latents but no truth_time: give the time [s] of each row"
        )
    times, latents = column(archive, "truth_time").astype(np.float64), archive.read("truth_latents")
    if latents.dtype.kind not in "iuf" or latents.ndim > 2 or latents.shape[:1] != times.shape:
        raise RecordingError(
            f"{archive.path.name}: {times.size} truth_time but truth_latents of shape {latents.shape}"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise RecordingError(f"{archive.path.name}: truth_time is not strictly ascending")
    return Truth(times, latents.reshape(times.size, -1).astype(np.float64))


def _true_spikes(archive: Archive, ids: tuple[str, ...]) -> tuple[NDArray[np.float64], ...] | None:
    if "truth_spike_times" not in archive:
        return None
    name, times = archive.path.name, column(archive, "truth_spike_times").astype(np.float64)
    if not np.isfinite(times).all():
        raise RecordingError(f"{name}: {(~np.isfinite(times)).sum()} truth_spike_times are NaN or infinite")
    if "truth_spike_units" not in archive:
        if len(ids) != 1:
            raise RecordingError(f"{name} has {len(ids)} units and truth_spike_times, but no truth_spike_units")
        return (np.sort(times),)
    units = as_text(archive.read("truth_spike_units").reshape(-1))
    if units.size != times.size:
        raise RecordingError(f"{name}: {times.size} truth_spike_times but {units.size} truth_spike_units")
    strange = set(units.tolist()) - set(ids)
    if strange:
        raise RecordingError(f"{name}: truth_spike_units names {sorted(strange)[0]!r}, which is no unit")
    return tuple(np.sort(times[units == unit]) for unit in ids)


def column(archive: Archive, name: str) -> NDArray[Any]:
    """Read an array that is one column of numbers, also when it was saved as a matrix of one column.

    Raises
    ------
    RecordingError
        For any other shape or type.
    """
    values = archive.read(name)
    if values.dtype.kind not in "iuf" or (values.ndim != 1 and values.size != max(values.shape, default=-1)):
        raise RecordingError(
            f"{archive.path.name}: {name} has shape {values.shape} and type {values.dtype}: "
            "it must be one column of numbers"
        )
    return values.reshape(-1)


def scalar(archive: Archive, name: str) -> float | None:
    """Read a single finite number, or None where the archive has none of this name.

    Raises
    ------
    RecordingError
        For anything else.
    """
    if name not in archive:
        return None
    values = archive.read(name)
    if values.size != 1 or values.dtype.kind not in "iuf" or not math.isfinite(values.reshape(-1)[0]):
        shown = f"shape {values.shape} and type {values.dtype}"
        raise RecordingError(f"{archive.path.name}: {name} has {shown}: it must be one finite number")
    return float(values.reshape(-1)[0])
