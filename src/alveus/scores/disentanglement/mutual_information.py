"""Two sequences of levels to the information they share."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.disentanglement.discretise import Codes

Floats = NDArray[np.float64]


def mutual_information(joint: Floats) -> Floats:
    """Plug-in mutual information [nats] of tables of counts.

    Parameters
    ----------
    joint
        (..., n_rows, n_columns).

    Returns
    -------
    NDArray
        (...).
    """
    p = joint / joint.sum(axis=(-2, -1), keepdims=True)
    return np.asarray((p * pointwise(joint)).sum(axis=(-2, -1)))


def pointwise(joint: Floats) -> Floats:
    """``ln p(a, b) / p(a) p(b)`` of every cell; 0 in empty ones."""
    p = joint / joint.sum(axis=(-2, -1), keepdims=True)
    apart = p.sum(axis=-1, keepdims=True) * p.sum(axis=-2, keepdims=True)
    return np.log(np.where(p > 0, p, 1.0) / np.where(p > 0, apart, 1.0))


def histograms(latents: Codes, factor: Codes, levels: int, n_codes: int) -> Floats:
    """Count the joint values of a factor (n,) and each of the latents (n, n_latents).

    Returns
    -------
    NDArray
        (n_latents, levels, n_codes).
    """
    n_latents = latents.shape[1]
    cells = ((np.arange(n_latents) * levels + latents) * n_codes + factor[:, None]).ravel()
    counts = np.bincount(cells, minlength=n_latents * levels * n_codes)
    return counts.reshape(n_latents, levels, n_codes).astype(np.float64)
