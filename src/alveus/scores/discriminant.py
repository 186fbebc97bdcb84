"""Summed moments of features and categories to weights whose largest score names the category."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from alveus.scores.ridge import PENALTIES

ABSENT = -1e30  # score of a category that training never saw; finite, so that sums with it stay numbers
MAX_LOSS = 50.0  # nats of one bin: a category that training never saw must not outweigh all others
LEAST_SHARE = 1e-12  # of a feature's mean square that must be variance, or the feature is a constant

Floats = NDArray[np.float64]


def discriminant_path(sums: Floats, n_features: int) -> Floats:
    """Ridge-penalised linear discriminant analysis, for each of the penalties.

    Regressing on indicators instead would mask a category that lies between two others.

    Parameters
    ----------
    sums
        Σ v vᵀ with v = (features, 1, one indicator per category).
    n_features
        Number of features.

    Returns
    -------
    NDArray
        (n_penalties, n_features + 1, n_categories): weights, and the intercepts last, of scores that are log
        posterior probabilities up to a constant. A penalty is added to the variance within categories, as a share
        of each feature's whole variance.

    References
    ----------
    Friedman (1989), Regularized discriminant analysis, Journal of the American Statistical Association 84.
    """
    n = sums[n_features, n_features]
    sizes = sums[n_features, n_features + 1 :]
    seen = sizes > 0
    mean = sums[:n_features, n_features] / n
    centres = sums[:n_features, n_features + 1 :][:, seen] / sizes[seen] - mean[:, None]
    square = sums[:n_features, :n_features] / n
    total = square - np.outer(mean, mean)
    variance = np.diag(total)
    alive = variance > LEAST_SHARE * np.diag(square)
    scale = np.where(alive, 1 / np.sqrt(np.where(alive, variance, 1)), 0)
    within = (total - (centres * sizes[seen] / n) @ centres.T) * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(within)
    rotated = vectors.T @ (scale[:, None] * centres)
    path = np.zeros((len(PENALTIES), n_features + 1, sizes.size))
    path[:, n_features] = ABSENT
    for weights, penalty in zip(path, PENALTIES, strict=True):
        slopes = scale[:, None] * (vectors @ (rotated / (np.maximum(values, 0) + penalty)[:, None]))
        weights[:n_features, seen] = slopes
        weights[n_features, seen] = np.log(sizes[seen] / n) - 0.5 * (centres * slopes).sum(axis=0) - mean @ slopes
    return path


def cross_entropy(scores: Floats, indicators: Floats) -> float:
    """Sum over bins of −log of the probability given to the right category [nats]."""
    right = (scores * indicators).sum(axis=1)
    return float(np.minimum(logsumexp(scores, axis=1) - right, MAX_LOSS).sum()) if len(scores) else 0.0
