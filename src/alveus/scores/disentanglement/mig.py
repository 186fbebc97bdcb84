"""Information of latents about factors to the mutual information gap.

Chen, Li, Grosse & Duvenaud (2018), Isolating sources of disentanglement in variational autoencoders.
"""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.disentanglement.relation import gap

Floats = NDArray[np.float64]


def mig_per_factor(information: Floats) -> Floats:
    """Share of a factor's entropy by which the latent that tells most of it is ahead of the second.

    Parameters
    ----------
    information
        (n_latents, n_factors) as from `information`; at least two latents.

    Returns
    -------
    NDArray
        (n_factors,) from 0 to 1.
    """
    return gap(information)


def mig(information: Floats) -> float:
    """Mean over factors of `mig_per_factor`."""
    return float(gap(information).mean())
