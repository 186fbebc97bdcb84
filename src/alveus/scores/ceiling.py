"""Counts and the true latents of a simulation to what a supervised regression gets out of a window of counts."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.parts import TEST, TRAIN, VALIDATION, too_few_bins
from alveus.scores.ridge import predict_held_out
from alveus.scores.rows import Row, not_estimable
from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import r2_row, shares_of_r2

HALF_WINDOW = 0.25  # [s]
N_TENTS = 7  # overlapping triangles over the window; with the bin itself, they make it few enough numbers to fit

Floats = NDArray[np.float64]


def supervised_ceiling(
    counts: NDArray[np.number],
    segment: NDArray[np.integer],
    truth: NDArray[np.floating],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    bin_size: float,
) -> Row:
    """``truth_r2`` of a ridge regression that is shown the truth in training: what a linear method could reach.

    It sees each unit's counts in the bin and in seven triangular windows over ±0.25 s, within the segment; the
    penalty is chosen on validation bins.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    segment
        (n_bins,) stretches without a gap.
    truth
        (n_bins, n_true_latents).
    split
        (n_bins,).
    settings
        Of the interval.
    bin_size
        Width of a bin [s].

    Returns
    -------
    Row
    """
    score, target = "truth_r2", f"ceiling (supervised ridge on a ±{HALF_WINDOW:g} s window)"
    if why := too_few_bins(split):
        return not_estimable(score, why, target=target)
    kernels = _kernels(round(HALF_WINDOW / bin_size))
    n_features = len(kernels) * counts.shape[1]
    offset = truth.mean(axis=0, dtype=np.float64)
    targets = truth - offset

    def features(start: int, stop: int) -> Floats:
        return windowed(counts, segment, kernels, start, stop)

    train, validation, test = (split == part for part in (TRAIN, VALIDATION, TEST))
    predicted = predict_held_out(features, n_features, targets, train, validation, test)
    return r2_row(shares_of_r2(targets[test], predicted), settings, score, target, None)


def windowed(
    counts: NDArray[np.number], segment: NDArray[np.integer], kernels: Floats, start: int, stop: int
) -> Floats:
    """Weigh the bins around each of [start, stop) that lie in its segment.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    segment
        (n_bins,).
    kernels
        (n_kernels, 2·reach + 1) weights of the bins from −reach to reach.

    Returns
    -------
    NDArray
        (stop − start, n_kernels · n_units).
    """
    reach = kernels.shape[1] // 2
    n_bins, n_units = counts.shape
    out = np.zeros((stop - start, len(kernels), n_units))
    for lag in range(-reach, reach + 1):
        left, right = max(start, -lag), min(stop, n_bins - lag)
        if left >= right:
            continue
        same = segment[left:right] == segment[left + lag : right + lag]
        shifted = counts[left + lag : right + lag] * same[:, None]
        for k in np.flatnonzero(kernels[:, lag + reach]):
            out[left - start : right - start, k] += kernels[k, lag + reach] * shifted
    return out.reshape(stop - start, -1)


def _kernels(reach: int) -> Floats:
    """Return the bin alone and triangles with tops spread over ±reach bins, (n_kernels, 2·reach + 1)."""
    lags = np.arange(-reach, reach + 1)
    alone: Floats = np.asarray((lags == 0)[None], np.float64)
    if reach == 0:
        return alone
    tops = np.linspace(-reach, reach, min(N_TENTS, 2 * reach + 1))
    width = max(tops[1] - tops[0], 1)
    tents = np.maximum(0, 1 - np.abs(lags - tops[:, None]) / width)
    return np.asarray(np.vstack([alone, tents]), np.float64)
