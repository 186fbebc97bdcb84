"""Counts of neighbouring bins to sums weighed by a Gaussian, block by block and within segments."""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

REACH = 3.0  # standard deviations; beyond, a weight is below 1.2 % of the largest

Side = Literal["past", "others", "all"]
"""Which bins count: earlier ones, all but the bin itself, or all."""

Floats = NDArray[np.float64]


class Rows(Protocol):
    """An array (n_bins, n_columns), or what reads one block by block."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the array."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


class Smoother:
    """Weighed sums over the bins around each bin of its segment.

    Parameters
    ----------
    values
        (n_bins, n_columns).
    segment
        (n_bins,) stretches without a gap.
    sd
        Of the Gaussian [bins].
    side
        Which bins count; without the bin itself a rate is a prediction, and no copy.
    """

    def __init__(self, values: "Rows", segment: NDArray[np.integer], sd: float, side: Side = "all") -> None:
        self._values = values
        self._reach = int(np.ceil(REACH * sd))
        lags = np.arange(-self._reach, self._reach + 1)
        keep = {"past": lags < 0, "others": lags != 0, "all": np.ones(lags.size, bool)}[side]
        self._kernel = np.exp(-0.5 * (lags / sd) ** 2) * keep
        self._edges = np.flatnonzero(np.diff(segment)) + 1
        self._n_bins = len(values)

    def block(self, start: int, stop: int) -> tuple[Floats, Floats]:
        """Return the weighed sums of bins [start, stop), (n, n_columns), and the sums of weights, (n, 1)."""
        total = np.empty((stop - start, self._values.shape[1]))
        weight = np.empty((stop - start, 1))
        inner = self._edges[(self._edges > start) & (self._edges < stop)]
        for left, right in zip([start, *inner], [*inner, stop], strict=True):
            first, last = self._segment_of(left)
            first, last = max(first, left - self._reach), min(last, right + self._reach)
            window = np.asarray(self._values[first:last], np.float64)
            where = slice(left - first, right - first)
            total[left - start : right - start] = self._weigh(window)[where]
            weight[left - start : right - start, 0] = self._weigh(np.ones(last - first))[where]
        return total, weight

    def mean(self, start: int, stop: int) -> Floats:
        """Return weighed means of bins [start, stop), (n, n_columns)."""
        total, weight = self.block(start, stop)
        return np.asarray(total / weight)

    def _weigh(self, window: Floats) -> Floats:
        return np.asarray(correlate1d(window, self._kernel, axis=0, mode="constant"))

    def _segment_of(self, bin_: int) -> tuple[int, int]:
        after = int(np.searchsorted(self._edges, bin_, "right"))
        first = int(self._edges[after - 1]) if after else 0
        return first, int(self._edges[after]) if after < self._edges.size else self._n_bins
