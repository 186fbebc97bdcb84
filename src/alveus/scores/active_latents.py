"""Posterior means and prior variances to the number of latents that depend on the data."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.rows import Row

ACTIVE_SHARE = 0.01  # of the prior variance that a latent's posterior mean must vary by (Burda et al.)


def is_active(mean: NDArray[np.floating], prior_variance: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell, for each latent, whether ``Var_x(E_q[z_j|x]) / λ_j`` exceeds 0.01.

    Parameters
    ----------
    mean
        (n_bins, n_latents) posterior means.
    prior_variance
        (n_latents,) λ.

    Returns
    -------
    NDArray
        (n_latents,).
    """
    return np.asarray(mean.var(axis=0, dtype=np.float64) / prior_variance > ACTIVE_SHARE)


def active_latents(mean: NDArray[np.floating], prior_variance: NDArray[np.floating], *, seed: int) -> Row:
    """Count the latents whose posterior mean depends on the data.

    Parameters
    ----------
    mean
        (n_bins, n_latents) posterior means of held-out bins.
    prior_variance
        (n_latents,).
    seed
        Of the fit.

    Returns
    -------
    Row

    References
    ----------
    Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders; scaled by the prior's variance.
    """
    n_active = int(is_active(mean, prior_variance).sum())
    return Row("active_latents", "", seed, float(n_active), note=f"of {mean.shape[1]} latents")
