"""The traces of ROIs in an NWB file to a recording: fluorescence, ΔF/F or events of one plane or several."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.cleaning.frames import Placed, place_frames
from alveus.io.cleaning.optical import SIGNALS, choose_signal, lies_on_its_side, on_its_side, shared_frames
from alveus.io.files.hdf5 import Hdf5File
from alveus.io.files.traces import JoinedRows, PlacedRows
from alveus.io.formats.nwb_responses import (
    Response,
    choose_responses,
    find_responses,
    matrix_of,
    neuropil_of,
)
from alveus.io.formats.nwb_rois import roi_units
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import ByUnit, Finding, Traces

SAME_RATE = 1e-3  # part by which rates may differ and still mean the same
SAME_TIMES = 1e-2  # part by which the rate of a table may differ from that of the times
ROUNDING = 1e-3  # frames; how early a start may seem by rounding


@dataclass(frozen=True)
class Part:
    """The traces of one plane: (frame, unit) rows, and when their frames were taken."""

    response: Response
    rows: Any
    placed: Placed
    neuropil: Any | None = None
    findings: list[Finding] = field(default_factory=list)


def read_traces(file: Hdf5File, options: ReadOptions) -> Found:
    """Read the traces of all planes.

    Raises
    ------
    RecordingError
        When there are none, none of the wanted signal, or series contradict each other or their ROI table.
    """
    name, responses = file.path.name, find_responses(file)
    held = [signal for signal in SIGNALS if any(response.kind == signal for response in responses)]
    if not held:
        seen = ", ".join(response.path for response in responses[:5]) or "none"
        raise RecordingError(
            f"{name} holds no fluorescence, ΔF/F or events of ROIs (RoiResponseSeries found: {seen}): export "
            "them, or correct the column modality"
        )
    signal = choose_signal(options.signal, held, name)
    chosen, findings = choose_responses(responses, signal, name)
    parts = [_part(file, response, responses, options) for response in chosen]
    findings += [finding for part in parts for finding in part.findings]
    rate = _rate(parts, name)
    begin = min(part.placed.start for part in parts)
    late = [int(np.floor((part.placed.start - begin) * rate + ROUNDING)) for part in parts]
    n_frames, notes = shared_frames(
        [part.placed.n_frames + frames for part, frames in zip(parts, late, strict=True)],
        [part.response.path for part in parts],
        name,
    )
    findings += notes
    units = roi_units(file, [(part.response.table, part.response.rois, int(part.rows.shape[1])) for part in parts])
    delays = [
        max(0.0, part.placed.start - begin - frames / rate) for part, frames in zip(parts, late, strict=True)
    ]
    with_neuropil = signal == "fluorescence" and all(part.neuropil is not None for part in parts)
    return Found(
        Traces(
            _joined(
                [(part.rows, part.placed, frames) for part, frames in zip(parts, late, strict=True)], n_frames
            ),
            rate,
            signal,
            neuropil=_joined(
                [(part.neuropil, part.placed, frames) for part, frames in zip(parts, late, strict=True)], n_frames
            )
            if with_neuropil
            else None,
            missing=_missing(parts, late, n_frames),
            delays=np.repeat(delays, [int(part.rows.shape[1]) for part in parts]) if any(delays) else None,
        ),
        units,
        start=begin,
        findings=findings,
        source=_source(file, parts),
    )


def _part(file: Hdf5File, response: Response, responses: list[Response], options: ReadOptions) -> Part:
    matrix = matrix_of(file, response)
    times = file.dataset(response.group, "timestamps")
    label = f"{file.path.name}/{response.path}"
    n_units = None if response.rois is None else response.rois.size
    findings: list[Finding] = []
    if n_units is None and times is not None and times.shape[:1] in ((matrix.shape[0],), (matrix.shape[1],)):
        turned = int(times.shape[0]) != matrix.shape[0]
    else:
        turned = lies_on_its_side(matrix.shape, n_units, f"{label}/data", "its ROI table", frames_first=True)
    if turned:
        findings.append(on_its_side(matrix.shape, f"{label}/data"))
    rows: Any = ByUnit(matrix) if turned else matrix
    n_stored = int(rows.shape[0])
    if times is not None:
        if times.shape != (n_stored,):
            raise RecordingError(
                f"{label} has {n_stored} frames but timestamps of shape {times.shape}: export the file again"
            )
        placed, notes = place_frames(file.read(times), f"{label}/timestamps")
        findings += notes
        _compare_with_table(placed.rate, options, label)
    else:
        placed, notes = _regular(file, response, n_stored, options)
        findings += notes
    findings += _compare_with_plane(file, response, placed.rate, label)
    neuropil, notes = neuropil_of(file, response, responses, matrix.shape, turned=turned)
    return Part(response, rows, placed, neuropil, [*findings, *notes])


def _regular(
    file: Hdf5File, response: Response, n_frames: int, options: ReadOptions
) -> tuple[Placed, list[Finding]]:
    """Return the places of frames that have a start and a rate."""
    label = f"{file.path.name}/{response.path}"
    start = file.dataset(response.group, "starting_time")
    rate = None if start is None else file.attribute(start, "rate")
    begin = (
        float(file.read(start)) if start is not None and start.shape == () and start.dtype.kind in "iuf" else 0.0
    )
    own = rate if isinstance(rate, float) and np.isfinite(rate) and rate > 0 else None
    if not np.isfinite(begin) or (own is None and options.sampling_rate is None):
        raise RecordingError(
            f"{label} starts at {begin:g} s with rate {rate!r}: give sampling_rate [Hz] in the session table, or "
            "export the file again"
        )
    used = options.sampling_rate or own or 0.0
    findings = []
    if own is not None and abs(used / own - 1) > SAME_RATE:
        message = f"{label} says {own:g} Hz; {used:g} Hz of the session table is used"
        findings.append(Finding("other_rate", 1, message))
    return Placed(begin, used, None, n_frames), findings


def _compare_with_table(rate: float, options: ReadOptions, label: str) -> None:
    stated = options.sampling_rate
    if stated is not None and abs(stated / rate - 1) > SAME_TIMES:
        raise RecordingError(
            f"{label}: the session table says {stated:g} Hz, but by their timestamps there are {rate:g} frames "
            "per second (of one plane): leave sampling_rate out, or correct the timestamps"
        )


def _compare_with_plane(file: Hdf5File, response: Response, rate: float, label: str) -> list[Finding]:
    """Return a finding where the imaging plane has another rate than the traces."""
    plane = None if response.table is None else file.below(response.table, "imaging_plane")
    stated = None if plane is None else file.dataset(plane, "imaging_rate")
    if stated is None or stated.shape != () or stated.dtype.kind not in "iuf":
        return []
    other = float(file.read(stated))
    if not other > 0 or abs(other / rate - 1) <= SAME_TIMES:
        return []
    message = (
        f"{label} has {rate:g} frames per second, its imaging plane says {other:g}: the traces' own rate is used; "
        "check that it is that of one plane"
    )
    return [Finding("other_imaging_rate", 1, message)]


def _rate(parts: list[Part], name: str) -> float:
    rates = [part.placed.rate for part in parts]
    if max(rates) > min(rates) * (1 + SAME_RATE):
        raise RecordingError(
            f"{name}: its planes have different frame rates, {min(rates):g} to {max(rates):g} Hz: split it by rate"
        )
    return rates[0] if len(rates) == 1 else float(np.mean(rates))


def _joined(parts: list[tuple[Any, Placed, int]], n_frames: int) -> Any:
    """Return the frames of all planes side by side, on one grid."""
    placed = [
        rows
        if place.places is None and late == 0
        else PlacedRows(
            rows,
            late + (np.arange(rows.shape[0]) if place.places is None else place.places),
            place.n_frames + late,
        )
        for rows, place, late in parts
    ]
    if len(placed) == 1 and isinstance(placed[0], ByUnit):
        return placed[0]
    return JoinedRows(placed, n_frames)


def _missing(parts: list[Part], late: list[int], n_frames: int) -> NDArray[np.bool_] | None:
    """Return the frames that some plane lacks."""
    missing = np.zeros(n_frames, np.bool_)
    for part, frames in zip(parts, late, strict=True):
        missing[:frames] = True
        if part.placed.places is not None:
            there = np.zeros(part.placed.n_frames + frames, np.bool_)
            there[part.placed.places + frames] = True
            missing |= ~there[:n_frames]
    return missing if missing.any() else None


def _source(file: Hdf5File, parts: list[Part]) -> dict[str, str]:
    source = {"planes": str(len(parts)), "series": ", ".join(part.response.path for part in parts[:5])}
    for part in parts:
        table = part.response.table
        plane = None if table is None else file.below(table, "imaging_plane")
        indicator = None if plane is None else file.dataset(plane, "indicator")
        if indicator is not None and indicator.shape == ():
            source["indicator"] = str(file.read(indicator))
            break
    return source
