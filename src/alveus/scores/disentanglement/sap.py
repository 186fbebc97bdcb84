"""Latents and factors to the gap between the two single latents that predict a factor best.

Kumar, Sattigeri & Balakrishnan (2018), Variational inference of disentangled latent concepts from unlabeled
observations.
"""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.disentanglement.discretise import Codes, n_fine_levels, quantile_codes, winsorise
from alveus.scores.disentanglement.factors import Factor, Factors
from alveus.scores.disentanglement.relation import Relation, gap, spread_over

Floats = NDArray[np.float64]


def predictability(latents: NDArray[np.floating], factors: Factors) -> Relation:
    """How well each latent alone goes with each factor.

    For continuous factors the squared correlation over test bins, for circular ones the squared multiple
    correlation with cosine and sine. For categories the balanced accuracy, less chance, of thresholds on
    the latent that are fitted on training bins and scored on test bins: scikit-learn's
    ``balanced_accuracy_score(adjusted=True)``. The linear support vector machine of public codes (C = 0.01)
    depends on the latent's scale, does not find a category between two others, and its accuracy has chance in it.

    Parameters
    ----------
    latents
        (n_bins, n_latents), finite.
    factors
        What to predict.

    Returns
    -------
    Relation
    """
    z = winsorise(latents, factors.test)
    n_bins, test = len(z), factors.test
    shape = (z.shape[1], len(factors.items))
    values, shifted = np.zeros(shape), np.zeros((len(factors.shifts), *shape))
    shares = []
    for k, factor in enumerate(factors.items):
        score = _Thresholds(z, factor, factors) if factor.kind == "categorical" else _Line(z, factor, factors)
        for s, shift in enumerate(factors.shifts):
            shifted[s, :, k] = np.maximum(0, score.values(shift, n_bins))
        values[:, k] = np.maximum(0, score.values(0, n_bins))
        shares.append(score)

    def share(j: int, k: int) -> Floats:
        return spread_over(
            factors.items[k].known[test], float(values[j, k]), shares[k].influence(j, float(values[j, k]))
        )

    return Relation(values, shifted, share)


def sap_per_factor(predictability: Floats) -> Floats:
    """Gap between the best and the second latent: (n_factors,) from 0 to 1; at least two latents."""
    return gap(predictability)


def sap(predictability: Floats) -> float:
    """Mean over factors of `sap_per_factor`."""
    return float(gap(predictability).mean())


class _Line:
    """Squared (multiple) correlation of latents with a continuous or circular factor."""

    def __init__(self, z: Floats, factor: Factor, factors: Factors) -> None:
        self.z, self.factor, self.test = z[factors.test], factor, factors.test

    def values(self, shift: int, n_bins: int) -> Floats:
        there = (self.test + shift) % n_bins
        known = self.factor.known[there]
        predicted, z = self._fit(known, self.factor.targets[there][known])
        total = (z**2).sum(axis=0)
        return np.asarray((predicted**2).sum(axis=0) / np.where(total > 0, total, np.inf))

    def influence(self, j: int, value: float) -> Floats:
        known = self.factor.known[self.test]
        predicted, z = self._fit(known, self.factor.targets[self.test][known])
        spread, error = z[:, j] ** 2, (z[:, j] - predicted[:, j]) ** 2
        scale = spread.mean()
        return np.asarray(((1 - value) * spread - error) / scale if scale > 0 else np.zeros(len(z)))

    def _fit(self, known: NDArray[np.bool_], y: Floats) -> tuple[Floats, Floats]:
        z = self.z[known]
        if not len(z):
            return z, z
        z = z - z.mean(axis=0)
        y = y - y.mean(axis=0)
        return y @ (np.linalg.pinv(y.T @ y, rcond=1e-10, hermitian=True) @ (y.T @ z)), z


class _Thresholds:
    """Balanced accuracy, less chance, of naming a category by the quantile of one latent."""

    def __init__(self, z: Floats, factor: Factor, factors: Factors) -> None:
        self.factor, self.train, self.test = factor, factors.train, factors.test
        self.n_labels = factor.targets.shape[1]
        self.levels = n_fine_levels(int(factor.known[factors.train].sum()), self.n_labels)
        self.coded = np.column_stack([quantile_codes(c, self.levels, c[factors.train]) for c in z.T])

    def values(self, shift: int, n_bins: int) -> Floats:
        found = self._right(shift, n_bins)
        if found is None:
            return np.zeros(self.coded.shape[1])
        right, labels = found
        present = np.unique(labels)
        recall = np.stack([right[labels == label].mean(axis=0) for label in present])
        chance = 1 / present.size
        return np.asarray((recall.mean(axis=0) - chance) / (1 - chance))

    def influence(self, j: int, value: float) -> Floats:
        found = self._right(0, len(self.coded))
        if found is None or value == 0:
            return np.zeros(int(self.factor.known[self.test].sum()))
        right, labels = found[0][:, j], found[1]
        sizes = np.bincount(labels, minlength=self.n_labels)
        recall = np.bincount(labels, right, self.n_labels) / np.maximum(sizes, 1)
        present = np.count_nonzero(sizes)
        weight = labels.size / sizes[labels] / present
        return np.asarray((right - recall[labels]) * weight / (1 - 1 / present))

    def _right(self, shift: int, n_bins: int) -> tuple[NDArray[np.bool_], Codes] | None:
        """Whether each latent names each test bin rightly (n_known, n_latents), and the labels (n_known,)."""
        parts = []
        for bins in (self.train, self.test):
            there = (bins + shift) % n_bins
            known = self.factor.known[there]
            parts.append((self.coded[bins[known]], self.factor.values[there[known]].astype(np.intp)))
        (inputs, labels), (held_out, true) = parts
        if not labels.size or np.unique(true).size < 2:
            return None
        sizes = np.maximum(np.bincount(labels, minlength=self.n_labels), 1)
        right = np.empty(held_out.shape, np.bool_)
        for j in range(inputs.shape[1]):
            table = np.bincount(inputs[:, j] * self.n_labels + labels, minlength=self.levels * self.n_labels)
            guess = (table.reshape(self.levels, self.n_labels) / sizes).argmax(axis=1)
            right[:, j] = guess[held_out[:, j]] == true
        return right, true
