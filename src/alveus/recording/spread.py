"""Activity in arbitrary units of measure to what makes errors of different units comparable."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_NUMBERS = 1 << 18
"""Numbers turned into float64 at a time: 2 MB, which a cache holds."""

LEAST_SPREAD = 1e-6
"""Standard deviation, as part of the mean, below which single precision knows no difference between bins."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Mean and size of the activity of each unit; every array is (n_units,).

    Parameters
    ----------
    mean
        In training bins.
    training
        Standard deviation in training bins.
    weight
        One over the variance of all bins about the mean; 0 for a unit that does not vary in training, of which
        nothing can be learned. Over all bins, since a unit with a single event in training, and many after it,
        would else outweigh all others.
    """

    mean: Floats
    training: Floats
    weight: Floats

    @property
    def varies(self) -> NDArray[np.bool_]:
        """Units that vary in training."""
        return self.weight > 0


def spread_of_units(activity: NDArray[Any], train: NDArray[np.bool_]) -> Spread:
    """Take mean and spread of each unit.

    Parameters
    ----------
    activity
        (n_bins, n_units), read block by block.
    train
        (n_bins,) training bins.
    """
    n_bins, n_units = activity.shape
    first = activity[int(np.argmax(train))].astype(np.float64) if n_bins else np.zeros(n_units)
    sums, squares = np.zeros((2, 2, n_units))  # of all bins, and of training bins, less the first of these
    size = max(1, BLOCK_NUMBERS // max(1, n_units))
    for start in range(0, n_bins, size):
        block = activity[start : start + size].astype(np.float64) - first
        for place, part in enumerate((block, block[train[start : start + size]])):
            sums[place] += part.sum(axis=0)
            squares[place] += np.einsum("bu,bu->u", part, part)
    n_train = max(1, int(np.count_nonzero(train)))
    shift = sums[1] / n_train
    variance = np.maximum(squares[1] / n_train - shift**2, 0.0)
    around = np.maximum(
        (squares[0] - 2 * shift * sums[0]) / max(1, n_bins) + shift**2, variance * n_train / max(1, n_bins)
    )
    training = np.sqrt(variance)
    varies = training > LEAST_SPREAD * np.abs(first + shift)
    weight = np.divide(1.0, around, out=np.zeros(n_units), where=varies)
    return Spread(first + shift, training, weight)
