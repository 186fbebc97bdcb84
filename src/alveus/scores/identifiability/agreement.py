"""Second moments of two sets of latents to how well they agree, for many weightings of the bins at once.

Every score here is a function of means and covariances. Moments of blocks of bins are summed once; a bootstrap
sample, a shift or a half of the time is then a sum of few small matrices, and never looks at a bin again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

LEAST_EIGENVALUE = 1e-8  # of a correlation matrix: below, a direction is a sum of others, and is left out
LEAST_SHARE = 1e-12  # of the mean square about the whole mean: a smaller variance is rounding

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Means and covariances of two sets of latents side by side.

    Parameters
    ----------
    mean
        (..., p + q).
    covariance
        (..., p + q, p + q).
    p
        Number of latents in the first set.
    """

    mean: Floats
    covariance: Floats
    p: int

    @property
    def first(self) -> Floats:
        """(..., p, p) covariance of the first set."""
        return self.covariance[..., : self.p, : self.p]

    @property
    def second(self) -> Floats:
        """(..., q, q) covariance of the second set."""
        return self.covariance[..., self.p :, self.p :]

    @property
    def cross(self) -> Floats:
        """(..., p, q) covariance between the sets."""
        return self.covariance[..., : self.p, self.p :]

    def swapped(self) -> "Moments":
        """Return the same with the sets in the other order."""
        q = self.mean.shape[-1] - self.p
        order = np.r_[self.p : self.p + q, : self.p]
        return Moments(self.mean[..., order], self.covariance[..., order[:, None], order], q)

    def standardised(self, by: "Moments") -> "Moments":
        """Return the moments of latents divided by the standard deviations that `by` has."""
        sd = np.sqrt(by.covariance.diagonal(axis1=-2, axis2=-1))
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
        return Moments(self.mean * scale, self.covariance * scale[..., :, None] * scale[..., None, :], self.p)


def moments_of(products: Floats, p: int) -> Moments:
    """Turn sums of products of both sets and a column of ones, (..., p + q + 1, p + q + 1), into moments."""
    n = products[..., -1:, -1:]
    mean = products[..., -1, :-1] / n[..., 0]
    square = products[..., :-1, :-1] / n
    covariance = square - mean[..., :, None] * mean[..., None, :]
    # rounding leaves a constant with a variance that is none
    constant = covariance.diagonal(axis1=-2, axis2=-1) <= LEAST_SHARE * square.diagonal(axis1=-2, axis2=-1)
    covariance[constant] = 0.0
    np.swapaxes(covariance, -1, -2)[constant] = 0.0
    return Moments(mean, covariance, p)


def correlation(moments: Moments) -> Floats:
    """(..., p, q) |correlations|; those of a constant are 0."""
    return np.abs(moments.standardised(moments).cross).clip(max=1.0)


def matched(correlations: Floats) -> tuple[Floats, Floats]:
    """Pair the latents of both sets so that the sum of their |correlations| is largest (Kuhn, 1955).

    Parameters
    ----------
    correlations
        (n, p, q).

    Returns
    -------
    first, second
        (n, p) and (n, q) |correlation| of each latent with its partner; 0 without one.
    """
    n, p, q = correlations.shape
    first, second = np.zeros((n, p)), np.zeros((n, q))
    for item, table in enumerate(correlations):
        rows, columns = linear_sum_assignment(table, maximize=True)
        first[item, rows] = second[item, columns] = table[rows, columns]
    return first, second


def mcc(correlations: Floats) -> Floats:
    """(n,) mean |correlation| of matched latents; a latent for which none is left counts 0."""
    return np.asarray(matched(correlations)[0].sum(axis=1) / max(correlations.shape[1:]))


def udr(correlations: Floats) -> Floats:
    """(n,) how far each latent has one partner and no other: Σ max² / Σ, mean over the latents of both sets.

    Parameters
    ----------
    correlations
        (n, p, q) |rank correlations| of informative latents.

    References
    ----------
    Duan et al. (2020), Unsupervised model selection for variational disentangled representation learning, ICLR.
    """
    tiny = np.finfo(float).tiny
    parts = [
        (correlations.max(axis=axis) ** 2 / np.maximum(correlations.sum(axis=axis), tiny)).sum(axis=-1)
        for axis in (1, 2)
    ]
    return np.asarray((parts[0] + parts[1]) / sum(correlations.shape[1:]))


def affine_r2(fit: Moments, score: Moments) -> Floats:
    """R² = 1 − SSE/SST of an affine map from either set to the other, mean over latents and both directions.

    Parameters
    ----------
    fit, score
        Moments (...) of the bins that the map is fitted on, and of those it is scored on.
    """
    return (_affine_one_way(fit, score) + _affine_one_way(fit.swapped(), score.swapped())) / 2


