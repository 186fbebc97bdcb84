"""An HDF5 file that CaImAn saved to a recording: ΔF/F or events of its components, and which it accepted."""

from pathlib import Path
from typing import Any

import numpy as np

from alveus.errors import RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.optical import Signal, choose_signal, lies_on_its_side, on_its_side
from alveus.io.files.hdf5 import Hdf5File, Hdf5Matrix
from alveus.io.files.traces import SummedTraces, Transposed
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import ByUnit, Finding, Recording, Traces, Units
from alveus.recording.recording import Column

ESTIMATES = "estimates"
DFF, DENOISED, RESIDUAL, SPIKES, ACCEPTED = "F_dff", "C", "YrA", "S", "idx_components"
QUALITY = {"SNR_comp": "snr_caiman", "r_values": "r_value", "cnn_preds": "cnn_prediction"}
"""Columns of the components, and what they are called here."""

SAME_RATE = 1e-3  # part by which rates may differ and still mean the same


def read_caiman(path: Path, options: ReadOptions) -> Recording:
    """Read what ``CNMF.save`` wrote.

    ΔF/F is ``F_dff`` where CaImAn computed it. Else it is ``C + YrA``, the traces before denoising: their
    background is subtracted already, so that nothing is left to divide by, and they stay in arbitrary units.
    Events are ``S``. The decay of the indicator is the ``decay_time`` that CaImAn was told.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is missing, damaged, no file of CaImAn, or contradicts itself; when no frame rate is stated.
    QualityError
        When there are no components.
    """
    file = Hdf5File(path, options.max_bytes, "CaImAn (HDF5)")
    with file.guard():
        found = _find(file, options)
    return assemble(found, options)


def _find(file: Hdf5File, options: ReadOptions) -> Found:
    name = file.path.name
    if file.group(ESTIMATES) is None:
        raise RecordingError(
            f"{name} is HDF5 but not of CaImAn: it has no group /{ESTIMATES}; save it with CNMF.save"
        )
    n_units = _n_components(file)
    matrices = {key: _matrix(file, key) for key in (DFF, DENOISED, RESIDUAL, SPIKES)}
    held: list[Signal] = []
    if matrices[DFF] is not None or (matrices[DENOISED] is not None and matrices[RESIDUAL] is not None):
        held.append("dff")
    if matrices[SPIKES] is not None:
        held.append("events")
    if not held:
        raise RecordingError(
            f"{name} holds neither {DFF}, nor {DENOISED} and {RESIDUAL}, nor {SPIKES}: fit the components before "
            "saving"
        )
    signal = choose_signal(options.signal, held, name)
    findings: list[Finding] = []
    if signal == "events":
        traces = _upright(matrices[SPIKES], SPIKES, n_units, name, findings)
    elif matrices[DFF] is not None:
        traces = _upright(matrices[DFF], DFF, n_units, name, findings)
    else:
        traces = _sum(matrices, n_units, name, findings)
    rate = _rate(file, options, findings)
    units = _units(file, int(traces.shape[0]), findings)
    tau = _scalar(file, "decay_time")
    return Found(
        Traces(ByUnit(traces), rate, signal),
        units,
        tau=tau if tau is not None and tau > 0 else None,
        findings=findings,
        source={"format": "caiman", "file": name},
    )


def _matrix(file: Hdf5File, key: str) -> Hdf5Matrix | None:
    """Return one of the estimates, or None where CaImAn saved that there is none (as text) or an empty one."""
    estimates = file.group(ESTIMATES)
    dataset = None if estimates is None else file.dataset(estimates, key)
    if dataset is None or dataset.ndim != 2 or dataset.dtype.kind not in "iuf":
        return None
    return Hdf5Matrix(file, dataset)


def _n_components(file: Hdf5File) -> int | None:
    """Return the number of components, by their footprints."""
    footprints = file.group(f"{ESTIMATES}/A")
    shape = None if footprints is None else file.dataset(footprints, "shape")
    if shape is None or shape.shape != (2,) or shape.dtype.kind not in "iu":
        return None
    return int(file.read(shape)[1])


def _upright(matrix: Any, key: str, n_units: int | None, name: str, findings: list[Finding]) -> Any:
    """Return traces as (component, frame)."""
    label = f"{name}/{ESTIMATES}/{key}"
    if not lies_on_its_side(matrix.shape, n_units, label, f"the footprints /{ESTIMATES}/A"):
        return matrix
    findings.append(on_its_side(matrix.shape, label))
    return Transposed(matrix)


def _sum(matrices: dict[str, Any], n_units: int | None, name: str, findings: list[Finding]) -> SummedTraces:
    denoised = _upright(matrices[DENOISED], DENOISED, n_units, name, findings)
    residual = _upright(matrices[RESIDUAL], RESIDUAL, n_units, name, findings)
    if denoised.shape != residual.shape:
        raise RecordingError(
            f"{name}: {DENOISED} has shape {denoised.shape} but {RESIDUAL} {residual.shape}: they must agree; "
            "save the fit again"
        )
    message = (
        f"{name} has no {DFF}: {DENOISED} + {RESIDUAL} is used, in arbitrary units, its background being "
        "subtracted; run detrend_df_f before saving for ΔF/F"
    )
    findings.append(Finding("arbitrary_units", 1, message))
    return SummedTraces(denoised, residual)


def _scalar(file: Hdf5File, key: str) -> float | None:
    group = file.group("params/data")
    dataset = None if group is None else file.dataset(group, key)
    if dataset is None or int(np.prod(dataset.shape or (1,))) != 1 or dataset.dtype.kind not in "iuf":
        return None
    value = float(np.reshape(file.read(dataset), -1)[0])
    return value if np.isfinite(value) else None


def _rate(file: Hdf5File, options: ReadOptions, findings: list[Finding]) -> float:
    own, name = _scalar(file, "fr"), file.path.name
    if options.sampling_rate is None:
        if own is None or own <= 0:
            raise RecordingError(
                f"{name}: /params/data/fr is {'not there' if own is None else f'{own:g}'}: give sampling_rate, "
                "the frames per second [Hz], in the session table"
            )
        return own
    if own is not None and own > 0 and abs(options.sampling_rate / own - 1) > SAME_RATE:
        message = f"{name} says {own:g} Hz; {options.sampling_rate:g} Hz of the session table is used"
        findings.append(Finding("other_rate", 1, message))
    return options.sampling_rate


def _units(file: Hdf5File, n_units: int, findings: list[Finding]) -> Units:
    estimates, name = file.group(ESTIMATES), file.path.name
    columns: dict[str, Column] = {}
    accepted = None if estimates is None else file.dataset(estimates, ACCEPTED)
    if accepted is not None and accepted.ndim == 1 and accepted.dtype.kind in "iuf":
        numbers = file.read(accepted)
        if ((numbers < 0) | (numbers >= n_units) | (numbers != np.rint(numbers))).any():
            raise RecordingError(
                f"{name}: {ACCEPTED} names components outside 0 to {n_units - 1}: save the fit again"
            )
        columns["iscell"] = np.isin(np.arange(n_units), numbers.astype(np.int64)).astype(np.int64)
    else:
        message = f"{name} has no {ACCEPTED}: all of its {n_units} components count as cells"
        findings.append(Finding("no_iscell", 1, message))
    for key, column in QUALITY.items():
        dataset = None if estimates is None else file.dataset(estimates, key)
        if dataset is not None and dataset.shape == (n_units,) and dataset.dtype.kind in "iuf":
            columns[column] = file.read(dataset).astype(np.float64)
    return Units(tuple(str(unit) for unit in range(n_units)), columns)
