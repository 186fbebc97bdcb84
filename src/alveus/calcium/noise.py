"""Turns traces into the standard deviation of their noise, from the upper half of the power spectrum.

Calcium is slow: above a quarter of the frame rate a trace is mostly noise, and white noise has as much power
there as below. The power is averaged over frequencies in windows (Welch), and the *median* over windows is taken,
so that a few windows with artefacts or bursts do not count; the median is put right for a χ² variable's median
being below its mean.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WINDOW = 128  # frames
SHORTEST = 16  # frames of a window; segments that are shorter are left out
# Neighbouring frequencies of a Hann window share 2/3 and 1/6 of their amplitude: so much fewer are independent.
SHARED = 1.0 + 2.0 * ((2 / 3) ** 2 + (1 / 6) ** 2)
VALUES_PER_TRANSFORM = 1 << 20


def noise_level(traces: NDArray[np.floating], starts: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """Return the standard deviation of each trace's noise.

    Parameters
    ----------
    traces
        (n_units, n_frames) ΔF/F or fluorescence.
    starts
        (n_segments,) first frame of each segment, 0 first; no window crosses into another. None: one segment.

    Returns
    -------
    noise
        (n_units,) in the traces' own unit; NaN where no segment has `SHORTEST` frames, or a trace is not finite.
    """
    import scipy.fft

    n_units, n_frames = traces.shape
    bounds = np.append(np.zeros(1, np.int64) if starts is None else starts, n_frames)
    longest = int(np.diff(bounds).max(initial=0))
    size = min(WINDOW, longest)
    if size < SHORTEST:
        return np.full(n_units, np.nan)
    hop = size // 2
    windows = np.concatenate([np.arange(a, b - size + 1, hop) for a, b in pairwise(bounds)])
    taper = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    first = size // 4  # the frequency a quarter of the frame rate; the last has half the weight of its neighbours
    weights = np.ones(size // 2 + 1 - first)
    if size % 2 == 0:
        weights[-1] = 0.5
    weights /= weights.sum() * (taper**2).sum()
    freedom = 2.0 * (size / 4) / SHARED
    median_of_mean = (1.0 - 2.0 / (9.0 * freedom)) ** 3
    noise = np.empty(n_units)
    per_turn = max(1, VALUES_PER_TRANSFORM // size)
    taper = taper.astype(traces.dtype)
    for unit in range(n_units):
        frames = np.lib.stride_tricks.sliding_window_view(traces[unit], size)
        power = np.empty(windows.size)
        for i in range(0, windows.size, per_turn):
            piece = frames[windows[i : i + per_turn]]
            spectrum = scipy.fft.rfft((piece - piece.mean(axis=1, keepdims=True)) * taper, axis=1)[:, first:]
            power[i : i + per_turn] = (spectrum.real**2 + spectrum.imag**2) @ weights
        noise[unit] = np.sqrt(np.median(power) / median_of_mean)
    return noise
