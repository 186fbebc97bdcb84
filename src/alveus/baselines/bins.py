"""A binned dataset to its training bins in blocks, and counts to numbers of equal variance."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BLOCK_BINS = 8192
"""Bins turned into floating-point numbers at a time at the most."""

ANSCOMBE = 3 / 8
"""Makes the variance of a square-rooted Poisson count nearest to constant, down to means of about 4."""


@dataclass(frozen=True)
class TrainingBins:
    """What a baseline is fitted on.

    Parameters
    ----------
    counts
        (n_bins, n_units) all bins: whole numbers are counts, others events or traces.
    train
        (n_bins,) bins to fit on.
    segment
        (n_bins,) number of the stretch without a gap that a bin is part of; no block spans two.
    bin_size
        Width of a bin [s].
    """

    counts: NDArray[np.generic]
    train: NDArray[np.bool_]
    segment: NDArray[np.integer]
    bin_size: float

    def blocks(self, length: int = BLOCK_BINS) -> Iterator[slice]:
        """Cut the training bins into contiguous blocks of at most `length` bins."""
        return contiguous_blocks(self.train, self.segment, length)


def root(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return 2√(x + 3/8), which has a variance near 1 for Poisson counts; activity that is no count as it is.

    References
    ----------
    Anscombe (1948), Biometrika 35:246.
    """
    if np.issubdtype(counts.dtype, np.integer):
        return np.asarray(2.0 * np.sqrt(np.add(counts, ANSCOMBE, dtype=np.float64)))
    return counts.astype(np.float64)


def negative_values(activity: NDArray[np.generic]) -> str:
    """Tell how many values of activity (n_bins, n_units) are negative, and where; empty where none is.

    >>> negative_values(np.array([[0.0, -2.5], [1.0, 3.0]]))
    '1 of 4 values are negative, in 1 of 2 units, down to -2.5'
    """
    if np.issubdtype(activity.dtype, np.unsignedinteger):
        return ""
    n_negative, smallest = np.zeros(activity.shape[1], np.int64), np.inf
    for first in range(0, activity.shape[0], BLOCK_BINS):
        block = activity[first : first + BLOCK_BINS].astype(np.float64)
        n_negative += (block < 0).sum(0)
        smallest = min(smallest, block.min())
    if not n_negative.any():
        return ""
    return (
        f"{n_negative.sum()} of {activity.size} values are negative, in {(n_negative > 0).sum()} of "
        f"{activity.shape[1]} units, down to {smallest:g}"
    )


def contiguous_blocks(train: NDArray[np.bool_], segment: NDArray[np.integer], length: int) -> Iterator[slice]:
    """Cut the runs of neighbouring training bins into blocks of nearly equal size, none longer than `length`.

    >>> train, segment = np.array([1, 1, 1, 1, 0, 1, 1], bool), np.array([0, 0, 0, 0, 0, 0, 1])
    >>> list(contiguous_blocks(train, segment, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(5, 6, None), slice(6, 7, None)]
    """
    length = min(length, BLOCK_BINS)
    where = np.flatnonzero(train)
    parted = (np.diff(where) > 1) | (np.diff(segment[where]) != 0)
    for run in np.split(where, np.flatnonzero(parted) + 1):
        first, n_blocks = int(run[0]), -(-run.size // length)
        edges = [first + run.size * i // n_blocks for i in range(n_blocks + 1)]
        yield from (slice(*ends) for ends in pairwise(edges))
