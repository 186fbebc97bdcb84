"""Counts and the candidates that may have made them to the posterior mean of the latents."""

import numpy as np
from numpy.typing import NDArray

VALUES_AT_ONCE = 1 << 22  # 32 MB of log posterior

Floats = NDArray[np.float64]


def posterior_mean(counts: NDArray[np.integer], expected: Floats, latents: Floats) -> Floats:
    """Average candidates' latents by how well each explains Poisson counts.

    Exact where the prior is a choice among the candidates with equal probability; an estimate of the posterior
    mean where the candidates are points drawn from the prior.

    Parameters
    ----------
    counts
        (n_observations, n_counts).
    expected
        (n_candidates, n_counts) what each candidate would have each count be, more than 0.
    latents
        (n_candidates, n_latents).

    Returns
    -------
    NDArray
        (n_observations, n_latents).
    """
    log_expected, total = np.log(expected).T, expected.sum(axis=1)
    mean = np.empty((counts.shape[0], latents.shape[1]))
    rows = max(1, VALUES_AT_ONCE // expected.shape[0])
    for first in range(0, counts.shape[0], rows):
        block = slice(first, first + rows)
        posterior = counts[block].astype(np.float64) @ log_expected
        posterior -= total  # its logarithm, up to what does not depend on the candidate
        posterior -= posterior.max(axis=1, keepdims=True)
        np.exp(posterior, out=posterior)
        posterior /= posterior.sum(axis=1, keepdims=True)
        mean[block] = posterior @ latents
    return mean
