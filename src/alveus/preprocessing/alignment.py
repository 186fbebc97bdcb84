"""Samples at any times to the bins of a dataset: the mean within a bin, else the nearest sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError

ROUNDING = 1e-6  # of a bin: by so much a time may miss the edge that it means
SPARSE = 1.5  # bins between samples; beyond, samples are no bins

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Aligned:
    """Samples in bins.

    Parameters
    ----------
    values
        (n_bins, n_columns), NaN in bins without a sample.
    covered
        (n_bins,) which bins have one.
    n_outside
        Samples that lie in no bin, and near none.
    """

    values: Floats
    covered: NDArray[np.bool_]
    n_outside: int


def align(
    times: Floats,
    values: Floats,
    centres: Floats,
    bin_size: float,
    *,
    tolerance: float = 0.0,
    source: str = "data",
) -> Aligned:
    """Give each bin the mean of the samples in it, or the nearest sample where there is none.

    A bin reaches from half a bin before its centre up to half a bin after it, without that end: samples at the
    centres, and samples at the beginnings of bins, both fall into the right ones.

    Parameters
    ----------
    times
        (n_samples,) [s], ascending.
    values
        (n_samples, n_columns), finite.
    centres
        (n_bins,) [s], ascending.
    bin_size
        Width of a bin [s].
    tolerance
        How far from the centre of a bin without a sample its nearest one may lie [s].
    source
        Name of the samples, for messages.

    Returns
    -------
    Aligned

    Raises
    ------
    RecordingError
        When no bin has a sample, or samples lie too far apart to be bins and `tolerance` forbids the nearest.
    """
    edge = bin_size * (0.5 + ROUNDING)
    first = np.searchsorted(times, centres - edge, "left")
    last = np.searchsorted(times, centres + bin_size - edge, "left")
    n = last - first
    covered = n > 0
    mean = np.full((centres.size, values.shape[1]), np.nan)
    single = np.flatnonzero(n == 1)
    mean[single] = values[first[single]]
    several = np.flatnonzero(n > 1)
    if several.size:
        ends = np.column_stack([first[several], last[several]]).ravel()
        padded = np.concatenate([values, np.zeros((1, values.shape[1]))])  # so that the last end is an index
        mean[several] = np.add.reduceat(padded, ends, axis=0)[::2] / n[several, None]
    nearest = _nearest(times, centres)
    near = ~covered & (np.abs(times[nearest] - centres) <= tolerance * (1 + ROUNDING))
    mean[near] = values[nearest[near]]
    covered |= near
    _refuse_disjoint(times, centres, bin_size, covered, source)
    _refuse_sparse(times, centres, bin_size, tolerance, covered, source)
    used = np.zeros(times.size + 1, np.int64)
    np.add.at(used, first, 1)
    np.add.at(used, last, -1)
    inside = np.cumsum(used)[:-1] > 0
    inside[nearest[near]] = True
    return Aligned(mean, covered, int(np.count_nonzero(~inside)))


def _nearest(times: Floats, centres: Floats) -> NDArray[np.intp]:
    right = np.searchsorted(times, centres).clip(0, times.size - 1)
    left = (right - 1).clip(0)
    return np.where(np.abs(times[left] - centres) <= np.abs(times[right] - centres), left, right)


def _refuse_disjoint(
    times: Floats, centres: Floats, bin_size: float, covered: NDArray[np.bool_], source: str
) -> None:
    if covered.any():
        return
    raise RecordingError(
        f"{source}: none of the {times.size} samples, from {times[0]:g} to {times[-1]:g} s, lies in one of the "
        f"{centres.size} bins of {bin_size:g} s, from {centres[0]:g} to {centres[-1]:g} s: give times in seconds "
        "on the clock of the recording (`time` of the dataset)"
    )


def _refuse_sparse(
    times: Floats, centres: Floats, bin_size: float, tolerance: float, covered: NDArray[np.bool_], source: str
) -> None:
    """Refuse samples that leave out bins all along, and not only where something is missing."""
    if times.size < 2:
        return
    apart = float(np.median(np.diff(times)))
    if apart > SPARSE * bin_size and tolerance < apart / 2 * (1 - ROUNDING):
        raise RecordingError(
            f"{source}: samples are {apart:g} s apart (median) and bins {bin_size:g} s wide, so that "
            f"{np.count_nonzero(~covered)} of {centres.size} bins have none: give latents of every bin, or "
            f"give each bin its nearest sample with --tolerance {apart / 2:g}"
        )
