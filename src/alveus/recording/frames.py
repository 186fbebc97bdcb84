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
        (n_frames, n_units) real numbers, an array or anything that slices by frames like one; `ByUnit` where the
        source keeps whole traces together.
    sampling_rate
        Frames per second [Hz].
    signal
        What the values are: raw ``fluorescence``, ΔF/F (``dff``), or deconvolved ``events``.
    neuropil
        (n_frames, n_units) surrounding fluorescence, for ``fluorescence`` only.
    segment
        (n_frames,) number of the stretch each frame belongs to; negative: of none.
    missing
        (n_frames,) frames without a signal: dropped by the microscope, or marked as bad.
    delays
        (n_units,) how long after the begin of a frame each unit is measured [s], where planes are scanned in turn.
    """

    values: Any
    sampling_rate: float
    signal: Literal["fluorescence", "dff", "events"]
    neuropil: Any | None = None
    segment: NDArray[np.int64] | None = None
    missing: NDArray[np.bool_] | None = None
    delays: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        _check_frames(self.signal, self.values, self.segment)
        if not (np.isfinite(self.sampling_rate) and self.sampling_rate > 0):
            raise RecordingError(f"sampling_rate is {self.sampling_rate}: give the frames per second")
        if self.neuropil is not None and self.neuropil.shape != self.values.shape:
            raise RecordingError(
                f"fluorescence is {self.values.shape} but neuropil {self.neuropil.shape}: they must agree"
            )
        if self.missing is not None and self.missing.shape != self.values.shape[:1]:
            raise RecordingError(
                f"{self.signal} has {self.values.shape[0]} frames but missing {self.missing.shape[0]}: "
                "they must agree"
            )
        if self.delays is not None and self.delays.shape != self.values.shape[1:]:
            raise RecordingError(
                f"{self.signal} has {self.values.shape[1]} units but delays {self.delays.shape}: they must agree"
            )


class ByUnit:
    """Traces that their source keeps whole, one after the other, seen as (n_frames, n_units).

    Parameters
    ----------
    traces
        (n_units, n_frames), an array or anything that slices like one.
    """

    def __init__(self, traces: Any) -> None:
        self._traces = traces
        self.shape: tuple[int, int] = (int(traces.shape[1]), int(traces.shape[0]))
        self.ndim, self.dtype = 2, traces.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: slice) -> NDArray[Any]:
        """Return some frames of all units, (n, n_units)."""
        return np.asarray(self._traces[:, frames]).T

    def traces(self, units: slice) -> NDArray[Any]:
        """Return some whole traces, (n, n_frames)."""
        return np.asarray(self._traces[units])

    def window(self, first: int, stop: int) -> "ByUnit":
        """Return the same traces from one frame to another."""
        return ByUnit(_Columns(self._traces, first, stop))


class _Columns:
    """Some columns of an array, read when asked for."""

    def __init__(self, rows: Any, first: int, stop: int) -> None:
        self._rows, self._first, self._stop = rows, first, stop
        self.shape, self.dtype = (rows.shape[0], stop - first), rows.dtype

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, tuple):
            return self._rows[index, self._first : self._stop]
        start, stop, step = index[1].indices(self._stop - self._first)
        return self._rows[index[0], self._first + start : self._first + stop : step]


def _check_frames(name: str, values: Any, segment: NDArray[np.int64] | None) -> None:
    if values.ndim != 2:
        raise RecordingError(f"{name} has {values.ndim} dimensions: it must be (time, unit)")
    if segment is not None and segment.shape != (values.shape[0],):
        raise RecordingError(f"{name} has {values.shape[0]} rows but segment {segment.shape[0]}: they must agree")
