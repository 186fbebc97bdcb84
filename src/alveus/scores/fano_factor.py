"""Counts to how much more they vary than a Poisson process of constant rate would."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.intervals import MIN_BLOCKS, block_length
from alveus.scores.rows import Row, not_estimable
from alveus.scores.settings import ScoreSettings

QUANTILES = {"median over units": 0.5, "10th percentile over units": 0.1, "90th percentile over units": 0.9}
MAX_BLOCKS = 1000  # longer blocks only make the interval safer, and their sums stay small in memory


def fano_factor(counts: NDArray[np.integer], settings: ScoreSettings) -> list[Row]:
    """Variance over mean of each unit's counts per bin, as quantiles over units.

    Slow changes of rate raise it as much as irregular spiking does: it says whether counts are wider than Poisson
    given a constant rate, not given the latents.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    settings
        Of the interval, from resampled blocks of bins.

    Returns
    -------
    list of Row
        Median, 10th and 90th percentile over the units that spiked.

    References
    ----------
    Fano (1947), Ionization yield of radiations. II. The fluctuations of the number of ions.
    """
    score = "fano_factor"
    n_bins = counts.shape[0]
    length = max(block_length(counts.sum(axis=1)), -(-n_bins // MAX_BLOCKS))
    sums, squares, sizes = _block_moments(counts, length)
    spiking = sums.sum(axis=0) > 0
    if not spiking.any() or n_bins < 2:
        return [not_estimable(score, "no unit spiked", target=target) for target in QUANTILES]
    sums, squares = sums[:, spiking], squares[:, spiking]
    everything = np.arange(len(sizes))
    values = np.quantile(_fano(sums, squares, sizes, everything), list(QUANTILES.values()))
    notes = [f"{int(spiking.sum())} units", "1 for Poisson counts of constant rate"]
    if len(sizes) < MIN_BLOCKS:
        notes.append(f"no interval: {n_bins} bins are only {len(sizes)} independent stretches")
        low = high = [None] * len(values)
    else:
        rng = settings.generator("bootstrap", score)
        resampled = [
            np.quantile(
                _fano(sums, squares, sizes, rng.integers(len(sizes), size=len(sizes))), list(QUANTILES.values())
            )
            for _ in range(settings.resamples)
        ]
        low, high = np.percentile(resampled, [2.5, 97.5], axis=0).tolist()
    return [
        Row(score, target, None, float(value), low[i], high[i], note="; ".join(notes))
        for i, (target, value) in enumerate(zip(QUANTILES, values, strict=True))
    ]


def _fano(
    sums: NDArray[np.float64], squares: NDArray[np.float64], sizes: NDArray[np.int64], blocks: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Fano factor of each unit in these blocks of bins; units silent in all of them are left out."""
    n = sizes[blocks].sum()
    total = sums[blocks].sum(axis=0)
    heard = total > 0
    mean = total[heard] / n
    variance = (squares[blocks].sum(axis=0)[heard] - n * mean**2) / (n - 1)
    return np.asarray(variance / mean)


def _block_moments(
    counts: NDArray[np.integer], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Sum counts and their squares in blocks of bins, (n_blocks, n_units) each; return the blocks' sizes too."""
    starts = np.arange(0, counts.shape[0], length)
    sums, squares = np.empty((2, starts.size, counts.shape[1]))
    for i, start in enumerate(starts):
        block = counts[start : start + length].astype(np.float64)
        sums[i], squares[i] = block.sum(axis=0), (block**2).sum(axis=0)
    sizes = np.diff(np.append(starts, counts.shape[0]))
    return sums, squares, sizes
