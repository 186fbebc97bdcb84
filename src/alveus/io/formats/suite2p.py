"""A folder of suite2p to a recording: fluorescence or events of all planes, which ROIs are cells, bad frames."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError, RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.optical import Signal, choose_signal, lies_on_its_side, on_its_side, shared_frames
from alveus.io.files.npy import NpyMatrix, read_npy
from alveus.io.files.opening import check_folder
from alveus.io.files.traces import by_unit
from alveus.io.formats.suite2p_settings import PlaneSettings, read_settings
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import Finding, Recording, Traces, Units
from alveus.recording.recording import Column

F, NEUROPIL, SPIKES, IS_CELL = "F.npy", "Fneu.npy", "spks.npy", "iscell.npy"
COMBINED = "combined"
PLANE = re.compile(r"plane(\d+)")
SAME_RATE = 1e-3  # part by which rates may differ and still mean the same


@dataclass(frozen=True)
class Plane:
    """What the folder of one plane holds."""

    folder: Path
    traces: NpyMatrix
    neuropil: NpyMatrix | None
    is_cell: NDArray[np.float64] | None
    settings: PlaneSettings

    @property
    def number(self) -> int | None:
        """Place in the turn in which planes are scanned."""
        named = PLANE.fullmatch(self.folder.name)
        if self.settings.place is not None or named is None:
            return self.settings.place
        return int(named[1])


def read_suite2p(path: Path, options: ReadOptions) -> Recording:
    """Read what suite2p wrote: the folder ``suite2p``, the one above it, or that of a single plane.

    Frame rate, decay of the indicator and bad frames come from ``ops.npy`` (before version 1.0) or
    ``settings.npy``, ``db.npy`` and ``reg_outputs.npy``. Those are pickles; they are read as data, and where the
    session table gives the frame rate they need not be there at all.

    Raises
    ------
    RecordingError, TemporaryError
        When files are missing, damaged or contradict each other, the frame rate is not stated, or the settings
        are a pickle of anything else than plain values.
    QualityError
        When there is no ROI.
    """
    check_folder(path)
    try:
        found = _find(path, options)
    except PermissionError as error:
        raise RecordingError(
            f"{error.filename} may not be read: give this user permission to read it and its folder"
        ) from error
    return assemble(found, options)


def _find(path: Path, options: ReadOptions) -> Found:
    signal = choose_signal(options.signal, _held(path), path.name)
    findings: list[Finding] = []
    planes = [_plane(folder, signal, options, findings) for folder in _folders(path, signal, findings)]
    rate = _rate(planes, options, path, findings)
    lengths = [plane.traces.shape[1] for plane in planes]
    n_frames, notes = shared_frames(lengths, [plane.folder.name for plane in planes], path.name)
    findings += notes
    traces = Traces(
        by_unit([plane.traces for plane in planes], n_frames),
        rate,
        signal,
        neuropil=_neuropil(planes, n_frames, signal, path, findings),
        missing=_missing(planes, n_frames, findings),
        delays=_delays(planes, rate, path, findings),
    )
    taus = sorted({plane.settings.tau for plane in planes if plane.settings.tau is not None})
    return Found(
        traces,
        _units(planes),
        tau=taus[0] if len(taus) == 1 else None,
        findings=findings,
        source={"format": "suite2p", "file": path.name, "planes": str(len(planes))},
    )


def _held(path: Path) -> tuple[Signal, ...]:
    """Return the signals that some plane has a file of."""
    folders = _candidates(path)
    held: list[Signal] = []
    if any((folder / F).exists() for folder in folders):
        held.append("fluorescence")
    if any((folder / SPIKES).exists() for folder in folders):
        held.append("events")
    if not held and any((folder / "ops.npy").exists() or (folder / "settings.npy").exists() for folder in folders):
        raise QualityError(
            f"{path.name}: suite2p found no ROIs in {len(folders)} planes (no {F}): nothing to analyse; "
            "run its detection again with other settings"
        )
    if not held:
        raise RecordingError(
            f"{path} holds no output of suite2p: neither {F} nor a folder plane0 or suite2p/plane0 with it; "
            "give the folder suite2p, the one above it, or that of a plane"
        )
    return tuple(held)


def _candidates(path: Path) -> list[Path]:
    """Return the folders of planes, in their order; the one of all planes combined only if there is no other."""
    if (path / F).exists() or (path / SPIKES).exists():
        return [path]
    for above in (path, path / "suite2p"):
        inside = [folder for folder in above.iterdir() if folder.is_dir()] if above.is_dir() else []
        planes = [folder for folder in inside if PLANE.fullmatch(folder.name)]
        if planes:
            return sorted(planes, key=lambda folder: (int(folder.name.removeprefix("plane")), folder.name))
        if (above / COMBINED).is_dir():
            return [above / COMBINED]
    return []


def _folders(path: Path, signal: Signal, findings: list[Finding]) -> list[Path]:
    name = F if signal == "fluorescence" else SPIKES
    folders = _candidates(path)
    empty = [folder.name for folder in folders if not (folder / F).exists() and not (folder / SPIKES).exists()]
    if empty:
        message = f"{path.name}: no ROIs were found in {len(empty)} planes ({', '.join(empty[:5])}): left out"
        findings.append(Finding("planes_without_rois", len(empty), message))
    used = [folder for folder in folders if folder.name not in empty]
    lacking = [folder.name for folder in used if not (folder / name).exists()]
    if lacking:
        raise RecordingError(
            f"{path.name}: {len(lacking)} of {len(used)} planes have no {name} ({', '.join(lacking[:5])}): "
            "restore it, or choose another signal"
        )
    return used


def _plane(folder: Path, signal: Signal, options: ReadOptions, findings: list[Finding]) -> Plane:
    settings, notes = read_settings(folder, options.max_bytes, needed=options.sampling_rate is None)
    findings += notes
    is_cell = None
    if (folder / IS_CELL).exists():
        is_cell = read_npy(folder / IS_CELL, options.max_bytes)
        if is_cell.ndim not in (1, 2) or is_cell.dtype.kind not in "biuf" or 0 in is_cell.shape[1:]:
            raise RecordingError(
                f"{folder.name}/{IS_CELL} has shape {is_cell.shape} and type {is_cell.dtype}: it must have a row "
                "per ROI, with 0 or 1 and a probability"
            )
        is_cell = is_cell.astype(np.float64).reshape(len(is_cell), -1)
    else:
        message = f"{folder.name} has no {IS_CELL}: all of its ROIs count as cells"
        findings.append(Finding("no_iscell", 1, message))
    name = F if signal == "fluorescence" else SPIKES
    stored = NpyMatrix(folder / name, options.max_bytes)
    neuropil = None
    if signal == "fluorescence" and (folder / NEUROPIL).exists():
        neuropil = NpyMatrix(folder / NEUROPIL, options.max_bytes)
        if neuropil.shape != stored.shape:
            raise RecordingError(
                f"{folder.name}: {F} has shape {stored.shape} but {NEUROPIL} {neuropil.shape}: they are of "
                "different runs of suite2p; run its extraction again"
            )
    turned = lies_on_its_side(
        stored.shape, None if is_cell is None else len(is_cell), f"{folder.name}/{name}", IS_CELL
    )
    if turned:
        findings.append(on_its_side(stored.shape, f"{folder.name}/{name}"))
        stored, neuropil = stored.transposed(), None if neuropil is None else neuropil.transposed()
    if settings.n_frames not in (None, stored.shape[1]):
        message = f"its settings say {settings.n_frames} frames, {name} has {stored.shape[1]}: the file counts"
        findings.append(Finding("other_length", 1, f"{folder.name}: {message}"))
    return Plane(folder, stored, neuropil, is_cell, settings)


def _rate(planes: list[Plane], options: ReadOptions, path: Path, findings: list[Finding]) -> float:
    """Return the frames per second of each plane."""
    stated = sorted({plane.settings.rate for plane in planes if plane.settings.rate is not None})
    if options.sampling_rate is None:
        if not stated:
            raise RecordingError(
                f"{path.name}: no settings of suite2p say the frame rate (ops.npy or settings.npy, fs): give "
                "sampling_rate [Hz], the frames per second of one plane, in the session table"
            )
        if stated[-1] > stated[0] * (1 + SAME_RATE):
            raise RecordingError(
                f"{path.name}: the planes have different frame rates, {stated[0]:g} to {stated[-1]:g} Hz: give "
                "sampling_rate [Hz] in the session table"
            )
        return stated[0]
    rate, n_planes = options.sampling_rate, _n_planes(planes) or 1
    if n_planes > 1 and any(abs(rate / (own * n_planes) - 1) < SAME_RATE for own in stated):
        raise RecordingError(
            f"{path.name}: the session table says {rate:g} Hz, suite2p {stated[0]:g} Hz for each of {n_planes} "
            f"planes: sampling_rate is of one plane; give {stated[0]:g}, or leave it out"
        )
    other = [own for own in stated if abs(rate / own - 1) > SAME_RATE]
    if other:
        message = f"{path.name}: suite2p says {other[0]:g} Hz; {rate:g} Hz of the session table is used"
        findings.append(Finding("other_rate", 1, message))
    return rate


def _n_planes(planes: list[Plane]) -> int | None:
    return max((plane.settings.n_planes for plane in planes if plane.settings.n_planes is not None), default=None)


def _delays(planes: list[Plane], rate: float, path: Path, findings: list[Finding]) -> NDArray[np.float64] | None:
    """Return how long after the first plane each ROI is scanned [s]: planes share out the time of a frame."""
    numbers = [plane.number for plane in planes]
    turns = _n_planes(planes)
    if turns is None:
        turns = max((number for number in numbers if number is not None), default=0) + 1 if len(planes) > 1 else 1
        if turns > 1:
            message = f"{path.name}: no settings say how many planes there are: taken as {turns}, scanned in turn"
            findings.append(Finding("assumed_planes", turns, message))
    if turns == 1 and len(planes) == 1:
        return None
    known = [number for number in numbers if number is not None and number < turns]
    if len(known) < len(planes) or len(set(known)) < len(known):
        message = (
            f"{path.name}: when in a frame each of {len(planes)} planes is scanned is not known (settings say "
            f"{turns} planes): each is taken to be scanned when the frame begins, up to {1 / rate:.3g} s too early"
        )
        findings.append(Finding("unknown_delays", len(planes), message))
        return None
    counts = [plane.traces.shape[0] for plane in planes]
    return np.repeat(np.array(known) / (rate * turns), counts)


def _neuropil(
    planes: list[Plane], n_frames: int, signal: Signal, path: Path, findings: list[Finding]
) -> object | None:
    if signal != "fluorescence":
        return None
    without = [plane.folder.name for plane in planes if plane.neuropil is None]
    if without and len(without) < len(planes):
        raise RecordingError(
            f"{path.name}: {len(without)} of {len(planes)} planes have no {NEUROPIL} ({', '.join(without[:5])}): "
            "restore it, so that all planes are treated alike"
        )
    if without:
        findings.append(Finding("no_neuropil", 1, f"{path.name} has no {NEUROPIL}: none is subtracted"))
        return None
    return by_unit([plane.neuropil for plane in planes], n_frames)


def _missing(planes: list[Plane], n_frames: int, findings: list[Finding]) -> NDArray[np.bool_] | None:
    """Return the frames that are bad in any plane."""
    missing = np.zeros(n_frames, np.bool_)
    for plane in planes:
        bad = plane.settings.bad
        if bad is None:
            continue
        if bad.size != plane.traces.shape[1]:
            raise RecordingError(
                f"{plane.folder.name}: {bad.size} frames are marked as good or bad, but the traces have "
                f"{plane.traces.shape[1]}: they are of different runs of suite2p; run it again"
            )
        missing |= bad[:n_frames]
    if not missing.any():
        return None
    findings.append(
        Finding(
            "bad_frames",
            int(missing.sum()),
            f"{missing.sum()} of {n_frames} frames are marked as bad by suite2p or its user: without a signal",
        )
    )
    return missing


def _units(planes: list[Plane]) -> Units:
    counts = [plane.traces.shape[0] for plane in planes]
    several = len(planes) > 1
    ids = [
        f"{plane.folder.name}-{roi}" if several else str(roi)
        for plane, count in zip(planes, counts, strict=True)
        for roi in range(count)
    ]
    numbers = [place if plane.number is None else plane.number for place, plane in enumerate(planes)]
    columns: dict[str, Column] = {"plane": np.repeat(np.array(numbers, np.int64), counts)}
    if any(plane.is_cell is not None for plane in planes):
        columns["iscell"] = np.concatenate([_is_cell(plane) for plane in planes])
        columns["iscell_probability"] = np.concatenate([_probability(plane) for plane in planes])
    return Units(tuple(ids), columns)


def _is_cell(plane: Plane) -> NDArray[np.int64]:
    if plane.is_cell is None:
        return np.ones(plane.traces.shape[0], np.int64)
    return (plane.is_cell[:, 0] > 0).astype(np.int64)


def _probability(plane: Plane) -> NDArray[np.float64]:
    if plane.is_cell is None or plane.is_cell.shape[1] == 1:
        return np.full(plane.traces.shape[0], np.nan)
    return plane.is_cell[:, 1]
