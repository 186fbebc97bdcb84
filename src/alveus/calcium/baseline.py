"""Turns fluorescence into its baseline F0: what a cell emits at rest, in every frame."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.config.calcium import ConstantBaseline, MaximinBaseline, PercentileBaseline
from alveus.errors import SettingError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TRUNCATE = 4.0  # standard deviations at which the Gaussian ends, as in SciPy
SHORTEST_WINDOW = 3  # frames; with one frame F0 would be F, and ΔF/F 0 everywhere
WINDOWS_PER_SORT = 4  # of a rolling percentile; few: each sort also covers a window twice. Many: longer searches


def baseline(
    values: Floats,
    starts: Integers,
    rate: float,
    settings: MaximinBaseline | PercentileBaseline | ConstantBaseline,
) -> Floats:
    """Return the baseline F0 of whole traces.

    Frames are counted as if gaps were not there, and smoothing never crosses from one stretch into another. A
    rolling window does, unless the stretches on both sides are as long as the window: trials that were recorded
    one by one share a baseline, and two long recordings that were joined do not. Where a window reaches beyond the
    begin or end it holds the frames there are; a recording shorter than half a window has one minimum.

    Parameters
    ----------
    values
        (unit, frame) fluorescence, finite.
    starts
        (n_stretches + 1,) first frame of each stretch, and the number of frames.
    rate
        Frames per second [Hz].
    settings
        Which baseline, with its windows in seconds.

    Returns
    -------
    ndarray
        (unit, frame).

    Raises
    ------
    SettingError
        When a window is shorter than three frames.

    Notes
    -----
    ``maximin``: Gaussian smoothing, rolling minimum, rolling maximum, as in suite2p (Pachitariu et al., 2017,
    bioRxiv 061507). It is the highest level that the smoothed trace does not fall below for as long as a window: a
    transient shorter than the window does not raise it, noise that is left after smoothing lowers it somewhat.
    """
    match settings:
        case MaximinBaseline():
            window = window_frames(settings.window, rate)
            return _maximin(values, starts, settings.smoothing * rate, window)
        case PercentileBaseline():
            window = window_frames(settings.window, rate)
            return _rolling_percentile(values, starts, settings.percentile, window)
        case ConstantBaseline():
            n = values.shape[1]
            place = min(int(n * settings.percentile / 100.0), n - 1)
            level = np.partition(values, place, axis=1)[:, place]
            return np.repeat(level[:, None], n, axis=1)


def window_frames(window: float, rate: float) -> int:
    """Return a window in frames: odd, so that it has a middle.

    Parameters
    ----------
    window
        Length [s].
    rate
        Frames per second [Hz].

    Raises
    ------
    SettingError
        When it is shorter than three frames.
    """
    n_frames = window * rate
    if n_frames < SHORTEST_WINDOW:
        raise SettingError(
            f"baseline.window of {window:g} s is {n_frames:.2g} frames at {rate:g} Hz: F0 would be F itself; give "
            f"at least {SHORTEST_WINDOW / rate:.2g} s, or better a minute"
        )
    return 2 * int(n_frames / 2) + 1


def _maximin(values: Floats, starts: Integers, deviation: float, window: int) -> Floats:
    from alveus.calcium.rolling import rolling_minimum, smooth

    radius = int(TRUNCATE * deviation + 0.5)
    weights = np.exp(-0.5 * (np.arange(radius + 1) / deviation) ** 2)
    weights /= weights[0] + 2 * weights[1:].sum()
    level = np.empty_like(values)
    smooth(values, starts, weights, level)
    parts = _epochs(starts, window)
    rolling_minimum(level, parts, window // 2, 1.0, level)
    rolling_minimum(level, parts, window // 2, -1.0, level)
    return level


def _rolling_percentile(values: Floats, starts: Integers, percentile: float, window: int) -> Floats:
    from alveus.calcium.rolling import rolling_rank

    level, half, step = np.empty_like(values), window // 2, WINDOWS_PER_SORT * window
    parts = _epochs(starts, window)
    for begin, end in pairwise(parts):
        for first in range(begin, end, step):
            stop = min(first + step, end)
            low, high = max(begin, first - half), min(end, stop + half)
            part: Any = np.ascontiguousarray(values[:, low:high])
            order = np.argsort(part, axis=1)
            rolling_rank(part, order, first - low, stop - low, half, percentile, level[:, first:stop])
    return level


def _epochs(starts: Integers, window: int) -> Integers:
    """Return the bounds of what shares windows: stretches, joined where one side is shorter than a window."""
    bounds = [int(starts[0])]
    for begin, end in pairwise(starts[1:]):
        if begin - bounds[-1] >= window and end - begin >= window:
            bounds.append(int(begin))
    return np.array([*bounds, int(starts[-1])])
