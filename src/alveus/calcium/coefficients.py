"""Turns time constants, given or read off the data, into the coefficients of autoregressive calcium.

A transient that rises with τ_r and decays with τ_d is h(t) = exp(−t/τ_d) − exp(−t/τ_r), which obeys
c_t = (d + r) c_{t−1} − d r c_{t−2} + s_t with d = exp(−Δ/τ_d) and r = exp(−Δ/τ_r). Both roots are real and lie
in [0, 1), so that the calcium neither grows nor swings, whatever the data.

The autocovariance of such calcium at a lag t is A (τ_d exp(−t/τ_d) − τ_r exp(−t/τ_r)) for events that come
independently. White noise adds to lag 0 only, so lag 0 is left out; the mean, slow drift and slow changes of rate
add what hardly depends on the lag, so a constant is fitted beside A. Means of q frames have the autocovariance of
single ones but for a factor: long lags are read off such means.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.errors import SettingError

DECAYS = np.geomspace(0.03, 8.0, 113)  # s, tried; what lies between is interpolated
RISES = np.concatenate([[0.0], np.geomspace(0.003, 0.5, 40)])  # s
LONGEST_LAG = 6.0  # s
ROUGH_RATE = 15.0  # Hz of the means that decays are read off
LAGS_PER_DECAY = 3.0  # of the lags used, in decays
FEWEST_LAGS = 5
CLEAR = 5.0  # the covariance of neighbours in white noise's standard deviations, for transients to be there

FITTED, NO_TRANSIENTS, AT_BOUND, TOO_SHORT, OF_ORDER_1, AS_EXPECTED = range(6)
REASONS = {
    FITTED: "",
    NO_TRANSIENTS: "no transients stand out of the noise: the default time constant is used",
    AT_BOUND: "the autocovariance does not decay like an indicator: the default time constant is used",
    TOO_SHORT: "too few frames to read a time constant off: the default one is used",
    AS_EXPECTED: "no transients stand out of the noise: the time constant that the source states is used",
    OF_ORDER_1: "no transients stand out of the noise: order 1, with the decay of the autocovariance",
}


@dataclass(frozen=True)
class TimeConstants:
    """Time constants of each unit.

    Parameters
    ----------
    decay, rise
        (n_units,) [s]; a rise of 0 is a jump.
    reason
        (n_units,) `FITTED`, or why the default was taken (`REASONS`).
    """

    decay: NDArray[np.float64]
    rise: NDArray[np.float64]
    reason: NDArray[np.int64]


def coefficients(
    decay: NDArray[np.float64] | float, rise: NDArray[np.float64] | float, rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the roots d and r of the autoregressive process: g1 = d + r, g2 = −d r; of order 1 where r is 0.

    Parameters
    ----------
    decay, rise
        τ_d and τ_r [s]; a rise of 0 is a jump.
    rate
        Frames per second [Hz].

    Raises
    ------
    SettingError
        When a time constant is not positive, or the rise not shorter than the decay.

    Examples
    --------
    >>> d, r = coefficients(0.7, 0.05, 30.0)
    >>> print(f"g1 {d + r:.3f}, g2 {-d * r:.3f}")
    g1 1.467, g2 -0.490
    """
    decay, rise = np.broadcast_arrays(np.asarray(decay, np.float64), np.asarray(rise, np.float64))
    if not (rate > 0 and np.isfinite(rate)):
        raise SettingError(f"the frame rate is {rate:g}: give the frames per second")
    if not (np.isfinite(decay).all() and (decay > 0).all()):
        raise SettingError(f"a decay of {decay.min():g} s: time constants are positive, in seconds")
    if not ((rise >= 0) & (rise < decay)).all():
        worst = int(np.argmax((rise - decay).ravel()))
        raise SettingError(
            f"a rise of {rise.ravel()[worst]:g} s with a decay of {decay.ravel()[worst]:g} s: transients rise "
            "faster than they decay"
        )
    with np.errstate(divide="ignore", over="ignore"):  # no rise at all
        return np.exp(-1.0 / (decay * rate)), np.exp(-1.0 / (rise * rate))


