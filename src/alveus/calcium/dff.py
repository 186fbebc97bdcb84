"""Turns blocks of fluorescence into ΔF/F, and says of every ROI what it is worth or why it is refused."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.calcium.baseline import baseline
from alveus.calcium.missing import Stretches, mend
from alveus.calcium.neuropil import check_shapes, subtract_neuropil
from alveus.calcium.quality import Quality, count_saturated, measure_quality, median_difference, noise_level
from alveus.config.preprocess import Preprocess
from alveus.errors import RecordingError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOISIEST = 30.0  # % / √Hz; populations are mostly below 10: with more noise, F0 is hardly the light of a cell
MOST_SATURATED = 0.5  # part of the frames; with more the median itself is a lower bound
MOST_DIM = 0.01  # part of the frames in which F0 may be smaller than that allows, as when a shutter closes
VALUES_PER_TILE = 1 << 16  # 0.5 MB: what is worked on at a time stays in the processor's cache

COLUMNS = (
    "noise_level",
    "noise_sd",
    "snr",
    "skewness",
    "baseline",
    "saturated",
    "interpolated",
    "status",
    "reason",
)


@dataclass(frozen=True)
class Dff:
    """ΔF/F of some ROIs.

    Parameters
    ----------
    values
        (unit, frame) float32; 0 in frames of no stretch, NaN throughout where a ROI is refused.
    columns
        By name, (unit,): ``noise_level`` [% / √Hz], ``noise_sd`` [ΔF/F], ``snr``, ``skewness`` (see `Quality`);
        ``baseline``, the median F0 in the units of the source, NaN for ΔF/F; ``saturated`` and ``interpolated``
        frames; ``status``, one of kept, flagged, refused; ``reason`` in words, "" for kept.
    """

    values: NDArray[np.float32]
    columns: dict[str, NDArray[Any]]

    @property
    def refused(self) -> NDArray[np.bool_]:
        """(unit,) ROIs that cannot be used."""
        return np.asarray(self.columns["status"] == "refused")


def to_dff(
    block: NDArray[Any],
    signal: Literal["fluorescence", "dff"],
    rate: float,
    stretches: Stretches,
    settings: Preprocess,
    neuropil: NDArray[Any] | None = None,
    out: NDArray[np.float32] | None = None,
) -> Dff:
    """Turn whole traces of some ROIs into ΔF/F.

    Fluorescence: interpolate what is missing, subtract neuropil, find the baseline F0, (F − F0) / F0. ΔF/F that
    comes as such is mended and measured only. A ROI's result does not depend on which block it is in.

    Parameters
    ----------
    block
        (unit, frame) of any real type.
    signal
        What the values are.
    rate
        Frames per second [Hz].
    stretches
        Of the recording, from `find_stretches`.
    settings
        Of which `neuropil`, `baseline` and `max_missing` are used.
    neuropil
        (unit, frame) surrounding fluorescence.
    out
        (unit, frame) where to put the result; may be `block`.

    Returns
    -------
    Dff

    Raises
    ------
    RecordingError
        When shapes contradict each other.
    SettingError
        When a window of the baseline is shorter than three frames.

    Notes
    -----
    Beside `block` and the result, memory holds about seven float64 copies of one trace, or of half a MB of them.
    No part holds the lock of the interpreter for long: blocks may run in threads.
    """
    n_units, n_frames = block.shape
    if n_frames != stretches.segment.size:
        n = stretches.segment.size
        raise RecordingError(f"{signal} has {n_frames} frames but segment {n}: they must agree")
    if neuropil is not None:
        check_shapes(block.shape, neuropil.shape)
    values = np.empty(block.shape, np.float32) if out is None else out
    tile = max(1, VALUES_PER_TILE // max(1, n_frames))
    parts = []
    for first in range(0, n_units, tile):
        units = slice(first, first + tile)
        around = None if neuropil is None or settings.neuropil == 0 else neuropil[units]
        dff, part = _tile(block[units], around, signal, rate, stretches, settings)
        dff[part["status"] == "refused"] = np.nan
        if stretches.n_recorded < n_frames:
            values[units] = np.where(part["status"] == "refused", np.nan, 0)[:, None]
        values[units, stretches.frames] = dff
        parts.append(part)
    return Dff(values, {name: np.concatenate([_none(name), *(p[name] for p in parts)]) for name in COLUMNS})


def _none(name: str) -> NDArray[Any]:
    """Return a column of no unit: blocks without units have columns of the right type."""
    types = {"saturated": "i8", "interpolated": "i8", "status": "U7", "reason": "U1"}
    return np.empty(0, np.dtype(types.get(name, "f8")))


def _tile(
    block: NDArray[Any],
    neuropil: NDArray[Any] | None,
    signal: str,
    rate: float,
    stretches: Stretches,
    settings: Preprocess,
) -> tuple[Floats, dict[str, NDArray[Any]]]:
    """Return ΔF/F of the recorded frames of a few ROIs, (unit, recorded frame), and their columns."""
    starts = stretches.starts
    values = stretches.take(block)
    interpolated, refused = mend(values, starts, settings.max_missing)
    _refuse_constant(values, refused)
    saturated = count_saturated(values, block.dtype)
    notes = [_saturation(unit, int(n), values.shape[1], refused) for unit, n in enumerate(saturated)]
    level = np.full(len(values), np.nan)
    if signal == "fluorescence":
        if neuropil is not None:
            around = stretches.take(neuropil)
            more, reasons = mend(around, starts, settings.max_missing)
            interpolated += more
            refused = [one or (other and f"neuropil {other}") for one, other in zip(refused, reasons, strict=True)]
            subtract_neuropil(values, around, settings.neuropil)
            _refuse_constant(values, refused)
        rest = baseline(values, starts, rate, settings.baseline)
        level = _median(rest)
        dim = divide_by_baseline(values, rest, starts, rate)
        for unit, n in enumerate(dim):
            _judge_baseline(unit, int(n), level[unit], values.shape[1], refused, notes)
    quality = measure_quality(values, starts, rate)
    for unit, n in enumerate(interpolated):
        if n:
            notes[unit].append(f"interpolated: {n} frames without a value")
        if not quality.noise_sd[unit] > 0:
            notes[unit].append("no noise: most frames repeat the one before, as if denoised or rounded")
    return values, _columns(quality, level, saturated, interpolated, refused, notes)


def divide_by_baseline(values: Floats, rest: Floats, starts: Integers, rate: float) -> Integers:
    """Turn F into (F − F0) / F0, in place, and count the frames of each trace whose F0 is too small, (unit,).

    F0 is too small if it is not positive, or if the noise level of ΔF/F would be above `NOISIEST` with it. Such
    frames are divided by the smallest F0 that is allowed, so that nothing is ever divided by nearly nothing (the
    Allen Institute's pipeline has a guard of this kind, max(F0, noise)).

    Parameters
    ----------
    values
        (unit, frame) F, changed into ΔF/F.
    rest
        (unit, frame) F0; used up as scratch memory.
    starts
        (n_stretches + 1,) first frame of each stretch, and the number of frames.
    rate
        Frames per second [Hz].
    """
    noise = np.nan_to_num(median_difference(values, starts))
    largest = np.maximum(values.max(axis=1), -values.min(axis=1))
    least = np.maximum(noise_level(noise, rate) / NOISIEST, largest * np.finfo(np.float32).eps)
    least = np.maximum(least, np.finfo(np.float64).tiny)[:, None]  # traces of zeros only
    dim = (rest < least).sum(axis=1)
    values -= rest
    np.maximum(rest, least, out=rest)
    values /= rest
    return np.asarray(dim)


def _judge_baseline(
    unit: int, dim: int, level: float, n_frames: int, refused: list[str], notes: list[list[str]]
) -> None:
    if dim > MOST_DIM * n_frames:
        refused[unit] = refused[unit] or (
            f"baseline: F0 is not positive, or too small against the noise, in {dim / n_frames:.0%} of the frames "
            f"(its median is {level:.4g}): no ΔF/F can be had. Is an offset of the detector subtracted twice, or "
            "the part of the neuropil too large for this ROI?"
        )
    elif dim:
        notes[unit].append(f"dim: in {dim} frames F0 is not positive or too small and a larger one is used")


def _refuse_constant(values: Floats, refused: list[str]) -> None:
    low, high = values.min(axis=1), values.max(axis=1)
    for unit in np.flatnonzero(low == high):
        refused[unit] = refused[unit] or f"constant: every frame is {low[unit]:.6g}"


def _saturation(unit: int, n: int, n_frames: int, refused: list[str]) -> list[str]:
    if n == 0:
        return []
    sentence = f"saturated: {n} frames ({n / n_frames:.2%}) are as bright as can be told"
    if n > MOST_SATURATED * n_frames:
        refused[unit] = refused[unit] or f"{sentence}: its light at rest is unknown"
    return [sentence]


def _median(values: Floats) -> Floats:
    middle = values.shape[1] // 2
    return np.partition(values, middle, axis=1)[:, middle].copy()


def _columns(
    quality: Quality,
    level: Floats,
    saturated: Integers,
    interpolated: Integers,
    refused: list[str],
    notes: list[list[str]],
) -> dict[str, NDArray[Any]]:
    useless = np.array([bool(reason) for reason in refused])
    status = np.where(useless, "refused", np.where([bool(note) for note in notes], "flagged", "kept"))
    numbers = {
        "noise_level": quality.noise_level,
        "noise_sd": quality.noise_sd,
        "snr": quality.snr,
        "skewness": quality.skewness,
        "baseline": level,
    }
    return {
        **{name: np.where(useless, np.nan, column) for name, column in numbers.items() if name != "baseline"},
        "baseline": level,
        "saturated": saturated,
        "interpolated": interpolated,
        "status": status.astype("U7"),
        "reason": np.array([reason or "; ".join(note) for reason, note in zip(refused, notes, strict=True)]),
    }
