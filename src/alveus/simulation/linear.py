"""A seed to spike counts whose log rates are linear in a few independent Gaussian latents."""

import numpy as np
from numpy.typing import NDArray

from alveus.recording import BinnedCounts, Recording
from alveus.simulation.recording import simulated_recording, smallest_counts
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

BIN_SIZE = 0.02  # [s]
BASE_RATE = 55.0  # [Hz] where all latents are 0: dense enough that a single bin says something about them
VARIANCES = (8.0, 4.0, 2.0, 1.0)
NEWTON_TOLERANCE = 1e-9  # largest change of a latent in the last step
MAX_NEWTON_STEPS = 50
MAX_LOG_RATE_STEP = 1.5  # a longer Newton step in log rate can overshoot: exp is far from its parabola there

Floats = NDArray[np.float64]


def linear(*, seed: int = 0, bins: int = 20_000, units: int = 60, equal_variances: bool = False) -> Recording:
    """Simulate independent latents, white in time, read out log-linearly.

    ``z_j ~ N(0, λ_j)`` with λ = 8, 4, 2, 1; ``x_n ~ Poisson(1.1 · exp(z·w_n))`` in bins of 20 ms with
    ``w ~ N(0, 1/n_units)``. With equal variances (their mean, 3.75) nothing but chance marks the axes.

    The ceiling is the most probable latent of each bin under the true readout and prior.

    Parameters
    ----------
    seed
        Of latents, weights and counts.
    bins, units
        How many.
    equal_variances
        The control in which the axes are not identifiable.

    Returns
    -------
    Recording
        Binned counts, with the true latents and their ceiling.

    Raises
    ------
    SettingError
        If there would be fewer than two bins or no unit.
    """
    check_sizes("linear", seed=(seed, 0), bins=(bins, 2), units=(units, 1))
    rng = generator("linear", seed)
    variances = np.full(len(VARIANCES), np.mean(VARIANCES)) if equal_variances else np.asarray(VARIANCES)
    latents = rng.standard_normal((bins, variances.size)) * np.sqrt(variances)
    weights = rng.standard_normal((variances.size, units)) / np.sqrt(units)
    base = BASE_RATE * BIN_SIZE
    counts = rng.poisson(base * np.exp(latents @ weights))
    return simulated_recording(
        "linear",
        BinnedCounts(smallest_counts(counts), BIN_SIZE),
        latents,
        most_probable_latents(counts, weights, base, variances),
        "MAP under the true readout and prior",
        options={"seed": seed, "equal_variances": equal_variances},
    )


def most_probable_latents(counts: NDArray[np.int64], weights: Floats, base: float, variances: Floats) -> Floats:
    """Find the mode of p(z | x) in every bin for a log-linear Poisson readout and a Gaussian prior.

    The log posterior is concave, so Newton's method finds its one mode.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    weights
        (n_latents, n_units) change of log rate per unit of latent.
    base
        Expected counts per bin where all latents are 0.
    variances
        (n_latents,) of the prior.

    Returns
    -------
    NDArray
        (n_bins, n_latents).
    """
    n_latents, n_units = weights.shape
    latents = np.zeros((counts.shape[0], n_latents))
    products = (weights[:, None] * weights[None]).reshape(-1, n_units).T  # (unit, latent · latent)
    precision = np.diag(1 / variances)
    for _ in range(MAX_NEWTON_STEPS):
        rate = base * np.exp(latents @ weights)
        gradient = (counts - rate) @ weights.T - latents / variances
        hessian = (rate @ products).reshape(-1, n_latents, n_latents) + precision
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        length = np.abs(step @ weights).max(axis=1, keepdims=True)
        step *= np.minimum(1, MAX_LOG_RATE_STEP / np.maximum(length, np.finfo(float).tiny))
        latents += step
        if np.abs(step).max() < NEWTON_TOLERANCE:
            break
    return latents
