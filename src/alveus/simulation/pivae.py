"""A seed to spike counts of units that read out two latents, given a circular label, through a random flow."""

import numpy as np
from numpy.typing import NDArray

from alveus.recording import Behavior, BinnedCounts, Recording
from alveus.simulation.flow import CouplingFlow
from alveus.simulation.posterior import posterior_mean
from alveus.simulation.recording import bin_centres, simulated_recording, smallest_counts
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

BIN_SIZE = 0.02  # [s]
PERIOD = 2 * np.pi  # of the label
LOG_RATE_LIMIT = 2.2  # a unit expects between exp(−2.2) and exp(2.2) spikes in a bin
LOG2_POINTS = 12  # 4096 of the prior: four times as many move the R² of the ceiling by less than 0.001

Floats = NDArray[np.float64]


def pivae(*, seed: int = 0, bins: int = 15_000, units: int = 100) -> Recording:
    """Simulate the continuous-label benchmark of pi-VAE.

    A label ``u ~ U(0, 2π)``, white in time, says where the latents are:
    ``z ~ N((u, 2 sin u), diag(0.6 − 0.3|sin u|, 0.3|sin u|))``, and ``x_n ~ Poisson(exp(2.2 tanh f_n(z)))`` with f
    a flow of affine couplings with random weights. What the label alone says of the latents is an R² of 0.90.

    The ceiling is the posterior mean of the latents of each bin under the true readout and the true prior without
    the label, as a method has it that infers latents from counts alone.

    Parameters
    ----------
    seed
        Of the flow, labels, latents and counts.
    bins, units
        How many.

    Returns
    -------
    Recording
        Binned counts, the label as circular behaviour ``u`` of period 2π, and the true latents with their ceiling.

    Raises
    ------
    SettingError
        If there would be fewer than two bins or four units.

    References
    ----------
    Zhou & Wei (2020), Learning identifiable and interpretable latent models of high-dimensional neural activity
    using pi-VAE, NeurIPS.
    """
    check_sizes("pivae", seed=(seed, 0), bins=(bins, 2), units=(units, 4))
    rng = generator("pivae", seed)
    flow = CouplingFlow(units, rng)
    label = rng.uniform(0, PERIOD, bins)
    latents = latents_given(label, rng.standard_normal((bins, 2)))
    counts = rng.poisson(expected_counts(flow, latents))
    candidates = points_of_the_prior()
    return simulated_recording(
        "pivae",
        BinnedCounts(smallest_counts(counts), BIN_SIZE),
        latents,
        posterior_mean(counts, expected_counts(flow, candidates), candidates),
        f"posterior mean under the true readout and prior, without the label ({len(candidates)} points of it)",
        options={"seed": seed},
        behavior=(Behavior("u", bin_centres(bins, BIN_SIZE), label, "circular", PERIOD),),
    )


def latents_given(label: Floats, standard: Floats) -> Floats:
    """Turn labels (n,) and standard normal numbers (n, 2) into latents (n, 2)."""
    sine = np.sin(label)
    mean = np.stack([label, 2 * sine], axis=1)
    variance = np.stack([0.6 - 0.3 * np.abs(sine), 0.3 * np.abs(sine)], axis=1)
    return np.asarray(mean + np.sqrt(variance) * standard)


def expected_counts(flow: CouplingFlow, latents: Floats) -> Floats:
    """Return the spikes expected per bin, (n, n_units), of latents (n, 2)."""
    return np.asarray(np.exp(LOG_RATE_LIMIT * np.tanh(flow(latents))))


def points_of_the_prior() -> Floats:
    """Return latents (n_points, 2) that fill the prior p(z) = ∫ p(z|u) p(u) du evenly, the same every time.

    A Sobol sequence in (u, and two numbers that become standard normal).
    """
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol  # takes most of a second to import

    corners = Sobol(3, scramble=False).random_base2(LOG2_POINTS)
    centres = corners + 0.5 / len(corners)  # none at 0, which is infinitely far out
    return latents_given(PERIOD * centres[:, 0], ndtri(centres[:, 1:]))
