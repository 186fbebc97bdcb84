"""Turns training bins into principal components of square-rooted counts, and any bins into their latents.

Pearson (1901), Phil. Mag. 2:559; square root: Anscombe (1948), Biometrika 35:246.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BLOCK_BINS = 8192
"""Bins turned into floating-point numbers at a time at the most."""

RESAMPLED_SECONDS = 10.0
"""Length of the blocks that are drawn to make a resample. Activity is autocorrelated over seconds; drawn bin by
bin, every resample would hold nearly the same information and seeds would agree better than new data would. With
much longer blocks a session has too few of them to vary."""

ANSCOMBE = 3 / 8
"""Makes the variance of a square-rooted Poisson count nearest to constant, down to means of about 4."""

Parameters = dict[str, NDArray[np.float32]]


def fit_pca(
    counts: NDArray[np.generic],
    train: NDArray[np.bool_],
    segment: NDArray[np.integer],
    bin_size: float,
    *,
    n_latents: int,
    n_seeds: int,
) -> list[Parameters]:
    """Fit principal components on the training bins, once per seed.

    PCA knows no randomness, so what seeds vary are the data: seed 0 is the whole training part; the others are
    contiguous blocks of it of about `RESAMPLED_SECONDS`, drawn with replacement until there are as many as before.

    Parameters
    ----------
    counts
        (n_bins, n_units); whole numbers are square-rooted (Anscombe), others taken as they are.
    train
        (n_bins,) bins to fit on.
    segment
        (n_bins,) number of the stretch without a gap that a bin is part of; no block spans two.
    bin_size
        Width of a bin [s].
    n_latents
        Number of components.
    n_seeds
        Number of fits.

    Returns
    -------
    One mapping per seed: `mean` (unit,), `components` (latent, unit) and `explained_variance` (latent,) of the
    rooted counts, as in scikit-learn. A component points where its largest weight is positive.
    """
    n_units = counts.shape[1]
    blocks = list(contiguous_blocks(train, segment, max(1, round(RESAMPLED_SECONDS / bin_size))))
    weights = _resamples(len(blocks), n_seeds)  # (block, seed): how often a seed draws a block
    # One pass for all seeds, which needs no more memory than n_seeds matrices of (unit, unit).
    n_bins = np.zeros(n_seeds)
    total = np.zeros((n_seeds, n_units))
    products = np.zeros((n_seeds, n_units, n_units))
    shift = root(counts[blocks[0]]).mean(0)  # products of small numbers keep their digits
    for block, drawn in zip(blocks, weights, strict=True):
        rooted = root(counts[block]) - shift
        block_total, block_products = rooted.sum(0), rooted.T @ rooted
        for seed in np.flatnonzero(drawn):
            n_bins[seed] += drawn[seed] * rooted.shape[0]
            total[seed] += drawn[seed] * block_total
            products[seed] += drawn[seed] * block_products
    return [_components(n_bins[seed], total[seed], products[seed], shift, n_latents) for seed in range(n_seeds)]


def project(parameters: Parameters, counts: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the latents (n_bins, n_latents) float32 of bins (n_bins, n_units)."""
    n_bins, n_latents = counts.shape[0], parameters["components"].shape[0]
    mean = parameters["mean"].astype(np.float64)
    axes = parameters["components"].astype(np.float64).T
    latents = np.empty((n_bins, n_latents), np.float32)
    for first in range(0, n_bins, BLOCK_BINS):
        block = slice(first, first + BLOCK_BINS)
        latents[block] = (root(counts[block]) - mean) @ axes
    return latents


def root(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return 2√(x + 3/8), which has a variance near 1 for Poisson counts; activity that is no count as it is."""
    if np.issubdtype(counts.dtype, np.integer):
        return np.asarray(2.0 * np.sqrt(np.add(counts, ANSCOMBE, dtype=np.float64)))
    return counts.astype(np.float64)


def contiguous_blocks(train: NDArray[np.bool_], segment: NDArray[np.integer], length: int) -> Iterator[slice]:
    """Cut the runs of neighbouring training bins into blocks of nearly equal size, none longer than `length`.

    >>> train, segment = np.array([1, 1, 1, 1, 0, 1, 1], bool), np.array([0, 0, 0, 0, 0, 0, 1])
    >>> list(contiguous_blocks(train, segment, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(5, 6, None), slice(6, 7, None)]
    """
    length = min(length, BLOCK_BINS)
    where = np.flatnonzero(train)
    parted = (np.diff(where) > 1) | (np.diff(segment[where]) != 0)
    for run in np.split(where, np.flatnonzero(parted) + 1):
        first, n_blocks = int(run[0]), -(-run.size // length)
        edges = [first + run.size * i // n_blocks for i in range(n_blocks + 1)]
        yield from (slice(*ends) for ends in pairwise(edges))


def _resamples(n_blocks: int, n_seeds: int) -> NDArray[np.int64]:
    drawn = np.ones((n_blocks, n_seeds), np.int64)
    for seed in range(1, n_seeds):
        choice = np.random.default_rng(seed).integers(n_blocks, size=n_blocks)
        drawn[:, seed] = np.bincount(choice, minlength=n_blocks)
    return drawn


def _components(
    n_bins: float,
    total: NDArray[np.float64],
    products: NDArray[np.float64],
    shift: NDArray[np.float64],
    n_latents: int,
) -> Parameters:
    mean = total / n_bins
    covariance = (products - n_bins * np.outer(mean, mean)) / max(n_bins - 1, 1)
    variance, vectors = np.linalg.eigh(covariance)  # ascending
    components = vectors[:, ::-1][:, :n_latents].T
    largest = np.abs(components).argmax(1)
    components = components * np.sign(components[np.arange(n_latents), largest])[:, None]
    return {
        "mean": (mean + shift).astype(np.float32),
        "components": components.astype(np.float32),
        "explained_variance": variance[::-1][:n_latents].clip(0).astype(np.float32),
    }
