"""Features and targets to out-of-fold linear predictions, with the penalty chosen inside each fold."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.scores.folds import Folds

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


def predict_out_of_fold(
    features: Features,
    n_features: int,
    targets: Floats,
    usable: NDArray[np.bool_],
    scored: NDArray[np.bool_],
    folds: Folds,
    solve_path: SolvePath = ridge_path,
    loss: Loss | None = None,
) -> Floats:
    """Predict each fold's scored bins by a linear map fitted on the usable bins that are not hidden from it.

    The penalty is chosen for each fold by predicting, in the same manner, the other folds without it.

    Parameters
    ----------
    features, n_features
        What to predict from.
    targets
        (n_bins, n_targets), centred.
    usable
        (n_bins,) bins whose features and targets are known.
    scored
        (n_bins,) bins to predict, in the order of time.
    folds
        Of the whole timeline.
    solve_path
        Makes the weights for each penalty.
    loss
        What the penalty is chosen by; None: the squared error, which needs no second pass over the bins.

    Returns
    -------
    NDArray
        (n_scored, n_targets); NaN where nothing was left to fit on.
    """
    sums = [moments(features, n_features, targets, usable, p.start, p.stop) for p in folds.pieces]

    def total(hidden: set[int], fold: int | None = None) -> Floats:
        kept = [
            piece_sums
            for piece_sums, piece in zip(sums, folds.pieces, strict=True)
            if not (piece.hidden_from & hidden) and fold in (None, piece.fold)
        ]
        return np.sum(kept, axis=0) if kept else np.zeros_like(sums[0])

    def losses(path: Floats, hidden: int, fold: int) -> Floats:
        if loss is None:
            return squared_error(total({hidden}, fold), path)
        bins = [
            np.arange(p.start, p.stop)[usable[p.start : p.stop]]
            for p in folds.pieces
            if p.fold == fold and hidden not in p.hidden_from
        ]
        known = np.concatenate(bins) if bins else np.empty(0, np.intp)
        return np.array([loss(predict(features, weights, known), targets[known]) for weights in path])

    predictions = []
    for fold in range(folds.n_folds):
        start, stop = folds.edges[fold : fold + 2]
        bins = start + np.flatnonzero(scored[start:stop])
        training = total({fold})
        if training[n_features, n_features] == 0:
            predictions.append(np.full((bins.size, targets.shape[1]), np.nan))
            continue
        errors = np.zeros(len(PENALTIES))
        for inner in sorted(set(range(folds.n_folds)) - {fold}):
            rest = total({fold, inner})
            if rest[n_features, n_features]:
                errors += losses(solve_path(rest, n_features), fold, inner)
        chosen = int(np.argmin(errors)) if errors.any() else DEFAULT_PENALTY
        predictions.append(predict(features, solve_path(training, n_features)[chosen], bins))
    return np.concatenate(predictions)


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
