"""A whole session to the few bins that a page can show: an example stretch, and a sample for scatter plots."""

import numpy as np
from numpy.typing import NDArray

TEST = 2  # code of the test part in a split


def example_bins(split: NDArray[np.int8], segment: NDArray[np.int32], n_bins: int) -> slice:
    """Choose a stretch without a gap that holds as many test bins as any, so that latents are seen held out.

    Of stretches that are equally good the one nearest to the middle of the session is taken. When no segment is
    as long as wanted, the longest is taken whole.

    Parameters
    ----------
    split
        (n_bins_total,) 0 train, 1 validation, 2 test, −1 gap.
    segment
        (n_bins_total,) number of the gapless segment each bin belongs to, ascending.
    n_bins
        Length wanted.

    Returns
    -------
    slice
        Of the session's bins.

    Examples
    --------
    >>> example_bins(np.array([0, 0, 2, 2, 0, 0]), np.zeros(6, int), 3)
    slice(1, 4, None)
    """
    split, segment = np.asarray(split), np.asarray(segment)
    if not split.size:
        return slice(0, 0)
    edges = np.flatnonzero(np.diff(segment)) + 1
    begins, ends = np.r_[0, edges], np.r_[edges, segment.size]
    n_bins = int(min(max(1, n_bins), (ends - begins).max()))
    n_test = np.r_[0, np.cumsum(split == TEST)]
    starts = np.arange(split.size - n_bins + 1)
    whole = segment[starts] == segment[starts + n_bins - 1]
    inside = np.where(whole, n_test[starts + n_bins] - n_test[starts], -1)
    best = starts[inside == inside.max()]
    start = int(best[np.argmin(np.abs(best + n_bins / 2 - split.size / 2))])
    return slice(start, start + n_bins)


def spread_bins(n_bins: int, n_points: int) -> NDArray[np.int64]:
    """Choose bins spread evenly over a session.

    >>> spread_bins(9, 3)
    array([1, 4, 7])
    """
    n_points = min(n_points, n_bins)
    return ((np.arange(n_points) + 0.5) * n_bins / max(1, n_points)).astype(np.int64)
