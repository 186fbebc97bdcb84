"""Series of traces in an NWB file: which there are, what their values are, and which of them to use."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.cleaning.optical import SIGNALS
from alveus.io.files.hdf5 import Hdf5File, Hdf5Matrix
from alveus.io.formats.nwb_series import scale_of, time_series
from alveus.recording import ByUnit, Finding

Kind = Literal["fluorescence", "neuropil", "dff", "events", "other"]

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


def choose_responses(responses: list[Response], signal: str, name: str) -> tuple[list[Response], list[Finding]]:
    """Choose the series of a signal so that no ROI comes twice; those that are not corrected go first.

    Returns
    -------
    responses, findings
        Those chosen, in the order of their paths; and what was left out.
    """
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


def matrix_of(file: Hdf5File, response: Response) -> Hdf5Matrix:
    """Return the values of a series as they are stored, with conversion and offset applied.

    Raises
    ------
    RecordingError
        When it has none, or no matrix of numbers.
    """
    data = file.dataset(response.group, "data")
    if data is None:
        raise RecordingError(f"{file.path.name}/{response.path} has no data: export the file again")
    scale, shift = scale_of(file, data)
    usable = np.isfinite(scale) and scale != 0 and np.isfinite(shift)  # exporters write NaN where they know none
    return Hdf5Matrix(file, data, scale, shift) if usable else Hdf5Matrix(file, data)


def neuropil_of(
    file: Hdf5File, response: Response, responses: list[Response], shape: tuple[int, int], *, turned: bool
) -> tuple[Any | None, list[Finding]]:
    """Return the neuropil of the same ROIs, where there is one and it is not subtracted already.

    Parameters
    ----------
    file, response, responses
        The fluorescence, and every series of the file.
    shape, turned
        Of the fluorescence as it is stored, and whether that is (unit, frame).

    Returns
    -------
    neuropil, findings
        (frame, unit) rows.

    Raises
    ------
    RecordingError
        When its shape is another.
    """
    if response.kind != "fluorescence" or response.corrected:
        return None, []
    for other in responses:
        if other.kind != "neuropil" or other.table != response.table or not _equal(other.rois, response.rois):
            continue
        matrix = matrix_of(file, other)
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
