"""Latents and factors to disentanglement, completeness and informativeness.

Eastwood & Williams (2018), A framework for the quantitative evaluation of disentangled representations.

A factor is predicted by a sum of bent functions of each latent, fitted by ridge regression on training bins. The
paper's lasso sees straight lines only, and of two equal latents keeps one by chance; the impurity of its random
forests gives latents of pure noise a share. What takes two latents at once, as their product, is not seen here.

A latent's importance is what the squared error of test bins gains when the latent is replaced by its values at
other times (Breiman 2001; Fisher, Rudin & Dominici 2019). For a sum of functions the mean over all replacements
has a closed form.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.scores.disentanglement.discretise import winsorise
from alveus.scores.disentanglement.factors import Factor, Factors
from alveus.scores.disentanglement.hats import hats, knots_of
from alveus.scores.disentanglement.relation import Relation, spread_over

PENALTY = 1e-3  # per bin, on hats whose variance is about 0.1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """What regressions on all latents make of the factors.

    Parameters
    ----------
    relation
        Importance of each latent for each factor: gain of the squared error, relative to the factor's variance.
    r2
        (n_factors,) 1 − SSE/SST over test bins.
    r2_shares
        (n_factors, n_test_bins) with `r2` as means.
    r2_shifted
        (n_shifts, n_factors).
    """

    relation: Relation
    r2: Floats
    r2_shares: Floats
    r2_shifted: Floats


@dataclass(frozen=True)
class _Basis:
    """Centred functions of all latents in training and test (n, n_functions), and which are whose."""

    train: Floats
    test: Floats
    columns: tuple[slice, ...]
    square: Floats

    def fit(self, known: NDArray[np.bool_], targets: Floats) -> Floats:
        """Weights (n_functions, n_targets) of centred targets (n_known, n_targets)."""
        inputs = self.train if known.all() else self.train[known] - self.train[known].mean(axis=0)
        square = self.square if known.all() else inputs.T @ inputs / len(inputs)
        return np.asarray(
            np.linalg.solve(square + PENALTY * np.eye(len(square)), inputs.T @ targets / len(inputs))
        )


def importance(latents: NDArray[np.floating], factors: Factors) -> Importance:
    """Regress each factor on the latents and weigh each latent's part.

    Parameters
    ----------
    latents
        (n_bins, n_latents), finite.
    factors
        What to predict.

    Returns
    -------
    Importance
    """
    basis, n_bins, test = _basis(latents, factors), len(latents), factors.test
    shape = (len(basis.columns), len(factors.items))
    values, r2 = np.zeros(shape), np.zeros(shape[1])
    shifted, r2_shifted = np.zeros((len(factors.shifts), *shape)), np.zeros((len(factors.shifts), shape[1]))
    r2_shares = np.zeros((shape[1], test.size))
    predictions = []
    for k, factor in enumerate(factors.items):
        for s, shift in enumerate(factors.shifts):
            found = _predict(basis, factor, factors, shift, n_bins)
            if found is not None:
                shifted[s, :, k], r2_shifted[s, k] = np.maximum(0, found.importances()), found.r2
        found = _predict(basis, factor, factors, 0, n_bins)
        predictions.append(found)
        if found is None:
            continue
        values[:, k], r2[k] = np.maximum(0, found.importances()), found.r2
        gain = found.spread - (found.error**2).sum(axis=1)
        influence = (gain - found.r2 * found.spread) / found.variance
        r2_shares[k] = spread_over(found.known, found.r2, influence)

    def share(j: int, k: int) -> Floats:
        found = predictions[k]
        if found is None:
            return np.zeros(test.size)
        part = found.part(j)
        at_bin = 2 * ((found.error + part) * part).sum(axis=1)
        influence = (at_bin - at_bin.mean() - values[j, k] * (found.spread - found.variance)) / found.variance
        return spread_over(found.known, float(values[j, k]), influence)

    return Importance(Relation(values, shifted, share), r2, r2_shares, r2_shifted)


def disentanglement_per_latent(importances: Floats) -> Floats:
    """One less the entropy, in base n_factors, of a latent's importances over factors.

    Parameters
    ----------
    importances
        (n_latents, n_factors), at least 0; at least two factors.

    Returns
    -------
    NDArray
        (n_latents,) from 0 to 1; NaN for a latent of no importance.

    Examples
    --------
    >>> disentanglement_per_latent(np.array([[2.0, 0.0], [1.0, 1.0]]))
    array([1., 0.])
    """
    total = importances.sum(axis=1, keepdims=True)
    p = importances / np.where(total > 0, total, 1.0)
    entropy = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1) / np.log(importances.shape[1])
    return np.asarray(np.where(total[:, 0] > 0, 1 - entropy, np.nan))


def completeness_per_factor(importances: Floats) -> Floats:
    """One less the entropy, in base n_latents, of the latents' importances for a factor; see above."""
    return disentanglement_per_latent(importances.T)


