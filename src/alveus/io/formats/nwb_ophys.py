"""The traces of ROIs in an NWB file to a recording: fluorescence, ΔF/F or events of one plane or several."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.cleaning.frames import Placed, place_frames
from alveus.io.cleaning.optical import SIGNALS, choose_signal, lies_on_its_side, on_its_side, shared_frames
from alveus.io.files.hdf5 import Hdf5File, Hdf5Matrix
from alveus.io.files.traces import JoinedRows, PlacedRows
from alveus.io.formats.nwb_rois import roi_units
from alveus.io.formats.nwb_series import scale_of, time_series
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import ByUnit, Finding, Traces

Kind = Literal["fluorescence", "neuropil", "dff", "events", "other"]
SAME_RATE = 1e-3  # part by which rates may differ and still mean the same
SAME_TIMES = 1e-2  # part by which the rate of a table may differ from that of the times
ROUNDING = 1e-3  # frames; how early a start may seem by rounding

WORDS: tuple[tuple[str, Kind], ...] = (
    ("corrected|subtracted|demixed", "fluorescence"),
    ("neuropil|fneu|surround", "neuropil"),
    ("deconv|spike|event|spks", "events"),
    ("dfof|df_?over_?f|dff|delta_?f|df/f", "dff"),
    ("denoised|baseline|background|residual", "other"),
)
"""What the names of a series and of what it lies in tell of it, the first that fits; else it is fluorescence."""

CORRECTED = re.compile("corrected|subtracted")


@dataclass(frozen=True, eq=False)
class Response:
    """A series of traces.

    Parameters
    ----------
    path, group
        Where it is.
    kind
        What its values are.
    table
        The ROI table that its traces belong to.
    rois
        (n_units,) row of the table of each trace; None where the series does not say.
    """

    path: str
    group: h5py.Group
    kind: Kind
    table: h5py.Group | None
    rois: NDArray[np.int64] | None

    @property
    def plane(self) -> str:
        """Name of the ROI table, which there is one of for every plane."""
        return "" if self.table is None else str(self.table.name).rpartition("/")[2]

    @property
    def corrected(self) -> bool:
        """Whether the neuropil is subtracted already."""
        return CORRECTED.search(self.path.lower()) is not None


@dataclass(frozen=True)
class Part:
    """The traces of one plane: (frame, unit) rows, and when their frames were taken."""

    response: Response
    rows: Any
    placed: Placed
    neuropil: Any | None = None
    findings: list[Finding] = field(default_factory=list)


def find_responses(file: Hdf5File) -> list[Response]:
    """Find every series of traces of ROIs."""
    found = []
    for path, group in time_series(file):
        if file.attribute(group, "neurodata_type") != "RoiResponseSeries" and "rois" not in group:
            continue
        if file.dataset(group, "data") is not None:
            table, rois = _rois(file, group)
            found.append(Response(path, group, _kind(file, path), table, rois))
    return found


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
    chosen, findings = _choose(responses, signal, name)
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


def _kind(file: Hdf5File, path: str) -> Kind:
    container, _, name = path.rpartition("/")
    above = file.group(container)
    if above is not None and file.attribute(above, "neurodata_type") == "DfOverF":
        return "dff"
    words = f"{container.rpartition('/')[2]}/{name}".lower()
    return next((kind for pattern, kind in WORDS if re.search(pattern, words)), "fluorescence")


def _rois(file: Hdf5File, group: h5py.Group) -> tuple[h5py.Group | None, NDArray[np.int64] | None]:
    """Return the ROI table of a series and the rows of it that its traces belong to."""
    region = file.dataset(group, "rois")
    if region is None or region.ndim != 1 or region.dtype.kind not in "iu":
        return None, None
    reference = region.attrs.get("table")
    table = file.root[reference] if isinstance(reference, h5py.Reference) and reference else None
    return table if isinstance(table, h5py.Group) else None, file.read(region).astype(np.int64)


def _choose(responses: list[Response], signal: str, name: str) -> tuple[list[Response], list[Finding]]:
    """Choose the series of a signal so that no ROI comes twice; those that are not corrected go first."""
    candidates = sorted((r for r in responses if r.kind == signal), key=lambda response: response.corrected)
    chosen: list[Response] = []
    for response in candidates:
        if not any(_share_rois(response, other) for other in chosen):
            chosen.append(response)
    findings = []
    left = [response.path for response in candidates if response not in chosen]
    if left:
        message = f"{name}: {', '.join(left[:5])} are of the same ROIs as {chosen[0].path}: not used"
        findings.append(Finding("other_series", len(left), message))
    used = {response.plane for response in chosen}
    without = sorted({r.plane for r in responses if r.kind in SIGNALS} - used)
    if without:
        message = f"{name}: {len(without)} planes have no {signal} ({', '.join(without[:5])}): left out"
        findings.append(Finding("planes_without_signal", len(without), message))
    return sorted(chosen, key=lambda response: response.path), findings


def _share_rois(first: Response, second: Response) -> bool:
    if first.table != second.table:
        return False
    if first.rois is None or second.rois is None:
        return first.path.rpartition("/")[0] != second.path.rpartition("/")[0]
    return bool(np.isin(first.rois, second.rois).any())


def _part(file: Hdf5File, response: Response, responses: list[Response], options: ReadOptions) -> Part:
    matrix = _matrix(file, response)
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
    neuropil, notes = _neuropil(file, response, responses, matrix.shape, turned=turned)
    return Part(response, rows, placed, neuropil, [*findings, *notes])


def _matrix(file: Hdf5File, response: Response) -> Hdf5Matrix:
    data = file.dataset(response.group, "data")
    if data is None:
        raise RecordingError(f"{file.path.name}/{response.path} has no data: export the file again")
    scale, shift = scale_of(file, data)
    usable = np.isfinite(scale) and scale != 0 and np.isfinite(shift)  # exporters write NaN where they know none
    return Hdf5Matrix(file, data, scale, shift) if usable else Hdf5Matrix(file, data)


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


def _neuropil(
    file: Hdf5File, response: Response, responses: list[Response], shape: tuple[int, int], *, turned: bool
) -> tuple[Any | None, list[Finding]]:
    """Return the neuropil of the same ROIs, where there is one and it is not subtracted already."""
    if response.kind != "fluorescence" or response.corrected:
        return None, []
    for other in responses:
        if other.kind != "neuropil" or other.table != response.table or not _equal(other.rois, response.rois):
            continue
        matrix = _matrix(file, other)
        if matrix.shape not in (shape, shape[::-1]):
            raise RecordingError(
                f"{file.path.name}: {response.path} has shape {shape} but {other.path} {matrix.shape}: they must "
                "agree; export the file again"
            )
        return ByUnit(matrix) if turned == (matrix.shape == shape) else matrix, []
    label = f"{file.path.name}/{response.path}"
    return None, [Finding("no_neuropil", 1, f"{label} has no neuropil beside it: none is subtracted")]


def _equal(first: NDArray[np.int64] | None, second: NDArray[np.int64] | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


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
