"""A seed to the calcium of units that read out trajectories on the Lorenz attractor, trial by trial."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from alveus.recording import Recording, Traces
from alveus.simulation.lorenz import BIN_SIZE, least_sizes, simulate_trials
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

Floats = NDArray[np.float64]


def lorenz_calcium(
    *,
    seed: int = 0,
    conditions: int = 65,
    trials: int = 20,
    bins: int = 100,
    units: int = 30,
    tau: float = 0.3,
    noise: float = 0.2,
) -> Recording:
    """Simulate the calcium of the Lorenz benchmark of LFADS.

    The spikes are those of `lorenz` with the same seed. In frames of 10 ms, calcium decays by
    ``γ = exp(−10 ms / τ)`` and rises by 1 with each spike, ``c_t = γ c_{t−1} + s_t``, from 0 at the start of every
    trial; ΔF/F is calcium with white Gaussian noise.

    The ceiling is that of `lorenz`: the posterior mean given the spikes themselves. Traces cannot say more than
    the spikes that made them, so it bounds every method; how close one can come to it from traces is not known.

    Parameters
    ----------
    seed
        Of the trials and their spikes, of when within its frame a spike falls, and of the noise.
    conditions, trials
        Trajectories, and repetitions of each.
    bins
        Frames of 10 ms in a trial.
    units
        Number of units.
    tau
        Time constant of the decay [s].
    noise
        Standard deviation, in heights of a spike.

    Returns
    -------
    Recording
        ΔF/F with one segment and one trial (column ``condition``) per repetition, the first coordinate as
        behaviour ``x``, the true spike times, and the true latents with their bound.

    Raises
    ------
    SettingError
        If there would be no condition, trial or unit, or fewer than two frames; if tau is less than a frame or
        noise negative.

    References
    ----------
    Pandarinath et al. (2018), Inferring single-trial neural population dynamics using sequential auto-encoders,
    Nature Methods 15.
    """
    name = "lorenz_calcium"
    sizes = least_sizes(seed, conditions, trials, bins, units)
    check_sizes(name, **sizes, tau=(tau, BIN_SIZE), noise=(noise, 0))
    session = simulate_trials(seed, conditions, trials, bins, units)
    rng = generator(name, seed)
    gamma = np.exp(-BIN_SIZE / tau)
    calcium = lfilter([1.0], [1.0, -gamma], session.counts.astype(np.float64), axis=1).reshape(-1, units)
    calcium += noise * rng.standard_normal(calcium.shape)
    return session.recording(
        name,
        Traces(calcium.astype(np.float32), 1 / BIN_SIZE, "dff", segment=session.segment),
        "posterior mean given the spikes themselves, of which traces say less",
        options={"seed": seed, "conditions": conditions, "trials": trials, "tau": tau, "noise": noise},
        truth_spike_times=spike_times(session.counts.reshape(-1, units), BIN_SIZE, rng),
    )


def spike_times(counts: NDArray[np.integer], bin_size: float, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Place the spikes of each unit within their bins at random.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    bin_size
        Width of a bin [s].
    rng
        Of the places.

    Returns
    -------
    tuple of NDArray
        Per unit (n_spikes,) [s], ascending.
    """
    bins = [np.repeat(np.arange(len(counts)), column) for column in counts.T]
    return tuple(np.sort((at + rng.random(at.size)) * bin_size) for at in bins)
