"""How much each latent has to do with each factor to scores of the whole table, with each bin's part in them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 1e-5  # of a numerical derivative, relative to the largest entry

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Relation:
    """A table of latents by factors, the same of shifted factors, and what each bin adds.

    Parameters
    ----------
    values
        (n_latents, n_factors), at least 0.
    shifted
        (n_shifts, n_latents, n_factors) the same after each circular shift of the factors.
    share
        Of a latent and a factor: (n_test_bins,), with the entry as its mean and each bin's influence on it as
        deviation from that.
    """

    values: Floats
    shifted: Floats
    share: Callable[[int, int], Floats]

    def believable(self) -> "Relation":
        """Set to 0 what circular shifts reach too, in the whole table.

        Scores that weigh the entries of a row against each other make something out of noise: of three
        entries near 0 one is always several times the others. An entry counts where it exceeds the largest of all
        shifted tables, after dividing each factor by its mean largest shifted entry. Under the null any entry at
        all is left in one table of ``n_shifts + 1``.
        """
        largest = self.shifted.max(axis=1)  # (shift, factor)
        usual = np.maximum(largest.mean(axis=0), np.finfo(float).tiny)
        per_shift = (largest / usual).max(axis=1)
        order = np.sort(per_shift)
        kept = np.where(self.values / usual > order[-1], self.values, 0.0)
        # each shift is held against all others
        rivals = np.where(per_shift == order[-1], order[-2] if order.size > 1 else np.inf, order[-1])
        shifted = np.where(self.shifted / usual > rivals[:, None, None], self.shifted, 0.0)
        return Relation(kept, shifted, self.share)


def shares_of(score: Callable[[Floats], float], relation: Relation, n_bins: int) -> Floats:
    """Share out a score of a table to bins, by the chain rule.

    Parameters
    ----------
    score
        Of a table (n_latents, n_factors).
    relation
        The table; entries of 0 are taken as fixed.
    n_bins
        Number of test bins.

    Returns
    -------
    NDArray
        (n_test_bins,), with the score as its mean.
    """
    shares = np.full(n_bins, score(relation.values))
    step = STEP * max(float(relation.values.max(initial=0.0)), np.finfo(float).tiny)
    for j, k in zip(*np.nonzero(relation.values), strict=True):
        up, down = relation.values.copy(), relation.values.copy()
        up[j, k] += step
        down[j, k] -= step
        slope = (score(up) - score(down)) / (2 * step)
        if slope:
            shares += slope * (relation.share(int(j), int(k)) - relation.values[j, k])
    return shares


def gap(table: Floats) -> Floats:
    """Largest entry of each factor less the second largest: (n_factors,).

    >>> gap(np.array([[0.9, 0.2], [0.1, 0.2]]))
    array([0.8, 0. ])
    """
    ordered = np.sort(table, axis=0)
    return np.asarray(ordered[-1] - ordered[-2])


def spread_over(known: NDArray[np.bool_], mean: float, influence: Floats) -> Floats:
    """Shares (n_bins,) of a mean over known bins: bins without a value have no influence."""
    shares = np.full(known.size, mean)
    shares[known] += influence * (known.size / influence.size)
    return shares
