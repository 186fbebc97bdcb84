"""Counts to their principal components, fitted on training bins: the plainest competitor of any model."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.parts import TRAIN
from alveus.scores.ridge import moments, of_array

LEAST_SPREAD = 1e-6  # part of the mean: a unit that varies less is constant, and has no part in any axis


def principal_components(
    counts: NDArray[np.number], split: NDArray[np.integer], n_components: int
) -> NDArray[np.float32]:
    """Project counts onto the leading principal axes of the training bins, block by block.

    Events and ΔF/F, of which every unit has a unit of measure of its own, are brought to unit variance before.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    split
        (n_bins,).
    n_components
        How many axes.

    Returns
    -------
    NDArray
        (n_bins, n_components).

    References
    ----------
    Hotelling (1933), Analysis of a complex of statistical variables into principal components.
    """
    n_bins, n_units = counts.shape
    sums = moments(of_array(counts), n_units, np.empty((n_bins, 0)), split == TRAIN, 0, n_bins)
    mean = sums[:n_units, n_units] / sums[n_units, n_units]
    covariance = sums[:n_units, :n_units] / sums[n_units, n_units] - np.outer(mean, mean)
    if not np.issubdtype(counts.dtype, np.integer):
        sd = np.sqrt(covariance.diagonal().clip(0))
        scale = np.where(sd > LEAST_SPREAD * np.abs(mean), sd, np.inf)
    else:
        scale = np.ones(n_units)
    axes = np.linalg.eigh(covariance / np.outer(scale, scale))[1][:, ::-1][:, :n_components] / scale[:, None]
    projected = np.empty((n_bins, axes.shape[1]), np.float32)
    size = max(1, (1 << 20) // n_units)
    for start in range(0, n_bins, size):
        projected[start : start + size] = (counts[start : start + size] - mean) @ axes
    return projected
