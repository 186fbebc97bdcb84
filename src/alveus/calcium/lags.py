"""Turns a trace into means of frames and sums of lagged products, segment by segment: compiled loops."""

import numpy as np
from numpy.typing import NDArray

from alveus.compiled import compiled


@compiled
def means_of_frames(
    trace: NDArray[np.float64], bounds: NDArray[np.int64], per_mean: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return means of `per_mean` frames, (n_means,), and the first one of each segment, (n_segments + 1,).

    What is left at a segment's end is dropped.
    """
    edges = np.zeros(bounds.size, np.int64)
    for segment in range(bounds.size - 1):
        edges[segment + 1] = edges[segment] + (bounds[segment + 1] - bounds[segment]) // per_mean
    means = np.empty(edges[-1])
    for segment in range(bounds.size - 1):
        t = bounds[segment]
        for i in range(edges[segment], edges[segment + 1]):
            total = 0.0
            for _ in range(per_mean):
                total += trace[t]
                t += 1
            means[i] = total / per_mean
    return means, edges


@compiled
def lagged_products(
    values: NDArray[np.float64], edges: NDArray[np.int64], n_lags: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return Σ x_t x_{t+k} within segments and how many products each sum has, (n_lags + 1,) each."""
    products, pairs = np.zeros(n_lags + 1), np.zeros(n_lags + 1, np.int64)
    for segment in range(edges.size - 1):
        begin, end = edges[segment], edges[segment + 1]
        for k in range(min(n_lags + 1, end - begin)):
            pairs[k] += end - begin - k
        for t in range(begin, end):
            x, later = values[t], values[t : min(t + n_lags + 1, end)]
            for k in range(later.size):  # over lags: neighbouring sums are added to side by side
                products[k] += x * later[k]
    return products, pairs
