"""Weights of units to latents: square-rooted counts times a matrix, in blocks."""

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.bins import BLOCK_BINS, root


def project_linear(
    counts: NDArray[np.generic], mean: NDArray[np.floating], axes: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the latents of bins: their rooted counts less the mean, weighted.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    mean
        (n_units,) of rooted counts.
    axes
        (n_latents, n_units).

    Returns
    -------
    NDArray
        (n_bins, n_latents), computed in float64.
    """
    mean, weights = mean.astype(np.float64), axes.astype(np.float64).T
    latents = np.empty((counts.shape[0], axes.shape[0]), np.float32)
    for first in range(0, counts.shape[0], BLOCK_BINS):
        block = slice(first, first + BLOCK_BINS)
        latents[block] = (root(counts[block]) - mean) @ weights
    return latents


def signs(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ±1 for each axis (latent, unit), which times the axis makes its largest weight positive."""
    largest = np.abs(axes).argmax(1)
    return np.asarray(np.sign(axes[np.arange(axes.shape[0]), largest]))
