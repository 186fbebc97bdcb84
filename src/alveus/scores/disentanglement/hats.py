"""Latents to piecewise linear functions of each, for regressions that may bend."""

import numpy as np
from numpy.typing import NDArray

KNOTS = 8  # of each latent, at its quantiles

Floats = NDArray[np.float64]


def knots_of(latent: Floats) -> Floats:
    """Distinct quantiles (n_knots,) from the least value to the largest; one for a constant."""
    return np.unique(np.quantile(latent, np.linspace(0, 1, KNOTS)))


def hats(latent: Floats, knots: Floats) -> Floats:
    """Evaluate functions that are 1 at one knot, 0 at all others, linear between and constant outside.

    Parameters
    ----------
    latent
        (n,).
    knots
        (n_knots,) ascending.

    Returns
    -------
    NDArray
        (n, n_knots); each row sums to 1. A B-spline basis of degree 1.

    Examples
    --------
    >>> hats(np.array([0.0, 0.25, 9.0]), np.array([0.0, 1.0, 2.0]))
    array([[1.  , 0.  , 0.  ],
           [0.75, 0.25, 0.  ],
           [0.  , 0.  , 1.  ]])
    """
    basis = np.zeros((latent.size, knots.size))
    rows = np.arange(latent.size)
    if knots.size == 1:
        basis[:] = 1.0
        return basis
    left = np.clip(np.searchsorted(knots, latent, side="right") - 1, 0, knots.size - 2)
    share = np.clip((latent - knots[left]) / (knots[left + 1] - knots[left]), 0.0, 1.0)
    basis[rows, left] = 1 - share
    basis[rows, left + 1] = share
    return basis
