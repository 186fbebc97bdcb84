"""Turns traces into the rise and decay of their transients: those that explain them with the fewest events.

An autocovariance cannot tell a slow indicator from cells that fire in bursts, and reads the decay of bursts. Here
each pair of rise and decay on a grid is tried: events that stand out of the noise by `CLEAR` are found by the
greedy rule of order 2, and the pair is taken that leaves the least of ½ Σ (y − c)² / σ² + `PRICE` · events. Too
slow a decay leaves residuals, too fast a one needs more events to hold the calcium up; what small events fit to
noise does not count. The two numbers are a choice on simulations of nine indicators at three rates and on
recordings with known spikes, and lie on a plateau (docs/decisions/0014).
"""

import numpy as np
from numpy.typing import NDArray

from alveus.calcium.coefficients import FITTED, NO_TRANSIENTS, TimeConstants, coefficients

DECAYS = np.array([0.1, 0.16, 0.26, 0.42, 0.68, 1.1, 1.8, 2.9])  # s
RISES = np.array([0.005, 0.01, 0.02, 0.04, 0.08, 0.16])  # s
SLOWEST_RISE = 0.08  # s; what rises more slowly, and for more than `BLUR`, is a burst and no indicator
BLUR = 1.2  # frames
DEFAULT_DECAY, DEFAULT_RISE = 0.5, 0.04  # s, where no transients stand out
SHORTEST_RISE = 0.1  # frames; what rises faster, jumps
LONGEST_RISE = 0.5  # of the decay
CLEAR = 5.0  # standard deviations of the noise's correlation with a transient
PRICE = 18.75  # of an event, in the log-likelihood's unit
FEWEST_EVENTS = 3
MOST_FRAMES = 20_000  # of a trace; long ones are sampled in pieces
PIECES = 4


def find_transients(
    traces: NDArray[np.floating],
    rate: float,
    bounds: NDArray[np.int64],
    noise: NDArray[np.float64],
    rise: NDArray[np.float64] | None = None,
) -> TimeConstants:
    """Return rise and decay of each unit.

    Parameters
    ----------
    traces
        (n_units, n_frames) ΔF/F about 0 at rest, finite.
    rate
        Frames per second [Hz].
    bounds
        (n_segments + 1,) first frame of each segment, and n_frames.
    noise
        (n_units,) standard deviation of the noise.
    rise
        (n_units,) [s], where it is known.
    """
    sample, edges = _sampled(traces, bounds)
    n_units = len(traces)
    found = TimeConstants(
        np.full(n_units, DEFAULT_DECAY),
        np.full(n_units, DEFAULT_RISE) if rise is None else rise.copy(),
        np.full(n_units, NO_TRANSIENTS),
    )
    for unit in np.flatnonzero(np.isfinite(noise) & (noise > 0)):
        rises = RISES if rise is None else rise[[unit]]
        pair = _fewest_events(sample[[unit]], rate, edges, noise[[unit]], DECAYS, rises)
        if pair is not None:
            found.decay[unit], found.rise[unit], found.reason[unit] = *pair, FITTED
    if rise is None:
        np.minimum(found.rise, LONGEST_RISE * found.decay, out=found.rise)
    return found


def _fewest_events(
    trace: NDArray[np.floating],
    rate: float,
    bounds: NDArray[np.int64],
    noise: NDArray[np.float64],
    decays: NDArray[np.float64],
    rises: NDArray[np.float64],
) -> tuple[float, float] | None:
    costs: dict[tuple[int, int], float] = {}

    def cost(i: int, j: int) -> float:
        if (i, j) not in costs:
            costs[i, j] = _cost(trace, rate, bounds, noise, decays[i], rises[j])
        return costs[i, j]

    def allowed(i: int, j: int) -> bool:
        return (
            0 <= i < decays.size
            and 0 <= j < rises.size
            and rises[j] <= LONGEST_RISE * decays[i]
            and (rises.size == 1 or rises[j] <= max(SLOWEST_RISE, BLUR / rate))
            and (rises.size == 1 or rises[j] * rate >= SHORTEST_RISE)
        )

    # every second pair first, then downhill over neighbours
    coarse = [
        (i, j) for i in range(0, decays.size, 2) for j in range(1 % rises.size, rises.size, 2) if allowed(i, j)
    ]
    best = min(coarse, key=lambda pair: cost(*pair), default=None)
    if best is None:
        return None
    while True:
        i, j = best
        near = [(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1) if allowed(i + a, j + b)]
        better = min(near, key=lambda pair: cost(*pair))
        if cost(*better) >= cost(*best):
            break
        best = better
    silent = 0.5 * float(np.sum(np.square(trace, dtype=np.float64))) / noise[0] ** 2
    if silent - cost(*best) < FEWEST_EVENTS * PRICE:
        return None
    return float(decays[best[0]]), float(rises[best[1]])


def _cost(
    trace: NDArray[np.floating],
    rate: float,
    bounds: NDArray[np.int64],
    noise: NDArray[np.float64],
    decay: float,
    rise: float,
) -> float:
    from alveus.calcium.ar2 import deconvolve_ar2
    from alveus.calcium.shape import norm_of_transient

    d, r = coefficients(decay, rise, rate)
    d, r = d.reshape(1), r.reshape(1)
    norm = norm_of_transient(d, r)
    events, calcium, zero = np.empty_like(trace), np.empty_like(trace), np.zeros(1)
    deconvolve_ar2(
        trace, bounds, d, r, zero, CLEAR * noise / norm, noise, zero.copy(), False, False,
        events, calcium, np.zeros(1, np.int64),
    )  # fmt: skip
    left = np.square(trace - calcium, dtype=np.float64).sum() / noise[0] ** 2
    return float(0.5 * left + PRICE * np.count_nonzero(events))


def _sampled(
    traces: NDArray[np.floating], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Return at most `MOST_FRAMES` frames in pieces spread evenly, each a segment of its own."""
    n_frames = traces.shape[1]
    if n_frames <= MOST_FRAMES:
        return traces, bounds
    size = MOST_FRAMES // PIECES
    first = np.linspace(0, n_frames - size, PIECES).astype(np.int64)
    frames = (first[:, None] + np.arange(size)).ravel()
    cut = np.flatnonzero((np.diff(frames) != 1) | np.isin(frames[1:], bounds)) + 1
    return np.ascontiguousarray(traces[:, frames]), np.concatenate([[0], cut, [frames.size]]).astype(np.int64)
