"""A seed to linear mixtures of independent sources that are not Gaussian."""

import numpy as np
from numpy.typing import NDArray

from alveus.recording import Recording, Traces
from alveus.simulation.matrices import mixing_matrix
from alveus.simulation.recording import simulated_recording
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

SAMPLING_RATE = 50.0  # [Hz]

Floats = NDArray[np.float64]


def mixing(
    *, seed: int = 0, bins: int = 20_000, sources: int = 5, units: int = 20, noise: float = 0.0
) -> Recording:
    """Simulate what independent component analysis is made for.

    ``X = S·A`` with S independent Laplace sources of variance 1, white in time, and A a random well-conditioned
    matrix. It is the positive control of an MCC: sources are found up to order, sign and scale, while whitening
    leaves them rotated.

    The ceiling is the best linear estimate under the true mixing and noise: without noise the exact inverse.

    Parameters
    ----------
    seed
        Of mixing, sources and noise.
    bins
        How many, of 20 ms.
    sources, units
        How many; not fewer units than sources. More of them leave some to be held out.
    noise
        Standard deviation of Gaussian noise on every unit.

    Returns
    -------
    Recording
        Real-valued signals in the container of ΔF/F, and the true sources with their ceiling.

    Raises
    ------
    SettingError
        If there would be fewer than two bins or sources, or fewer units than sources, or if noise is negative.

    References
    ----------
    Hyvärinen & Oja (2000), Independent component analysis: algorithms and applications, Neural Networks 13.
    """
    check_sizes(
        "mixing", seed=(seed, 0), bins=(bins, 2), sources=(sources, 2), units=(units, sources), noise=(noise, 0)
    )
    rng = generator("mixing", seed)
    matrix = mixing_matrix(sources, units, rng)
    latents = rng.laplace(scale=np.sqrt(0.5), size=(bins, sources))
    observed = latents @ matrix + noise * rng.standard_normal((bins, units))
    return simulated_recording(
        "mixing",
        Traces(observed, SAMPLING_RATE, "dff"),
        latents,
        observed @ best_linear_estimate(matrix, noise),
        "best linear estimate under the true mixing and noise" if noise else "exact inverse of the true mixing",
        options={"seed": seed, "noise": noise},
    )


def best_linear_estimate(matrix: Floats, noise: float) -> Floats:
    """Return the matrix (n_units, n_sources) from signals to sources of variance 1 with the least squared error.

    Parameters
    ----------
    matrix
        (n_sources, n_units) of the mixing.
    noise
        Standard deviation of white noise on the signals.
    """
    n_sources = matrix.shape[0]
    return np.asarray(np.linalg.solve(matrix @ matrix.T + noise**2 * np.eye(n_sources), matrix).T)
