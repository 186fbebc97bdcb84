"""Activity of a population, block by block, to a few statistics that a model of it should reproduce."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

N_DRAWS = 39
"""Recordings drawn from a model. Were the recorded one a fortieth draw, its value would be the smallest or the
largest of all with probability 2/40, whatever their distribution: the range of the draws is a 95 % band that
assumes nothing."""

NOMINAL = 1 - 2 / (N_DRAWS + 1)
"""Share of the units, pairs or stretches that the band of a true model holds."""

N_STRETCHES = 20
"""Stretches of bins whose share of silent bins is told apart."""

MIN_STRETCH, MOST_STRETCH = 20, 256
"""Bins of a stretch. The cost of a draw grows with its bins, so of a long recording only these are drawn, from
stretches spread evenly over it. It also makes the bands of long and of longer recordings equally narrow."""

MOST_UNITS, MOST_PAIRS = 128, 2000
"""Units that pairs are formed of, and pairs: the products of all pairs grow with the square of the units."""

ROUNDING = 1e-12
"""Part of the mean square below which a variance is what rounding left of 0."""

OF_COUNTS = frozenset({"fano_factor", "silent_bins"})
"""Statistics that mean nothing where the unit of measure, or the zero, is arbitrary."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """Where the statistics are taken.

    Parameters
    ----------
    bins
        (n_bins,) numbers of the bins, ascending; `n_stretches` stretches of equally many.
    n_stretches
        How many.
    pairs
        (n_pairs, 2) numbers of units.
    """

    bins: NDArray[np.int64]
    n_stretches: int
    pairs: NDArray[np.int64]


@dataclass(frozen=True)
class Statistics:
    """Of one recording, or of several along a first axis; NaN where they are not defined.

    Parameters
    ----------
    rate
        (..., unit) mean activity per bin.
    fano_factor
        (..., unit) variance over mean; not defined for a unit without activity.
    correlation
        (..., pair) Pearson's, of activity in the same bins; not defined for a unit that does not vary.
    silent_bins
        (..., stretch) share of the bins in which the activity of every unit is 0.
    """

    rate: Floats
    fano_factor: Floats
    correlation: Floats
    silent_bins: Floats


@dataclass(frozen=True)
class Predictive:
    """What a model makes of a part of a recording, without having been shown it.

    Parameters
    ----------
    probe
        Where.
    drawn
        Of recordings drawn from the model, along the first axis.
    """

    probe: Probe
    drawn: Statistics


def place_probe(part: NDArray[np.bool_], n_units: int, *, seed: int = 0) -> Probe | None:
    """Choose where to take statistics; None where there are too few bins for a stretch, or no pair of units.

    Parameters
    ----------
    part
        (n_bins,) the bins to choose from.
    n_units
        Number of units.
    seed
        Of the choice of pairs, where there are too many.
    """
    wanted = np.flatnonzero(part)
    n_stretches = min(N_STRETCHES, wanted.size // MIN_STRETCH)
    if n_stretches == 0 or n_units < 2:
        return None
    length = min(MOST_STRETCH, wanted.size // n_stretches)
    starts = np.arange(n_stretches) * wanted.size // n_stretches
    bins = np.concatenate([wanted[start : start + length] for start in starts])
    rng = np.random.default_rng(seed)
    units = np.sort(rng.permutation(n_units)[:MOST_UNITS])
    pairs = np.array(list(combinations(units.tolist(), 2)), np.int64)
    chosen = np.sort(rng.permutation(len(pairs))[:MOST_PAIRS])
    return Probe(bins, n_stretches, pairs[chosen])


def statistics_of(activity: NDArray[np.generic], probe: Probe) -> Statistics:
    """Take the statistics of one recording.

    Parameters
    ----------
    activity
        (n_bins, n_units) of the probe's bins, in their order.
    probe
        Where they are taken.
    """
    running = RunningStatistics(1, activity.shape[1], probe)
    running.add(0, activity[np.newaxis])
    return Statistics(**{name: values[0] for name, values in vars(running.statistics()).items()})


class RunningStatistics:
    """Sums up activity block by block, of several recordings at once.

    Parameters
    ----------
    n_draws, n_units
        Sizes.
    probe
        Where the statistics are taken.
    """

    def __init__(self, n_draws: int, n_units: int, probe: Probe) -> None:
        self._units, self._places = np.unique(probe.pairs, return_inverse=True)
        self._places = self._places.reshape(-1, 2)
        self._length = probe.bins.size // probe.n_stretches
        self._n = 0
        self._sums, self._squares = np.zeros((2, n_draws, n_units))
        self._products = np.zeros((n_draws, self._units.size, self._units.size))
        self._silent = np.zeros((n_draws, probe.n_stretches))

    def add(self, first: int, activity: NDArray[np.generic]) -> None:
        """Add activity (draw, bin, unit) of the probe's bins from the `first` on."""
        values = activity.astype(np.float64)
        self._n += values.shape[1]
        self._sums += values.sum(axis=1)
        self._squares += np.einsum("dbu,dbu->du", values, values)
        paired = values[..., self._units]
        self._products += paired.transpose(0, 2, 1) @ paired
        stretch = (first + np.arange(values.shape[1])) // self._length
        np.add.at(self._silent.T, stretch, (values == 0).all(axis=-1).T)

    def statistics(self) -> Statistics:
        """Return the statistics of all that was added."""
        n, mean = self._n, self._sums / self._n
        mean_square = self._squares / n
        variance = np.where(mean_square - mean**2 > ROUNDING * mean_square, mean_square - mean**2, 0.0)
        i, j = self._places.T
        product, mean_of_paired = self._products[:, i, j] / n, mean[:, self._units]
        scale = np.sqrt(_defined(variance[:, self._units]))
        correlation = (product - mean_of_paired[:, i] * mean_of_paired[:, j]) / (scale[:, i] * scale[:, j])
        return Statistics(mean, variance / _defined(mean), correlation, self._silent / self._length)


def _defined(values: Floats) -> Floats:
    """Return positive values, and NaN for others."""
    return np.where(values > 0, values, np.nan)
