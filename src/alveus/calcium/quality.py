"""Tells what each ROI is worth: noise, signal-to-noise ratio, skewness, saturation, and what makes it useless."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from alveus.recording.findings import Finding

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MEDIAN_OF_DIFFERENCES = 0.6744897501960817 * 2**0.5  # median |difference| of white noise with sd 1
PEAK_TIME = 1.0  # s; the peak is the level that a trace reaches for so long in total
PLATEAU = 3  # frames in a row at exactly the highest value: noise does not do that
NAMED = 10  # units that a finding names


@dataclass(frozen=True)
class Quality:
    """Numbers of whole ΔF/F traces.

    Parameters
    ----------
    noise_level
        (unit,) median |difference of neighbouring frames| / √rate [% / √Hz].
    noise_sd
        (unit,) standard deviation of white noise with these differences, in one frame [ΔF/F].
    snr
        (unit,) level that is reached for a second in total, above the median, in standard deviations of the noise;
        NaN where there is no noise.
    skewness
        (unit,) third standardised moment; 0 for noise, several for rare transients, negative for artefacts.
    """

    noise_level: Floats
    noise_sd: Floats
    snr: Floats
    skewness: Floats


def median_difference(values: Floats, starts: Integers) -> Floats:
    """Return the median |difference| of neighbouring frames of the same stretch, (unit,); NaN without any."""
    differences = np.diff(values, axis=1)
    if starts.size > 2:
        differences = np.delete(differences, starts[1:-1] - 1, axis=1)
    np.abs(differences, out=differences)
    if differences.shape[1] == 0:
        return np.full(len(values), np.nan)
    middle = differences.shape[1] // 2
    differences.partition(middle, axis=1)
    if differences.shape[1] % 2:
        return differences[:, middle].copy()
    return (differences[:, :middle].max(axis=1) + differences[:, middle]) / 2


def noise_level(median: Floats, rate: float) -> Floats:
    """Return the noise level of ΔF/F whose neighbouring frames differ by this median [% / √Hz].

    Comparable between frame rates. Recordings of populations lie around 2 to 8, good ones of single cells near 1.
    Rupprecht et al. (2021), Nat Neurosci 24:1324.
    """
    return 100 * median / np.sqrt(rate)


def measure_quality(dff: Floats, starts: Integers, rate: float) -> Quality:
    """Measure whole ΔF/F traces.

    Parameters
    ----------
    dff
        (unit, frame), finite.
    starts
        (n_stretches + 1,) first frame of each stretch, and the number of frames.
    rate
        Frames per second [Hz].

    Notes
    -----
    Differences of neighbouring frames see noise that is independent from frame to frame, and hardly the slow
    transients; of their sizes the median is robust to those that remain. Traces that were smoothed before show
    less noise than they have. Noise alone has an SNR too: the level that one frame in n reaches by chance (3.3 for
    54 000 frames at 30 Hz), so that ROIs below about 4 show no transient.
    """
    median = median_difference(dff, starts)
    sd = median / MEDIAN_OF_DIFFERENCES
    n = dff.shape[1]
    top = n - min(n, max(1, round(PEAK_TIME * rate)))
    ranked = np.partition(dff, top, axis=1)
    peak = ranked[:, top].copy()
    ranked.partition(n // 2, axis=1)
    height = peak - ranked[:, n // 2]
    snr = np.divide(height, sd, out=np.full(len(dff), np.nan), where=sd > 0)
    return Quality(noise_level(median, rate), sd, snr, _skewness(dff))


def _skewness(values: Floats) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    square = centred * centred
    variance = square.mean(axis=1)
    third = np.einsum("ut,ut->u", square, centred) / values.shape[1]
    return np.divide(third, variance**1.5, out=np.zeros(len(values)), where=variance > 0)


def count_saturated(values: Floats, dtype: DTypeLike) -> Integers:
    """Count the frames of each trace that are as bright as its detector can tell, (unit,).

    These are the frames at the ceiling of whole numbers, or else at the highest value of the trace if it is a
    plateau: held for three frames in a row somewhere, and more common than the second highest value (in a trace of
    few distinct values the highest one is rare).

    Parameters
    ----------
    values
        (unit, frame) as recorded: before neuropil is subtracted.
    dtype
        In which the source holds them.
    """
    top = values.max(axis=1)
    at_top = values == top[:, None]
    count = at_top.sum(axis=1)
    kind = np.dtype(dtype)
    limit = float(np.iinfo(kind).max) if kind.kind in "iu" else np.inf
    saturated = np.where(top == limit, count, 0)
    for unit in np.flatnonzero((top < limit) & (count >= PLATEAU)):
        if _is_plateau(values[unit], at_top[unit]):
            saturated[unit] = count[unit]
    return saturated


def _is_plateau(trace: Floats, at_top: NDArray[np.bool_]) -> bool:
    frames = np.flatnonzero(at_top)
    if not (frames[PLATEAU - 1 :] - frames[: 1 - PLATEAU] == PLATEAU - 1).any() or frames.size == trace.size:
        return False
    rest = trace[~at_top]
    return bool(frames.size > (rest == rest.max()).sum())


def refused_findings(columns: Mapping[str, NDArray[Any]], unit_ids: Sequence[str]) -> tuple[Finding, ...]:
    """Return one finding for each reason for which ROIs are refused or flagged.

    Parameters
    ----------
    columns
        With ``status`` and ``reason`` of every unit, as `to_dff` gives them.
    unit_ids
        (unit,) their ids.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for status, reason, unit in zip(columns["status"], columns["reason"], unit_ids, strict=True):
        for part in reason.split("; ") if reason else ():
            name, _, detail = part.partition(": ")
            groups.setdefault((str(status), name), []).append(f"{unit} ({detail})")
    return tuple(
        Finding(
            f"{status}_rois",
            len(units),
            f"{len(units)} of {len(unit_ids)} ROIs are {status}, {name}: {', '.join(units[:NAMED])}"
            + (f" and {len(units) - NAMED} more" if len(units) > NAMED else ""),
        )
        for (status, name), units in groups.items()
    )