def _affine_one_way(fit: Moments, score: Moments) -> Floats:
    scored, fitted = score.standardised(fit), fit.standardised(fit)
    weights = _pseudo_inverse(fitted.first) @ fitted.cross
    difference = scored.mean - fitted.mean
    offset = difference[..., fit.p :] - (difference[..., None, : fit.p] @ weights)[..., 0, :]
    left = (
        scored.second.diagonal(axis1=-2, axis2=-1)
        - 2 * (weights * scored.cross).sum(axis=-2)
        + (weights * (scored.first @ weights)).sum(axis=-2)
        + offset**2
    )
    total = scored.second.diagonal(axis1=-2, axis2=-1)
    return np.asarray((1 - left / np.where(total > 0, total, np.inf)).mean(axis=-1))


def mcc_weak(fit: Moments, score: Moments) -> Floats:
    """Mean correlation of canonical variates (Hotelling, 1936); a direction without counterpart counts 0.

    Parameters
    ----------
    fit, score
        Moments (...) of the bins that canonical axes are fitted on, and of those they are correlated on.

    References
    ----------
    Roeder, Metz & Kingma (2021), On linear identifiability of learned representations, ICML.
    """
    fitted, scored = fit.standardised(fit), score.standardised(fit)
    one, n_one = _inverse_root(fitted.first)
    other, n_other = _inverse_root(fitted.second)
    left, _, right = np.linalg.svd(one @ fitted.cross @ other, full_matrices=False)
    a, b = one @ left, other @ np.swapaxes(right, -1, -2)
    both = (a * (scored.cross @ b)).sum(axis=-2)
    size = (a * (scored.first @ a)).sum(axis=-2) * (b * (scored.second @ b)).sum(axis=-2)
    found = both / np.sqrt(np.where(size > 0, size, np.inf))
    counted = np.arange(found.shape[-1]) < np.minimum(n_one, n_other)[..., None]
    return np.asarray((found * counted).sum(axis=-1) / np.maximum(np.maximum(n_one, n_other), 1))


def procrustes_r2(fit: Moments, score: Moments) -> Floats:
    """R² = 1 − SSE/SST, over all latents together, of a rotation or reflection with one scale.

    Parameters
    ----------
    fit, score
        Moments (...) of the bins that the map is fitted on, and of those it is scored on, in units in which the
        prior is the same in all directions. The smaller set is given latents that are 0.

    References
    ----------
    Schönemann (1966), A generalized solution of the orthogonal Procrustes problem, Psychometrika 31.
    """
    return (_procrustes_one_way(fit, score) + _procrustes_one_way(fit.swapped(), score.swapped())) / 2


def _procrustes_one_way(fit: Moments, score: Moments) -> Floats:
    left, strengths, right = np.linalg.svd(_square(fit.cross))
    spread = np.trace(fit.first, axis1=-2, axis2=-1)
    scale = strengths.sum(axis=-1) / np.where(spread > 0, spread, np.inf)
    rotation = (left @ right)[..., : fit.p, : fit.mean.shape[-1] - fit.p]
    offset = score.mean - fit.mean
    moved = (offset[..., None, : fit.p] @ rotation)[..., 0, :]
    total = np.trace(score.second, axis1=-2, axis2=-1)
    # what a padded rotation turns out of the smaller set's space is error as well: its size is not lost
    error = (
        total
        - 2 * scale * (rotation * score.cross).sum(axis=(-2, -1))
        + scale**2 * np.trace(score.first, axis1=-2, axis2=-1)
        + ((offset[..., fit.p :] - scale[..., None] * moved) ** 2).sum(axis=-1)
    )
    return np.asarray(1 - error / np.where(total > 0, total, np.inf))


def _square(matrix: Floats) -> Floats:
    p, q = matrix.shape[-2:]
    padding = [(0, 0)] * (matrix.ndim - 2) + [(0, max(p, q) - p), (0, max(p, q) - q)]
    return np.pad(matrix, padding)


def _pseudo_inverse(matrix: Floats) -> Floats:
    root = _inverse_root(matrix)[0]
    return root @ root


def _inverse_root(matrix: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Symmetric inverse root of covariances (..., k, k) in the directions that vary, and how many those are."""
    values, vectors = np.linalg.eigh(matrix)
    varies = values > LEAST_EIGENVALUE
    inverse = np.where(varies, 1 / np.sqrt(np.where(varies, values, 1.0)), 0.0)
    return (vectors * inverse[..., None, :]) @ np.swapaxes(vectors, -1, -2), varies.sum(axis=-1)
