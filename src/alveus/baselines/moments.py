"""Training bins to the mean and covariance of their square-rooted counts: of all, and of resampled blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.bins import TrainingBins, root
from alveus.errors import SettingError

RESAMPLED_SECONDS = 10.0
"""Length of the blocks that are drawn to make a resample. Activity is autocorrelated over seconds; drawn bin by
bin, every resample would hold nearly the same information and seeds would agree better than new data would. With
much longer blocks a session has too few of them to vary."""

CONSTANT = 1e-9
"""A standard deviation this small beside the mean is rounding: float64 sums err by about 1e-15."""

NO_VARIANCE = 1e-10
"""A principal variance this small beside the largest is rounding: eigenvalues err by about 1e-15 of it."""


@dataclass(frozen=True)
class Moments:
    """What principal components and factors depend on.

    Parameters
    ----------
    n_bins
        Number of bins they were taken from.
    mean
        (n_units,) of square-rooted counts, or of activity that is no count.
    covariance
        (n_units, n_units) of the same, over n_bins - 1.
    of_counts
        Whether the activity is counts, which square roots have brought to one scale.
    """

    n_bins: float
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    of_counts: bool = True

    @property
    def varies(self) -> NDArray[np.bool_]:
        """(n_units,) units that are not silent or constant."""
        return np.asarray(np.sqrt(self.covariance.diagonal().clip(0)) > CONSTANT * np.abs(self.mean))

    @property
    def scale(self) -> NDArray[np.float64]:
        """(n_units,) what a unit's activity is divided by before its variance is weighed against that of others.

        1 for counts. Events and traces have a unit of measure each, so it is their standard deviation; 1 for units
        that do not vary.
        """
        if self.of_counts:
            return np.ones_like(self.mean)
        return np.sqrt(np.where(self.varies, self.covariance.diagonal(), 1.0))

    @property
    def scaled(self) -> NDArray[np.float64]:
        """(n_units, n_units) covariance of the activity divided by `scale`."""
        return np.asarray(self.covariance / np.outer(self.scale, self.scale))


def resampled_moments(bins: TrainingBins, n_seeds: int) -> list[Moments]:
    """Return the moments of the training bins for each seed, in one pass.

    Methods that know no randomness get it from the data: seed 0 is the whole training part; the others are
    contiguous blocks of it of about `RESAMPLED_SECONDS`, drawn with replacement until there are as many as before.
    """
    n_units = bins.counts.shape[1]
    blocks = list(bins.blocks(max(1, round(RESAMPLED_SECONDS / bins.bin_size))))
    weights = _resamples(len(blocks), n_seeds)  # (block, seed): how often a seed draws a block
    # One pass for all seeds, which needs no more memory than n_seeds matrices of (unit, unit).
    n_bins = np.zeros(n_seeds)
    total = np.zeros((n_seeds, n_units))
    products = np.zeros((n_seeds, n_units, n_units))
    shift = root(bins.counts[blocks[0]]).mean(0)  # products of small numbers keep their digits
    for block, drawn in zip(blocks, weights, strict=True):
        rooted = root(bins.counts[block]) - shift
        block_total, block_products = rooted.sum(0), rooted.T @ rooted
        for seed in np.flatnonzero(drawn):
            n_bins[seed] += drawn[seed] * rooted.shape[0]
            total[seed] += drawn[seed] * block_total
            products[seed] += drawn[seed] * block_products
    of_counts = np.issubdtype(bins.counts.dtype, np.integer)
    return [_moments(n_bins[seed], total[seed], products[seed], shift, of_counts) for seed in range(n_seeds)]


def principal_axes(covariance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variances (n_units,) along the principal axes and the axes (axis, unit), the largest first."""
    variance, vectors = np.linalg.eigh(covariance)  # ascending
    return variance[::-1], vectors[:, ::-1].T


def refuse_low_rank(variance: NDArray[np.float64], moments: Moments, n_latents: int) -> None:
    """Raise a `SettingError` when the activity varies along fewer axes than there are latents.

    Parameters
    ----------
    variance
        Along the principal axes, the largest first.
    moments
        Of the same activity.
    n_latents
        Number of latents asked for.
    """
    rank = int((variance > NO_VARIANCE * variance.max(initial=0.0)).sum())
    if rank < n_latents:
        n_units, n_constant = moments.mean.size, int((~moments.varies).sum())
        remedy = f"set `latents` to {rank} or less, or leave the model out" if rank else "leave the model out"
        raise SettingError(
            f"{n_latents} latents for activity that varies along {rank} axes only, in {moments.n_bins:.0f} "
            f"training bins of {n_units} units, {n_constant} of them silent or constant there: {remedy}"
        )


def _resamples(n_blocks: int, n_seeds: int) -> NDArray[np.int64]:
    drawn = np.ones((n_blocks, n_seeds), np.int64)
    for seed in range(1, n_seeds):
        choice = np.random.default_rng(seed).integers(n_blocks, size=n_blocks)
        drawn[:, seed] = np.bincount(choice, minlength=n_blocks)
    return drawn


def _moments(
    n_bins: float,
    total: NDArray[np.float64],
    products: NDArray[np.float64],
    shift: NDArray[np.float64],
    of_counts: bool,
) -> Moments:
    mean = total / n_bins
    covariance = (products - n_bins * np.outer(mean, mean)) / max(n_bins - 1, 1)
    return Moments(float(n_bins), mean + shift, covariance, of_counts)
