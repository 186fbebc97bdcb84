"""Turns ΔF/F into its slow resting level: a running low quantile, so that events stand on calcium at rest.

A penalty and a baseline that are found together are nearly the same thing to the pools (both lower the calcium of
every frame by as much), and where a cell fires often the baseline then swallows events. A level from the trace's
own lower part does not.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alveus.calcium.noise import noise_level

MEANS_PER_SECOND = 5.0  # frames are averaged first: less noise, fewer numbers
QUANTILE = 0.1
BELOW_CENTRE = 1.2816  # standard deviations from the 10 % quantile of a normal distribution to its centre


def resting_level(
    traces: NDArray[np.floating], rate: float, bounds: NDArray[np.int64], window: float
) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Return the running 10 % quantile of means of frames, and how far below the centre of the noise it lies.

    Parameters
    ----------
    traces
        (n_units, n_frames) ΔF/F, finite.
    rate
        Frames per second [Hz].
    bounds
        (n_segments + 1,) first frame of each segment, and n_frames; gaps are stepped over.
    window
        Width of the running window [s].

    Returns
    -------
    level
        (n_units, n_frames), of the traces' type.
    below
        (n_units,) distance from the level to the centre of the noise of resting calcium, ΔF/F.
    """
    from scipy.ndimage import gaussian_filter1d, percentile_filter

    from alveus.calcium.lags import means_of_frames

    per_mean = max(1, int(rate / MEANS_PER_SECOND))
    width = max(3, round(window * rate / per_mean))
    level, below = np.empty_like(traces), np.zeros(len(traces))
    places = np.concatenate(
        [a + per_mean * (np.arange((b - a) // per_mean) + 0.5) - 0.5 for a, b in pairwise(bounds)]
    )
    frames = np.arange(traces.shape[1])
    for unit, trace in enumerate(traces):
        if places.size < width // 2:  # too short for anything but one number
            level[unit] = np.quantile(trace, QUANTILE)
            continue
        means, _ = means_of_frames(trace, bounds, per_mean)
        low = percentile_filter(means, 100 * QUANTILE, width, mode="nearest")
        level[unit] = np.interp(frames, places, gaussian_filter1d(low, width / 4))
        spread = noise_level(means[None])[0]
        below[unit] = BELOW_CENTRE * spread if np.isfinite(spread) else 0.0
    return level, below