def estimate_time_constants(
    traces: NDArray[np.floating],
    rate: float,
    starts: NDArray[np.int64] | None = None,
    order: int = 1,
    default: tuple[float, float] = (1.0, 0.05),
) -> TimeConstants:
    """Read time constants off the autocovariance of each trace.

    Parameters
    ----------
    traces
        (n_units, n_frames) ΔF/F, without NaN.
    rate
        Frames per second [Hz].
    starts
        (n_segments,) first frame of each segment; None: one segment.
    order
        1: decay only. 2: the rise too.
    default
        Decay and rise [s] where nothing can be read off; the reason says so.
    """
    n_units, n_frames = traces.shape
    bounds = np.append(np.zeros(1, np.int64) if starts is None else starts, n_frames).astype(np.int64)
    decay, rise = np.full(n_units, default[0]), np.full(n_units, default[1] if order == 2 else 0.0)
    reason = np.zeros(n_units, np.int64)
    for unit in range(n_units):
        tau, reason[unit] = _decay(traces[unit], rate, bounds)
        if reason[unit] == FITTED:
            decay[unit] = tau
            if order == 2:
                rise[unit] = _rise(traces[unit], rate, bounds, tau)
    return TimeConstants(decay, rise, reason)


def _decay(trace: NDArray[np.floating], rate: float, bounds: NDArray[np.int64]) -> tuple[float, int]:
    per_mean = max(1, round(rate / ROUGH_RATE))
    step = per_mean / rate
    covariance, n_pairs = _autocovariance(trace, bounds, per_mean, int(np.ceil(LONGEST_LAG / step)))
    if covariance.size < FEWEST_LAGS + 1:
        return np.nan, TOO_SHORT
    if covariance[1] <= CLEAR * covariance[0] / np.sqrt(n_pairs):
        return np.nan, NO_TRANSIENTS
    # Lags up to a few decays: first the lag at which the covariance has fallen to 1/e tells how many.
    fallen = np.flatnonzero(covariance[1:] < covariance[1] / np.e)
    decay = step * (fallen[0] if fallen.size else covariance.size) + 0.5 * step
    for _ in range(2):
        n_lags = int(np.clip(np.ceil(LAGS_PER_DECAY * decay / step), FEWEST_LAGS, covariance.size - 1))
        lags = step * np.arange(1, n_lags + 1)
        decay, inside = _best(np.exp(-lags / DECAYS[:, None]), covariance[1 : n_lags + 1], np.log(DECAYS))
        decay = float(np.exp(decay))
        if not inside:
            return np.nan, AT_BOUND
    return decay, FITTED


def _rise(trace: NDArray[np.floating], rate: float, bounds: NDArray[np.int64], decay: float) -> float:
    n_lags = int(np.clip(np.ceil(0.5 * rate), 6, 4 * rate * decay))
    covariance, _ = _autocovariance(trace, bounds, 1, n_lags)
    rises = RISES[decay / 2 > RISES]
    lags = np.arange(1, covariance.size) / rate
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = decay * np.exp(-lags / decay) - rises[:, None] * np.exp(-lags / rises[:, None])
    rise, _ = _best(shape, covariance[1:], rises)
    return rise


def _best(
    shapes: NDArray[np.float64], values: NDArray[np.float64], parameter: NDArray[np.float64]
) -> tuple[float, bool]:
    """Return which shape, times a factor plus a constant, is nearest; and whether it is not the first or last."""
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    explained = (centred @ values) / np.sqrt((centred**2).sum(axis=1))
    k = int(np.argmax(explained))
    if explained[k] <= 0 or k in (0, explained.size - 1):
        return float(parameter[k]), False
    left, middle, right = explained[k - 1 : k + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(np.interp(k + shift, np.arange(parameter.size), parameter)), True


def _autocovariance(
    trace: NDArray[np.floating], bounds: NDArray[np.int64], per_mean: int, n_lags: int
) -> tuple[NDArray[np.float64], int]:
    """Return the autocovariance of means of `per_mean` frames at lags 0 to n_lags, and the number of means."""
    from alveus.calcium.lags import lagged_products, means_of_frames

    centred = trace - trace.mean(dtype=np.float64)
    means, edges = means_of_frames(centred, bounds, per_mean)
    n_lags = min(n_lags, int(np.diff(edges).max(initial=1)) - 1)
    products, pairs = lagged_products(means, edges, n_lags)
    return products / np.maximum(pairs, 1), means.size
