"""Latents and factors to the share of each factor's entropy that each latent tells."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.disentanglement.discretise import n_fine_levels, n_levels, quantile_codes
from alveus.scores.disentanglement.factors import Factors
from alveus.scores.disentanglement.mutual_information import histograms, mutual_information, pointwise
from alveus.scores.disentanglement.relation import Relation, spread_over

LEAST_ROOM = 0.05  # of a factor's entropy: what shifted factors must leave, or nothing could be told above them

Floats = NDArray[np.float64]


def information(latents: NDArray[np.floating], factors: Factors) -> Relation:
    """Relate each latent to each factor by adjusted mutual information, as a share of the factor's entropy.

    ``(I − E) / (H − E)`` over test bins, with E the mean information of circularly shifted factors: it takes off
    what a histogram of few bins and two slow signals share by chance. So a latent that is the factor has 1 and an
    unrelated one has about 0, however slow both are. Vinh et al. have permutations in place of shifts.

    Parameters
    ----------
    latents
        (n_bins, n_latents), finite.
    factors
        With at least one shift.

    Returns
    -------
    Relation

    References
    ----------
    Vinh, Epps & Bailey (2010), Information theoretic measures for clusterings comparison, JMLR 11.
    """
    test, n_bins = factors.test, len(latents)
    z = np.asarray(latents[test], np.float64)
    shape = (z.shape[1], len(factors.items))
    values, shifted = np.zeros(shape), np.zeros((len(factors.shifts), *shape))
    expected, room = np.zeros(shape), np.ones(shape)
    tables = []
    for k, factor in enumerate(factors.items):
        known = factor.known[test]
        levels = n_levels(int(known.sum()))
        codes = factor.codes(levels, test[known])  # levels of the same bins: equal signals get equal codes
        n_codes = int(codes.max()) + 1
        if factor.kind != "continuous":
            levels = n_fine_levels(int(known.sum()), n_codes)
        coded = np.column_stack([quantile_codes(column, levels, column[known]) for column in z.T])
        joint = histograms(coded[known], codes[test[known]], levels, n_codes)
        told = mutual_information(joint)
        p = joint[0].sum(axis=0) / known.sum()
        surprise = -np.log(np.where(p > 0, p, 1.0))
        entropy = float(p @ surprise)
        null = np.zeros((len(factors.shifts), shape[0]))
        for s, shift in enumerate(factors.shifts):
            there = (test + shift) % n_bins
            both = factor.known[there]
            if both.any():
                null[s] = mutual_information(histograms(coded[both], codes[there[both]], levels, n_codes))
        expected[:, k] = null.mean(axis=0)
        room[:, k] = np.maximum(entropy - expected[:, k], LEAST_ROOM * entropy)
        values[:, k] = np.maximum(0, (told - expected[:, k]) / room[:, k])
        # held against the mean of the others, as the latents are: a mean that contains it would lie nearer
        others = len(factors.shifts) / max(1, len(factors.shifts) - 1)
        shifted[:, :, k] = np.maximum(0, others * (null - expected[:, k]) / room[:, k])
        tables.append((known, coded[known], codes[test[known]], pointwise(joint), surprise))

    def share(j: int, k: int) -> Floats:
        known, latent, codes, cells, surprise = tables[k]
        told, whole = cells[j, latent[:, j], codes], surprise[codes]
        influence = (told - told.mean() - values[j, k] * (whole - whole.mean())) / room[j, k]
        return spread_over(known, float(values[j, k]), influence)

    return Relation(values, shifted, share)
