"""A folder of suite2p to a recording: fluorescence or events of all planes, which ROIs are cells, bad frames."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.optical import Signal, choose_signal, shared_frames
from alveus.io.files.opening import check_folder
from alveus.io.files.traces import by_unit
from alveus.io.formats.suite2p_planes import NEUROPIL, Plane, held_signals, plane_folders, read_plane
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import Finding, Recording, Traces, Units
from alveus.recording.recording import Column

SAME_RATE = 1e-3  # part by which rates may differ and still mean the same


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
    signal = choose_signal(options.signal, held_signals(path), path.name)
    findings: list[Finding] = []
    planes = [read_plane(folder, signal, options, findings) for folder in plane_folders(path, signal, findings)]
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
