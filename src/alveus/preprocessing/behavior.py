"""Turns behaviour at its own sampling times into behaviour at bin centres, slice by slice."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.recording import Behavior
from alveus.recording.behavior import Kind

SAME_TIME = 1e-6  # s; closer than any two samples, wider than the rounding of times that count from 1970

Values = NDArray[np.float32] | NDArray[np.int32]


@dataclass(frozen=True)
class ResampledBehavior:
    """One behavioural variable at bin centres.

    Parameters
    ----------
    name, kind, period, labels, unit
        As in `Behavior`.
    n_components
        Columns of a variable with several, else None.
    read
        Maps bins [i0, i1) to (i1 − i0,) or (i1 − i0, n_components) values: float32 with NaN where missing, or
        int32 codes with −1 where missing.
    coverage
        Part of the bins with a value.
    """

    name: str
    kind: Kind
    period: float | None
    labels: tuple[str, ...]
    unit: str
    n_components: int | None
    read: Callable[[int, int], Values]
    coverage: float


def resample(behavior: Behavior, times: NDArray[np.float64], max_gap: float) -> Values:
    """Return a variable at the given times: linear, along the shorter arc, or of the nearest sample.

    A time has no value outside the sampled span, between samples further apart than `max_gap` [s], and next to a
    missing sample, unless it falls on a sample.

    Parameters
    ----------
    behavior
        The variable.
    times
        (n,) ascending [s].
    max_gap
        Never interpolate between samples further apart than this [s].

    Returns
    -------
    ndarray
        (n,) or (n, n_components) float32, NaN where missing; circular ones within [0, period). For categorical
        variables int32 codes, −1 where missing.
    """
    samples = behavior.times
    categorical = behavior.kind == "categorical"
    if samples.size == 0:
        return _missing(behavior, times.size)
    right = np.clip(np.searchsorted(samples, times, side="right"), 1, max(1, samples.size - 1))
    left = right - 1
    right = np.minimum(right, samples.size - 1)
    span = samples[right] - samples[left]
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(span > 0, (times - samples[left]) / span, 0.0)
    on_left = np.abs(times - samples[left]) <= SAME_TIME
    on_right = np.abs(times - samples[right]) <= SAME_TIME
    weight = np.where(on_left, 0.0, np.where(on_right, 1.0, weight))
    outside = (weight < 0) | (weight > 1) | ((span == 0) & ~on_left)
    unknown = outside | ((span > max_gap) & ~on_left & ~on_right)
    if categorical:
        nearest = np.where(weight <= 0.5, behavior.values[left], behavior.values[right])
        return np.where(unknown, -1, nearest).astype(np.int32)
    low, high = behavior.values[left].astype(np.float64), behavior.values[right].astype(np.float64)
    shape = (-1,) + (1,) * (low.ndim - 1)
    weight, unknown = weight.reshape(shape), unknown.reshape(shape)
    step = high - low
    if behavior.kind == "circular":
        period = float(behavior.period or 1.0)
        step = (step + period / 2) % period - period / 2
    # a sample that is hit needs no neighbour: 0 × NaN would lose it
    value = np.where(weight == 0, low, np.where(weight == 1, high, low + weight * step))
    value = np.where(unknown, np.nan, value)
    if behavior.kind == "circular":
        wrapped = (value % period).astype(np.float32)
        return np.where(wrapped >= period, np.float32(0), wrapped)  # rounding up to the period is 0
    return value.astype(np.float32)


def _missing(behavior: Behavior, n: int) -> Values:
    if behavior.kind == "categorical":
        return np.full(n, -1, np.int32)
    return np.full((n, *behavior.values.shape[1:]), np.nan, np.float32)


def known(values: Values) -> NDArray[np.bool_]:
    """Return which bins have a value in every component, (n,)."""
    there: NDArray[np.bool_] = np.greater_equal(values, 0) if values.dtype.kind == "i" else np.isfinite(values)
    return np.asarray(there.all(axis=tuple(range(1, there.ndim))))


def at_bins(
    behavior: Behavior,
    time: Callable[[int, int], NDArray[np.float64]],
    n_bins: int,
    max_gap: float,
    block_bins: int,
) -> ResampledBehavior:
    """Return a variable that resamples itself when it is read, with its coverage.

    Parameters
    ----------
    behavior
        The variable at its own times.
    time
        Maps bins [i0, i1) to their centres [s].
    n_bins
        Number of bins.
    max_gap
        Never interpolate between samples further apart than this [s].
    block_bins
        Bins to look at together while the coverage is counted.
    """

    def read(i0: int, i1: int) -> Values:
        return resample(behavior, time(i0, i1), max_gap)

    starts = range(0, n_bins, block_bins)
    covered = sum(int(known(read(i, min(i + block_bins, n_bins))).sum()) for i in starts)
    return ResampledBehavior(
        behavior.name,
        behavior.kind,
        behavior.period,
        behavior.labels,
        behavior.unit,
        behavior.values.shape[1] if behavior.values.ndim == 2 else None,
        read,
        covered / n_bins,
    )
