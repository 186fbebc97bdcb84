"""Recordings that come in frames: counts that are binned already, fluorescence, and events from it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError


@dataclass(frozen=True)
class BinnedCounts:
    """Spike counts that someone else has binned.

    Parameters
    ----------
    counts
        (n_bins, n_units) whole numbers, an array or anything that slices like one.
    bin_size
        Width of a bin [s].
    segment
        (n_bins,) number of the stretch each bin belongs to, where the bins are no continuous recording.
    """

    counts: Any
    bin_size: float
    segment: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check_frames("counts", self.counts, self.segment)
        if not (np.isfinite(self.bin_size) and self.bin_size > 0):
            raise RecordingError(f"bin_size is {self.bin_size}: give the width of a bin in seconds")


@dataclass(frozen=True)
class Traces:
    """Optical signals, one value per frame and ROI.

    Parameters
    ----------
    values
        (n_frames, n_units) real numbers.
    sampling_rate
        Frames per second [Hz].
    signal
        What the values are: raw ``fluorescence``, ΔF/F (``dff``), or deconvolved ``events``.
    neuropil
        (n_frames, n_units) surrounding fluorescence, for ``fluorescence`` only.
    segment
        (n_frames,) number of the stretch each frame belongs to.
    """

    values: Any
    sampling_rate: float
    signal: Literal["fluorescence", "dff", "events"]
    neuropil: Any | None = None
    segment: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check_frames(self.signal, self.values, self.segment)
        if not (np.isfinite(self.sampling_rate) and self.sampling_rate > 0):
            raise RecordingError(f"sampling_rate is {self.sampling_rate}: give the frames per second")
        if self.neuropil is not None and self.neuropil.shape != self.values.shape:
            raise RecordingError(
                f"fluorescence is {self.values.shape} but neuropil {self.neuropil.shape}: they must agree"
            )


def _check_frames(name: str, values: Any, segment: NDArray[np.int64] | None) -> None:
    if values.ndim != 2:
        raise RecordingError(f"{name} has {values.ndim} dimensions: it must be (time, unit)")
    if segment is not None and segment.shape != (values.shape[0],):
        raise RecordingError(f"{name} has {values.shape[0]} rows but segment {segment.shape[0]}: they must agree")
