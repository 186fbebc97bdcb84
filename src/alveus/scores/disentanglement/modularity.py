"""Information of latents about factors to how far each latent tells of one factor alone.

Ridgeway & Mozer (2018), Learning deep disentangled embeddings with the F-statistic loss.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def modularity_per_latent(information: Floats) -> Floats:
    """One less the squared information about other factors, relative to telling of all equally much.

    Parameters
    ----------
    information
        (n_latents, n_factors), 0 where it is not to be believed; at least two factors.

    Returns
    -------
    NDArray
        (n_latents,) from 0 to 1; NaN for a latent that tells of no factor.

    Examples
    --------
    >>> modularity_per_latent(np.array([[0.8, 0.0], [0.5, 0.5], [0.0, 0.0]]))
    array([ 1.,  0., nan])
    """
    squared = information**2
    best = squared.max(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(1 - (squared.sum(axis=1) - best) / (best * (information.shape[1] - 1)))


def modularity(information: Floats) -> float:
    """Mean over latents that tell of a factor; 0 without any."""
    found = modularity_per_latent(information)
    return float(np.nanmean(found)) if np.isfinite(found).any() else 0.0