def dci_disentanglement(importances: Floats) -> float:
    """Mean over latents, weighted by their importance; 0 without any."""
    return _weighted(disentanglement_per_latent(importances), importances.sum(axis=1))


def dci_completeness(importances: Floats) -> float:
    """Mean over factors, weighted by how far latents tell of them; 0 without any."""
    return _weighted(completeness_per_factor(importances), importances.sum(axis=0))


def _weighted(values: Floats, weights: Floats) -> float:
    return float(np.nansum(values * weights) / weights.sum()) if weights.sum() > 0 else 0.0


@dataclass(frozen=True)
class _Prediction:
    """Errors (n_known, n_targets) and squared spread (n_known,) of test bins whose value is known."""

    known: NDArray[np.bool_]
    error: Floats
    spread: Floats
    functions: Floats
    columns: tuple[slice, ...]
    weights: Floats

    @property
    def variance(self) -> float:
        return float(self.spread.mean())

    @property
    def r2(self) -> float:
        return 1 - float((self.error**2).sum() / self.spread.sum())

    def part(self, j: int) -> Floats:
        """Return what latent j adds to the prediction, about its mean (n_known, n_targets)."""
        mine = self.columns[j]
        part = self.functions[:, mine] @ self.weights[mine]
        return np.asarray(part - part.mean(axis=0))

    def importances(self) -> Floats:
        """Mean of (error + part − part elsewhere)² − error², relative to the variance: (n_latents,)."""
        found = np.empty(len(self.columns))
        for j in range(found.size):
            part = self.part(j)
            found[j] = 2 * ((self.error + part) * part).sum() / self.spread.sum()
        return found


def _basis(latents: NDArray[np.floating], factors: Factors) -> _Basis:
    z = winsorise(latents, factors.train)
    parts: tuple[list[Floats], list[Floats]] = ([], [])
    columns: list[slice] = []
    first = 0
    for column in z.T:
        knots = knots_of(column[factors.train])
        n = knots.size if knots.size > 1 else 0  # a constant latent has no function
        columns.append(slice(first, first + n))
        first += n
        for part, bins in zip(parts, (factors.train, factors.test), strict=True):
            part.append(hats(column[bins], knots)[:, :n])
    train, test = (np.concatenate(part, axis=1) for part in parts)
    centre = train.mean(axis=0)
    train -= centre
    return _Basis(train, test - centre, tuple(columns), train.T @ train / len(train))


def _predict(basis: _Basis, factor: Factor, factors: Factors, shift: int, n_bins: int) -> _Prediction | None:
    fit_on, score_on = ((bins + shift) % n_bins for bins in (factors.train, factors.test))
    known_there, known = factor.known[fit_on], factor.known[score_on]
    if not known_there.any() or not known.any():
        return None
    y = factor.targets[fit_on][known_there]
    weights = basis.fit(known_there, y - y.mean(axis=0))
    true = factor.targets[score_on][known]
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=1)
    if spread.sum() <= 0:
        return None
    functions = basis.test if known.all() else basis.test[known]
    offset = y.mean(axis=0) - basis.train[known_there].mean(axis=0) @ weights
    error = true - functions @ weights - offset
    return _Prediction(known, error, spread, functions, basis.columns, weights)
