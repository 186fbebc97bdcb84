"""Pairs of sets of latents to their agreement in test bins: estimates, bootstrap samples and nulls."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ortho_group, rankdata

from alveus.scores.identifiability.agreement import (
    Floats,
    affine_r2,
    correlation,
    matched,
    mcc,
    mcc_weak,
    moments_of,
    procrustes_r2,
    udr,
)
from alveus.scores.identifiability.halves import Blocks, blocks_of, halves, joined_with_ones
from alveus.scores.intervals import block_length
from alveus.scores.nulls import autocorrelation_length, circular_shifts
from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import shares_of_mcc

SCORES = ("mcc_strong", "mcc_spearman", "mcc_weak", "affine_r2", "procrustes_r2", "udr")
ROTATED_SCORES = ("mcc_strong", "mcc_spearman", "udr")  # others do not change under a rotation
ROTATIONS = 200  # sets of random ones
ROTATED_BINS = 1000  # evenly spaced: a correlation over these errs by 0.03, far less than rotations differ
SHIFTED_BINS = 20_000  # evenly spaced, for shifts

Scored = dict[str, Floats]


@dataclass(frozen=True)
class Pair:
    """Agreement of two sets.

    Parameters
    ----------
    first, second
        Numbers of the sets.
    drawn
        Each score's (1 + resamples,): the estimate, then bootstrap samples.
    matched
        (1 + resamples, p) and (1 + resamples, q) |correlation| of each latent with its partner.
    shifted
        Each score's (n_shifts,) with the second set shifted in time against the first.
    """

    first: int
    second: int
    drawn: Scored
    matched: tuple[Floats, Floats]
    shifted: Scored


@dataclass(frozen=True)
class Pairs:
    """All pairs of some sets of latents.

    Parameters
    ----------
    pairs
        In the order of `itertools.combinations`.
    blocks
        The test bins they were compared on.
    rotated
        Each score's (n_rotations,): mean over all pairs of as many random rotations of one set as there are sets.
    rotated_latent
        (…,) likewise, mean |correlation| of single latents with their partners.
    """

    pairs: tuple[Pair, ...]
    blocks: Blocks
    rotated: Scored
    rotated_latent: Floats

    def drawn(self, score: str) -> Floats:
        """(n_pairs, 1 + resamples)."""
        return np.stack([pair.drawn[score] for pair in self.pairs])

    def shifted(self, score: str) -> Floats:
        """(n_shifts,) mean over pairs."""
        return np.asarray(np.stack([pair.shifted[score] for pair in self.pairs]).mean(axis=0))


def compare_pairs(
    sets: list[NDArray[np.floating]],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *names: str | int,
    isotropic: bool,
) -> Pairs:
    """Compare every two of several sets of latents of the same bins.

    Parameters
    ----------
    sets
        (n_bins, n_latents) each, in units in which the prior is the same in all directions, without dead latents.
    split
        (n_bins,).
    settings
        Of nulls and resamples.
    *names
        For generators of their own.
    isotropic
        Whether the sets are in units of a prior that any rotation leaves as it is; else random rotations are of
        the whitened latents.
    """
    gap = autocorrelation_length(sets[0])
    parts = halves(split, gap)
    test = np.concatenate(parts)
    pairs = list(combinations(range(len(sets)), 2))
    in_time = np.sort(test)
    length = max(block_length(shares_of_mcc(sets[i][in_time], sets[j][in_time])) for i, j in pairs)
    blocks = blocks_of(parts, length)
    values = [latents[test].astype(np.float64) for latents in sets]
    ranks = [rankdata(part, axis=0) for part in values]
    draws = blocks.draws(settings, *names)
    shifted = _shifted(sets, pairs, parts, settings, *names)
    found = []
    for number, (i, j) in enumerate(pairs):
        scored, both = _scored(blocks, draws, (values[i], values[j]), (ranks[i], ranks[j]))
        found.append(Pair(i, j, scored, both, shifted[number]))
    widest = max(values, key=lambda latents: latents.shape[1])
    rotated, latent = _rotated(widest, len(sets), settings, isotropic=isotropic)
    return Pairs(tuple(found), blocks, rotated, latent)


def _scored(
    blocks: Blocks, draws: Floats, values: tuple[Floats, Floats], ranks: tuple[Floats, Floats]
) -> tuple[Scored, tuple[Floats, Floats]]:
    by_half = [
        _summed(draws[:, blocks.half == half], products)
        for products in [blocks.products(*values)]
        for half, products in ((0, products[blocks.half == 0]), (1, products[blocks.half == 1]))
    ]
    ranked = _summed(draws, blocks.products(*ranks))
    p = values[0].shape[1]
    return _scores_of(by_half, ranked, p), matched(correlation(moments_of(sum(by_half[1:], by_half[0]), p)))


def _summed(draws: Floats, products: Floats) -> Floats:
    return np.asarray(np.tensordot(draws, products, axes=1))


def _scores_of(by_half: list[Floats], ranked: Floats, p: int) -> Scored:
    """Turn sums of products of both halves, and of ranks, (n, p + q + 1, p + q + 1), into (n,) of each score."""
    one, other = (moments_of(products, p) for products in by_half)
    rank_correlation = correlation(moments_of(ranked, p))
    return {
        "mcc_strong": mcc(correlation(moments_of(by_half[0] + by_half[1], p))),
        "mcc_spearman": mcc(rank_correlation),
        "udr": udr(rank_correlation),
        "mcc_weak": (mcc_weak(one, other) + mcc_weak(other, one)) / 2,
        "affine_r2": (affine_r2(one, other) + affine_r2(other, one)) / 2,
        "procrustes_r2": (procrustes_r2(one, other) + procrustes_r2(other, one)) / 2,
    }


def _shifted(
    sets: list[NDArray[np.floating]],
    pairs: list[tuple[int, int]],
    parts: tuple[NDArray[np.intp], NDArray[np.intp]],
    settings: ScoreSettings,
    *names: str | int,
) -> list[Scored]:
    shifts = circular_shifts(sets[0], settings, "pairs", *names)
    if not shifts:
        return [{score: np.zeros(0) for score in SCORES} for _ in pairs]
    step = -(-sum(map(len, parts)) // SHIFTED_BINS)
    thinned = [part[::step] for part in parts]
    ranks = [rankdata(latents, axis=0).astype(np.float32) for latents in sets]
    found = []
    for i, j in pairs:
        products: list[list[Floats]] = [[], [], []]
        for shift in shifts:
            moved = [(bins - shift) % len(sets[0]) for bins in thinned]
            for half in (0, 1):
                products[half].append(_gram(sets[i][thinned[half]], sets[j][moved[half]]))
            every = np.concatenate(thinned), np.concatenate(moved)
            products[2].append(_gram(ranks[i][every[0]], ranks[j][every[1]]))
        one, other, ranked = (np.stack(part) for part in products)
        found.append(_scores_of([one, other], ranked, sets[i].shape[1]))
    return found


def _gram(one: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
    joined = joined_with_ones(one, other)
    return np.asarray(joined.T @ joined)


def _rotated(latents: Floats, n_sets: int, settings: ScoreSettings, *, isotropic: bool) -> tuple[Scored, Floats]:
    """Score random rotations of one set against each other; a single latent has no other axes to score."""
    n_latents = latents.shape[1]
    if n_latents < 2:
        return {score: np.zeros(0) for score in ROTATED_SCORES}, np.zeros(0)
    sample = latents[:: max(1, len(latents) // ROTATED_BINS)]
    sample = sample - sample.mean(axis=0)
    if not isotropic:
        sample = np.linalg.svd(sample, full_matrices=False)[0]
    rng = settings.generator("rotation", n_latents, n_sets)
    tables: Mapping[str, list[Floats]] = {"values": [], "ranks": []}
    for _ in range(ROTATIONS):
        rotations = ortho_group.rvs(n_latents, size=n_sets, random_state=rng).reshape(n_sets, n_latents, n_latents)
        turned = (sample @ rotations).transpose(1, 0, 2).reshape(len(sample), -1)
        for kind, values in (("values", turned), ("ranks", rankdata(turned, axis=0))):
            whole = np.corrcoef(values, rowvar=False)
            blocks = np.abs(whole).reshape(n_sets, n_latents, n_sets, n_latents).swapaxes(1, 2)
            tables[kind].append(np.stack([blocks[i, j] for i, j in combinations(range(n_sets), 2)]))
    values, ranks = (np.concatenate(tables[kind]) for kind in ("values", "ranks"))
    one, other = matched(values)
    pairs = list(combinations(range(n_sets), 2))
    by_draw = np.stack([one, other]).reshape(2, ROTATIONS, len(pairs), n_latents)
    first = [number for number, (i, _) in enumerate(pairs) if i == 0]
    return {
        "mcc_strong": mcc(values).reshape(ROTATIONS, -1).mean(axis=1),
        "mcc_spearman": mcc(ranks).reshape(ROTATIONS, -1).mean(axis=1),
        "udr": udr(ranks).reshape(ROTATIONS, -1).mean(axis=1),
    }, by_draw[0][:, first].mean(axis=1).ravel()
