"""Latents and covariates to a few bins of values, by quantiles or around the circle."""

import numpy as np
from numpy.typing import NDArray

MAX_LEVELS = 20  # as in the papers that introduced the scores
MAX_FINE_LEVELS = 50  # of a latent beside categories and arcs, whose borders its quantiles do not share
PER_CELL = 10  # time bins that an average cell of the joint histogram should hold
TAIL = 1e-3  # share of the most extreme values at either end, at least one, that are drawn in to the next

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


def n_levels(n: int) -> int:
    """Return how many levels `n` time bins suffice for, from 2 to 20.

    >>> n_levels(100), n_levels(1000), n_levels(100_000)
    (3, 10, 20)
    """
    return int(np.clip(np.sqrt(n / PER_CELL), 2, MAX_LEVELS))


def n_fine_levels(n: int, n_codes: int) -> int:
    """Return how many levels of a latent `n` time bins suffice for beside `n_codes` of a factor, from 2 to 50."""
    return int(np.clip(n / (PER_CELL * n_codes), 2, MAX_FINE_LEVELS))


def quantile_codes(values: NDArray[np.floating], levels: int, reference: NDArray[np.floating]) -> Codes:
    """Give each value the number of its quantile.

    Equal values share one, so that there can be fewer levels than asked for. Bins of equal width would not
    do: one outlier of 50 sd puts all other values into the same one.

    Parameters
    ----------
    values
        (n,) finite.
    levels
        Number of quantiles.
    reference
        (m,) finite values whose quantiles are taken.

    Returns
    -------
    NDArray
        (n,) from 0.
    """
    edges = np.unique(np.quantile(reference, np.arange(1, levels) / levels))
    return np.asarray(np.searchsorted(edges, values, side="right"), np.intp)


def winsorise(latents: NDArray[np.floating], bins: NDArray[np.intp]) -> Floats:
    """Draw the most extreme values of each latent in to the next ones.

    Parameters
    ----------
    latents
        (n_bins, n_latents), finite.
    bins
        The bins that tell what is extreme.

    Returns
    -------
    NDArray
        (n_bins, n_latents), with mean 0 and sd 1 over `bins`; 0 throughout for a constant latent.

    References
    ----------
    Dixon (1960), Simplified estimation from censored normal samples, Annals of Mathematical Statistics 31.
    """
    z = np.asarray(latents, np.float64)
    ordered = np.sort(z[bins], axis=0)
    tail = min(max(1, int(TAIL * bins.size)), (bins.size - 1) // 2)
    low, high = ordered[tail], ordered[bins.size - 1 - tail]
    z = np.clip(z, low, high)
    centre = z[bins].mean(axis=0)
    sd = z[bins].std(axis=0)
    alive = sd > 1e-6 * np.maximum(np.abs(low), np.abs(high))  # below, float32 holds rounding alone
    return np.asarray(np.where(alive, (z - centre) / np.where(alive, sd, 1.0), 0.0))
