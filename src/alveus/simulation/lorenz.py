"""A seed to spike counts of units that read out trajectories on the Lorenz attractor, trial by trial."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.recording import Behavior, BinnedCounts, Recording, Traces, Trials
from alveus.simulation.posterior import posterior_mean
from alveus.simulation.recording import bin_centres, simulated_recording
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0  # Lorenz (1963)
BIN_SIZE = 0.01  # [s], and the step of the integration in the system's own time
BURN_STEPS = 300  # steps before a trial starts, enough to fall onto the attractor
BASE_RATE = 5.0  # [Hz] of every unit where all latents are 0

Floats = NDArray[np.float64]


def lorenz(
    *, seed: int = 0, conditions: int = 65, trials: int = 20, bins: int = 100, units: int = 30
) -> Recording:
    """Simulate the Lorenz benchmark of LFADS.

    Each condition is a trajectory from a starting point drawn from N(0, I); its trials repeat it with new
    Poisson counts, in random order. Latents are centred and divided by their one largest magnitude, so the third
    is small: it varies little in the first seconds off the unstable fixed point.
    Rates are ``5 Hz · exp(z·W)`` with weights ``(U(0, 1) + 1)`` of random sign.

    The ceiling is the exact posterior mean of the latents given a trial's counts, under the true readout and the
    true prior: each of the conditions' trajectories with equal probability.

    Parameters
    ----------
    seed
        Of starting points, weights, order and counts.
    conditions, trials
        Trajectories, and repetitions of each.
    bins
        Bins of 10 ms in a trial.
    units
        Number of units.

    Returns
    -------
    Recording
        Binned counts with one segment and one trial (column ``condition``) per repetition, the first coordinate
        as behaviour ``x``, and the true latents with their ceiling.

    Raises
    ------
    SettingError
        If there would be no condition, trial or unit, or fewer than two bins.

    References
    ----------
    Pandarinath et al. (2018), Inferring single-trial neural population dynamics using sequential auto-encoders,
    Nature Methods 15.
    """
    check_sizes("lorenz", **least_sizes(seed, conditions, trials, bins, units))
    session = simulate_trials(seed, conditions, trials, bins, units)
    return session.recording(
        "lorenz",
        BinnedCounts(session.counts.reshape(-1, units), BIN_SIZE, segment=session.segment),
        f"posterior mean under the true readout and the {conditions} true trajectories",
        options={"seed": seed, "conditions": conditions, "trials": trials},
    )


@dataclass(frozen=True)
class LorenzTrials:
    """Trials in the order of the recording, before anyone looks at their spikes.

    Parameters
    ----------
    condition
        (n_trials,) which trajectory.
    counts
        (n_trials, n_bins, n_units) spikes in bins of 10 ms.
    latents, ceiling
        (n_trials, n_bins, 3) the true ones, and their posterior mean given the counts.
    """

    condition: NDArray[np.int64]
    counts: NDArray[np.uint16]
    latents: Floats
    ceiling: Floats

    @property
    def segment(self) -> NDArray[np.int64]:
        """Number of the trial of each bin, (n_trials · n_bins,)."""
        return np.repeat(np.arange(self.condition.size), self.counts.shape[1])

    def recording(
        self,
        simulation: str,
        activity: BinnedCounts | Traces,
        ceiling_name: str,
        *,
        options: Mapping[str, object],
        truth_spike_times: tuple[Floats, ...] | None = None,
    ) -> Recording:
        """Put together the recording of the trials, one after the other.

        Parameters
        ----------
        simulation
            Name of the simulator.
        activity
            Of all bins.
        ceiling_name, options, truth_spike_times
            As in `simulated_recording`.
        """
        n_trials, bins, _ = self.counts.shape
        truth = self.latents.reshape(-1, 3)
        edges = (np.arange(n_trials + 1) * (bins * BIN_SIZE)).astype(np.float64)
        return simulated_recording(
            simulation,
            activity,
            truth,
            self.ceiling.reshape(-1, 3),
            ceiling_name,
            options=options,
            behavior=(Behavior("x", bin_centres(len(truth), BIN_SIZE), truth[:, 0].copy()),),
            trials=Trials(edges[:-1], edges[1:], {"condition": self.condition.astype(np.float64)}),
            truth_spike_times=truth_spike_times,
        )


def least_sizes(seed: int, conditions: int, trials: int, bins: int, units: int) -> dict[str, tuple[float, float]]:
    """Return each option with its least value, for `check_sizes`."""
    return {
        "seed": (seed, 0),
        "conditions": (conditions, 1),
        "trials": (trials, 1),
        "bins": (bins, 2),
        "units": (units, 1),
    }


def simulate_trials(seed: int, conditions: int, trials: int, bins: int, units: int) -> LorenzTrials:
    """Draw the trials of a seed; see `lorenz`."""
    rng = generator("lorenz", seed)
    latents = _trajectories(rng.standard_normal((conditions, 3)), bins)
    latents -= latents.mean(axis=(0, 1))
    latents /= np.abs(latents).max()
    weights = (rng.random((3, units)) + 1) * rng.choice([-1.0, 1.0], size=(3, units))
    expected = BASE_RATE * BIN_SIZE * np.exp(latents @ weights)  # (condition, bin, unit) counts per bin

    condition = rng.permutation(np.repeat(np.arange(conditions), trials))
    n_trials = condition.size
    counts = np.empty((n_trials, bins, units), np.uint16)
    ceiling = np.empty((n_trials, bins, 3))
    for k in range(conditions):
        at = condition == k
        counts[at] = rng.poisson(expected[k], size=(trials, bins, units))
        ceiling[at] = _posterior_mean(counts[at], expected, latents)
    return LorenzTrials(condition, counts, latents[condition], ceiling)


def _trajectories(points: Floats, bins: int) -> Floats:
    """Integrate from each of (n, 3) points by the classical Runge-Kutta rule; return (n, bins, 3)."""
    path = np.empty((points.shape[0], bins, 3))
    h = BIN_SIZE
    for step in range(-BURN_STEPS, bins):
        k1 = _velocity(points)
        k2 = _velocity(points + h / 2 * k1)
        k3 = _velocity(points + h / 2 * k2)
        k4 = _velocity(points + h * k3)
        points = points + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        if step >= 0:
            path[:, step] = points
    return path


def _velocity(points: Floats) -> Floats:
    x, y, z = points.T
    return np.stack([SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z], axis=1)


def _posterior_mean(counts: NDArray[np.uint16], expected: Floats, latents: Floats) -> Floats:
    """Average the conditions' latents by how well each explains a trial: (trial, bin, 3)."""
    n_trials, n_conditions = counts.shape[0], expected.shape[0]
    mean = posterior_mean(
        counts.reshape(n_trials, -1), expected.reshape(n_conditions, -1), latents.reshape(n_conditions, -1)
    )
    return mean.reshape(n_trials, *latents.shape[1:])
