"""Compiled filters along traces: Gaussian, rolling minimum and maximum, rolling percentile.

All take (unit, frame) float64 and the bounds of stretches that are filtered each for itself.
"""

import numpy as np
from numpy.typing import NDArray

from alveus.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TILE = 512  # frames summed at a time, so that the sums stay in the fastest cache


@compiled
def smooth(values: Floats, starts: Integers, weights: Floats, out: Floats) -> None:
    """Convolve with a symmetric kernel; beyond the ends of a stretch the trace is mirrored (d c b a | a b c d).

    Parameters
    ----------
    values
        (unit, frame).
    starts
        (n_stretches + 1,) first frame of each stretch, and the number of frames.
    weights
        (radius + 1,) of the centre and of the frames at distance 1, 2, …, radius.
    out
        (unit, frame), overwritten; may be `values`.
    """
    radius = weights.size - 1
    longest = 0
    for s in range(starts.size - 1):
        longest = max(longest, starts[s + 1] - starts[s])
    padded, total = np.empty(longest + 2 * radius), np.empty(TILE)
    for unit in range(values.shape[0]):
        for s in range(starts.size - 1):
            begin, n = starts[s], starts[s + 1] - starts[s]
            padded[radius : radius + n] = values[unit, begin : begin + n]
            for k in range(radius):
                place = k % (2 * n)  # mirrored again and again where the stretch is short
                place = place if place < n else 2 * n - 1 - place
                padded[radius - 1 - k] = values[unit, begin + place]
                padded[radius + n + k] = values[unit, begin + n - 1 - place]
            for t in range(0, n, TILE):
                m = min(TILE, n - t)
                centre = padded[t + radius : t + radius + m]
                for j in range(m):
                    total[j] = weights[0] * centre[j]
                k = 1
                while k + 3 <= radius:  # four distances at a time: sums are loaded and stored a quarter as often
                    w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
                    left = padded[t + radius - k - 3 : t + radius - k + m]
                    right = padded[t + radius + k : t + radius + k + m + 3]
                    for j in range(m):
                        total[j] += (
                            w0 * (left[j + 3] + right[j])
                            + w1 * (left[j + 2] + right[j + 1])
                            + w2 * (left[j + 1] + right[j + 2])
                            + w3 * (left[j] + right[j + 3])
                        )
                    k += 4
                while k <= radius:
                    w0 = weights[k]
                    left, right = padded[t + radius - k :], padded[t + radius + k :]
                    for j in range(m):
                        total[j] += w0 * (left[j] + right[j])
                    k += 1
                out[unit, begin + t : begin + t + m] = total[:m]


@compiled
def rolling_minimum(values: Floats, starts: Integers, half: int, sign: float, out: Floats) -> None:
    """Take the minimum over the frames at most `half` away, as far as the stretch goes; with sign −1 the maximum.

    A frame costs three comparisons whatever the window (van Herk, 1992, Pattern Recognit Lett 13:517; Gil &
    Werman, 1993): blocks as long as the window are scanned from their end and from their begin, and a window is
    the end of one block and the begin of the next.

    Parameters
    ----------
    values
        (unit, frame).
    starts
        (n_stretches + 1,) first frame of each stretch, and the number of frames.
    half
        Half a window, without the frame itself.
    sign
        1: minimum; −1: maximum.
    out
        (unit, frame), overwritten; may be `values`.
    """
    longest = 0
    for s in range(starts.size - 1):
        longest = max(longest, starts[s + 1] - starts[s])
    reach = min(half, longest)
    padded, suffix = np.empty(longest + 4 * reach + 2), np.empty(2 * reach + 1)
    for unit in range(values.shape[0]):
        for s in range(starts.size - 1):
            begin, n = starts[s], starts[s + 1] - starts[s]
            reach = min(half, n)
            window = 2 * reach + 1
            for k in range(reach):
                padded[k] = np.inf
            for k in range(n):
                padded[reach + k] = sign * values[unit, begin + k]
            for k in range(reach + n, n + 4 * reach + 2):
                padded[k] = np.inf
            for block in range(0, n, window):
                lowest = np.inf
                part = padded[block : block + window]
                for j in range(window - 1, -1, -1):
                    lowest = min(lowest, part[j])
                    suffix[j] = lowest
                lowest = np.inf
                following = padded[block + window - 1 :]
                m = min(window, n - block)
                out[unit, begin + block] = sign * suffix[0]
                target = out[unit, begin + block : begin + block + m]
                for j in range(1, m):
                    lowest = min(lowest, following[j])
                    target[j] = sign * min(lowest, suffix[j])


@compiled
def rolling_rank(
    values: Floats, order: Integers, first: int, stop: int, half: int, percentile: float, out: Floats
) -> None:
    """Take a percentile over the frames at most `half` away, as far as the values go.

    The window is a row of marks, one for each value in ascending order. When it moves by a frame one mark is set
    and one is cleared, and the place of the percentile moves by a few marks at the most.

    Parameters
    ----------
    values
        (unit, frame).
    order
        (unit, frame) what sorts each trace.
    first, stop
        Frames for which the percentile is wanted.
    half
        Half a window, without the frame itself.
    percentile
        Of the frames in a window; the value in place ⌊n · percentile / 100⌋ of n, counted from 0, as in SciPy.
    out
        (unit, stop − first), overwritten.
    """
    n = values.shape[1]
    rank, inside = np.empty(n, np.int64), np.empty(n, np.bool_)
    for unit in range(values.shape[0]):
        for k in range(n):
            rank[order[unit, k]] = k
            inside[k] = False
        low, high = max(0, first - half), max(0, first - half)  # frames of the window
        place, below = 0, 0  # `below` marks are set before `place`
        for t in range(first, stop):
            while high < min(n, t + half + 1):
                inside[rank[high]] = True
                below += rank[high] < place
                high += 1
            while low < t - half:
                inside[rank[low]] = False
                below -= rank[low] < place
                low += 1
            count = high - low
            wanted = min(int(count * percentile / 100.0), count - 1)
            while below > wanted:
                place -= 1
                below -= inside[place]
            while below < wanted or not inside[place]:
                below += inside[place]
                place += 1
            out[unit, t - first] = values[unit, order[unit, place]]
