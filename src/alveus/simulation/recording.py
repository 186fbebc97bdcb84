"""A simulator's arrays to the recording that a reader would return."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from alveus.recording import Behavior, BinnedCounts, Recording, Traces, Trials, Truth, Units
from alveus.recording.recording import Column

Floats = NDArray[np.float64]


def bin_centres(n_bins: int, bin_size: float) -> Floats:
    """Return the centres (n_bins,) [s] of bins of a width [s] from 0 on.

    >>> bin_centres(3, 0.5)
    array([0.25, 0.75, 1.25])
    """
    return np.asarray((np.arange(n_bins) + 0.5) * bin_size, np.float64)


def smallest_counts(counts: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """Return counts in as few bytes as hold the largest."""
    return counts.astype(np.min_scalar_type(int(counts.max())))


def simulated_recording(
    simulation: str,
    activity: BinnedCounts | Traces,
    latents: Floats,
    ceiling: Floats | None,
    ceiling_name: str,
    *,
    options: Mapping[str, object],
    behavior: tuple[Behavior, ...] = (),
    trials: Trials | None = None,
    truth_spike_times: tuple[Floats, ...] | None = None,
    unit_columns: Mapping[str, Column] | None = None,
) -> Recording:
    """Put together a recording that starts at 0 and whose units are numbered.

    Parameters
    ----------
    simulation
        Name of the simulator.
    activity
        Of all bins, one after the other.
    latents, ceiling
        (n_bins, n_latents) the true ones, and the best that can be inferred of them; None where that is not known.
    ceiling_name
        How the ceiling was computed.
    options
        What the simulator was asked for, to be noted as the source.
    behavior, trials, truth_spike_times
        As in `Recording`.
    unit_columns
        As in `Units`.
    """
    if isinstance(activity, BinnedCounts):
        (n_bins, n_units), bin_size = activity.counts.shape, activity.bin_size
    else:
        (n_bins, n_units), bin_size = activity.values.shape, 1 / activity.sampling_rate
    noted = {name: str(value).lower() for name, value in options.items()}
    return Recording(
        activity=activity,
        units=Units(tuple(str(n) for n in range(n_units)), dict(unit_columns or {})),
        start=0.0,
        stop=n_bins * bin_size,
        behavior=behavior,
        trials=trials,
        truth=Truth(bin_centres(n_bins, bin_size), latents, ceiling, ceiling_name),
        truth_spike_times=truth_spike_times,
        source={"reader": "simulation", "simulation": simulation, **noted},
    )
