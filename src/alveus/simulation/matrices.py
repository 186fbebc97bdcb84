"""Numbers of sources and units to a random matrix that mixes the one into the other and can be undone."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 200  # enough to know the quartile of the condition numbers
WELL_CONDITIONED = 25  # percent: the share of draws that is good enough


def mixing_matrix(n_sources: int, n_units: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a matrix (n_sources, n_units) with entries U(−1, 1) and columns of unit length.

    Of several draws it is the first whose condition number is in the lowest quarter.

    References
    ----------
    Khemakhem et al. (2020), Variational autoencoders and nonlinear ICA: a unifying framework, AISTATS; the rule is
    that of their simulations, after Hyvärinen & Morioka (2016), NeurIPS.
    """
    matrices = rng.uniform(-1, 1, (DRAWS, n_sources, n_units))
    matrices /= np.linalg.norm(matrices, axis=1, keepdims=True)
    conditions = np.linalg.cond(matrices)
    return np.asarray(matrices[np.argmax(conditions <= np.percentile(conditions, WELL_CONDITIONED))])
