"""The time series of an NWB file to behavioural variables; raw voltage, images and cells are left out."""

import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from alveus.io.cleaning.behavior import MOST_COMPONENTS
from alveus.io.files.hdf5 import Hdf5File
from alveus.io.found import Series
from alveus.recording import Finding

PLACES = ("processing", "acquisition")
DEEPEST = 5  # module / interface / series is 3; a file that nests deeper is made to confuse
MOST_VALUES = 10_000_000  # 1 kHz for 2.8 h; more is a raw signal, and 80 MB of memory
NOT_BEHAVIOR = {
    "ElectricalSeries", "SpikeEventSeries", "DecompositionSeries", "PatchClampSeries", "VoltageClampSeries",
    "CurrentClampSeries", "VoltageClampStimulusSeries", "CurrentClampStimulusSeries", "IZeroClampSeries",
    "ImageSeries", "OpticalSeries", "IndexSeries", "ImageMaskSeries", "OnePhotonSeries", "TwoPhotonSeries",
    "RoiResponseSeries", "OptogeneticSeries", "IntervalSeries", "AnnotationSeries", "CorrectedImageStack",
}  # fmt: skip


def find_series(file: Hdf5File) -> tuple[list[Series], list[str], list[Finding]]:
    """Find the behavioural variables.

    Returns
    -------
    series, offered, findings
        The variables with ``conversion`` and ``offset`` applied, named like their series, with the path before
        it where two share a name; names of those left out for their size or shape; and why.
    """
    groups = [
        (path, group)
        for path, group in time_series(file)
        if file.attribute(group, "neurodata_type") not in NOT_BEHAVIOR and "rois" not in group
    ]
    names = [path.rpartition("/")[2] for path, _ in groups]
    series, offered, findings = [], [], []
    for (path, group), short in zip(groups, names, strict=True):
        name = short if names.count(short) == 1 else path
        reason = _unsuitable(file, group)
        found = None if reason else _read(file, group, name)
        if found is not None:
            series.append(found)
            continue
        offered.append(name)
        findings.append(
            Finding("left_out_behavior", 1, f"{file.path.name}/{path} {reason or 'has no times'}: left out")
        )
    return series, offered, findings


def time_series(file: Hdf5File) -> Iterator[tuple[str, h5py.Group]]:
    """Yield path and group of every time series that was acquired or computed."""
    for place in PLACES:
        yield from _groups(file, place, DEEPEST, set())


def _groups(file: Hdf5File, path: str, depth: int, seen: set[int]) -> Iterator[tuple[str, h5py.Group]]:
    """Yield the time series below a path, each once even where links run in circles."""
    group = file.group(path)
    if group is None or depth == 0:
        return
    address = int(h5py.h5o.get_info(group.id).addr)
    if address in seen:
        return
    seen.add(address)
    if "data" in group and ("timestamps" in group or "starting_time" in group):
        yield path, group
        return
    for name in group:
        yield from _groups(file, f"{path}/{name}", depth - 1, seen)


def _unsuitable(file: Hdf5File, group: h5py.Group) -> str:
    data = file.dataset(group, "data")
    if data is None or not data.shape:
        return "has no data"
    if h5py.check_string_dtype(data.dtype) is None and data.dtype.kind not in "biufS":
        return f"holds values of type {data.dtype}"
    if data.ndim > 2 or (data.ndim == 2 and data.shape[1] > MOST_COMPONENTS):
        return f"has shape {data.shape}, more than {MOST_COMPONENTS} components"
    if math.prod(data.shape) > MOST_VALUES:
        return f"has {math.prod(data.shape)} values, more than {MOST_VALUES}: a raw signal"
    return ""


def _read(file: Hdf5File, group: h5py.Group, name: str) -> Series | None:
    data = file.dataset(group, "data")
    if data is None:
        return None
    times = times_of(file, group, int(data.shape[0]))
    if times is None:
        return None
    values: NDArray[Any] = file.read(data)
    scale, shift = scale_of(file, data)
    if values.dtype.kind in "iuf" and (scale, shift) != (1.0, 0.0):
        values = values * scale + shift
    unit = file.attribute(data, "unit")
    return Series(name, times, values, unit if isinstance(unit, str) else "")


def scale_of(file: Hdf5File, data: h5py.Dataset) -> tuple[float, float]:
    """Return what stored values are multiplied with, and what is then added."""
    conversion, offset = file.attribute(data, "conversion"), file.attribute(data, "offset")
    return (
        conversion if isinstance(conversion, float) else 1.0,
        offset if isinstance(offset, float) else 0.0,
    )


def times_of(file: Hdf5File, group: h5py.Group, n_samples: int) -> NDArray[np.float64] | None:
    """Return the time [s] of each sample of a time series, or None where the file gives none."""
    timestamps = file.dataset(group, "timestamps")
    if timestamps is not None:
        return file.read(timestamps)
    start = file.dataset(group, "starting_time")
    rate = None if start is None else file.attribute(start, "rate")
    if (
        start is None
        or start.shape != ()
        or start.dtype.kind not in "iuf"
        or not isinstance(rate, float)
        or not rate > 0
    ):
        return None
    return float(file.read(start)) + np.arange(n_samples) / rate
