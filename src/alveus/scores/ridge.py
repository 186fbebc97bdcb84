"""Features and targets to linear predictions of held-out bins, with the penalty chosen on validation bins."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

PENALTIES = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # per bin, on features of unit variance
DEFAULT_PENALTY = 2  # index: where nothing is left to choose by
LEAST_VARIANCE = 1e-20  # relative to a feature's mean square; below it the feature is a constant
BLOCK_NUMBERS = 1 << 20  # numbers in a block of features: 8 MB

Floats = NDArray[np.float64]
Features = Callable[[int, int], NDArray[Any]]
"""Reads the features of bins [start, stop): (stop − start, n_features)."""
SolvePath = Callable[[Floats, int], Floats]
"""Makes weights (n_penalties, n_features + 1, n_targets) of moments and the number of features."""
Loss = Callable[[Floats, Floats], float]
"""Sums over bins what predicting (n_bins, n_targets) costs, given the targets."""


def of_array(values: NDArray[Any]) -> Features:
    """Read features from an array (n_bins, n_features)."""
    return lambda start, stop: values[start:stop]


def moments(
    features: Features,
    n_features: int,
    targets: NDArray[np.floating],
    usable: NDArray[np.bool_],
    start: int,
    stop: int,
) -> Floats:
    """Sum ``v vᵀ`` over usable bins of [start, stop), with v = (features, 1, targets).

    Parameters
    ----------
    features
        Reads blocks of features.
    n_features
        Their number.
    targets
        (n_bins, n_targets), centred: far from zero their sums would lose digits.
    usable
        (n_bins,) bins to sum over.
    start, stop
        Stretch of bins.

    Returns
    -------
    NDArray
        (n_features + 1 + n_targets,) squared.
    """
    width = n_features + 1 + targets.shape[1]
    total = np.zeros((width, width))
    size = max(1, BLOCK_NUMBERS // width)
    for left in range(start, stop, size):
        right = min(left + size, stop)
        keep = usable[left:right]
        if not keep.any():
            continue
        block = np.empty((int(keep.sum()), width))
        block[:, :n_features] = features(left, right)[keep]
        block[:, n_features] = 1
        block[:, n_features + 1 :] = targets[left:right][keep]
        total += block.T @ block
    return total


def ridge_path(sums: Floats, n_features: int) -> Floats:
    """Ridge regression for each of the penalties from summed moments; the intercept is free.

    Parameters
    ----------
    sums
        As from `moments`.
    n_features
        Number of features.

    Returns
    -------
    NDArray
        (n_penalties, n_features + 1, n_targets): weights, and the intercept last.
    """
    n = sums[n_features, n_features]
    mean_z = sums[:n_features, n_features] / n
    mean_y = sums[n_features + 1 :, n_features] / n
    square = sums[:n_features, :n_features] / n
    covariance = square - np.outer(mean_z, mean_z)
    cross = sums[:n_features, n_features + 1 :] / n - np.outer(mean_z, mean_y)
    variance = np.diag(covariance)
    alive = variance > LEAST_VARIANCE + 1e-12 * np.diag(square)
    scale = np.where(alive, 1 / np.sqrt(np.where(alive, variance, 1)), 0)
    values, vectors = np.linalg.eigh(covariance * np.outer(scale, scale))
    rotated = vectors.T @ (cross * scale[:, None])
    path = np.empty((len(PENALTIES), n_features + 1, mean_y.size))
    for i, penalty in enumerate(PENALTIES):
        weights = scale[:, None] * (vectors @ (rotated / (np.maximum(values, 0) + penalty)[:, None]))
        path[i, :n_features] = weights
        path[i, n_features] = mean_y - mean_z @ weights
    return path


def squared_error(sums: Floats, path: Floats) -> Floats:
    """Sum of squared errors, over bins and targets, of each set of weights: (n_penalties,)."""
    n_inputs = path.shape[1]
    inputs, cross, targets = sums[:n_inputs, :n_inputs], sums[:n_inputs, n_inputs:], sums[n_inputs:, n_inputs:]
    explained = np.einsum("pit,ij,pjt->p", path, inputs, path, optimize=True)
    return np.asarray(np.trace(targets) - 2 * np.einsum("pit,it->p", path, cross) + explained)


def predict_held_out(
    features: Features,
    n_features: int,
    targets: Floats,
    train: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    test: NDArray[np.bool_],
    solve_path: SolvePath = ridge_path,
    loss: Loss | None = None,
) -> Floats:
    """Predict test bins by a linear map fitted on training bins.

    Parameters
    ----------
    features, n_features
        What to predict from.
    targets
        (n_bins, n_targets), centred.
    train, validation, test
        (n_bins,) bins to fit on, to choose the penalty by, and to predict.
    solve_path
        Makes the weights for each penalty.
    loss
        What the penalty is chosen by; None: the squared error, which needs no second pass over the bins.

    Returns
    -------
    NDArray
        (n_test_bins, n_targets), in the order of time.
    """
    n_bins = len(targets)
    path = solve_path(moments(features, n_features, targets, train, 0, n_bins), n_features)
    chosen = DEFAULT_PENALTY
    bins = np.flatnonzero(validation)
    if bins.size and loss is None:
        chosen = int(np.argmin(squared_error(moments(features, n_features, targets, validation, 0, n_bins), path)))
    elif bins.size and loss is not None:
        chosen = int(np.argmin([loss(predict(features, weights, bins), targets[bins]) for weights in path]))
    return predict(features, path[chosen], np.flatnonzero(test))


def predict(features: Features, weights: Floats, bins: NDArray[np.intp]) -> Floats:
    """Apply weights (n_features + 1, n_targets) to ascending bins, block by block: (n_bins, n_targets)."""
    predicted = np.empty((bins.size, weights.shape[1]))
    size = max(1, BLOCK_NUMBERS // weights.shape[0])
    first = 0
    while first < bins.size:
        left = int(bins[first])
        last = int(np.searchsorted(bins, left + size))
        block = features(left, int(bins[last - 1]) + 1)[bins[first:last] - left]
        predicted[first:last] = block @ weights[:-1] + weights[-1]
        first = last
    return predicted
