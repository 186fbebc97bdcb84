"""Deconvolved events, block by block, to what a zero-inflated gamma distribution of each unit starts from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOCATION_DOUBT = 10
"""Events. The smallest of n is an upper end of where events begin, and the location is n/(n + 10) of it: never the
smallest event itself, whose density would be infinite for a shape below 1 and 0 above, and far below it where a
few events say little."""

SMALLEST_SHAPE, LARGEST_SHAPE = 1e-2, 1e3
"""Bounds of the shape. At the upper one events vary by 3 % about their mean: without it a unit whose events are
alike, or copied by the latents, would earn any likelihood."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EventStatistics:
    """Zeros and positive values of each unit; every array is (n_units,).

    Of a positive value x the part above the location, x − location, is gamma-distributed. Smaller values, which
    were never seen, share the probability `slip` evenly: so the density is one of all positive numbers, and no
    event is impossible.

    Parameters
    ----------
    n_events
        How many bins hold an event.
    chance
        Probability of an event in a bin, (n_events + ½) / (n_bins + 1): never 0 or 1.
    location
        Where events begin, in the unit's own unit of measure.
    slip
        Probability that an event lies below, 1 / (n_events + 2): the next of n + 1 values is the smallest with
        about this probability, whatever their distribution. 0 where the location is 0.
    size
        Mean of what events have above the location. A unit without events has the median of the others.
    shape
        By the method of moments; 1 where a single event says nothing of it.
    largest_shape
        As many as there are events, within `LARGEST_SHAPE`: a few that happen to be alike are no proof.

    References
    ----------
    Wei et al. (2020), A zero-inflated gamma model for deconvolved calcium imaging traces, Neurons, Behavior, Data
    analysis and Theory 3; Krichevsky & Trofimov (1981), IEEE Trans. Inf. Theory 27:199, for the half.
    """

    n_events: Floats
    chance: Floats
    location: Floats
    slip: Floats
    size: Floats
    shape: Floats
    largest_shape: Floats

    @property
    def mean_event(self) -> Floats:
        """Mean of the positive values."""
        return self.location + self.size


class RunningEvents:
    """Sums up events block by block."""

    def __init__(self) -> None:
        self._n_bins = 0
        self._n_events = self._total = self._squares = np.zeros(0)
        self._smallest = np.zeros(0)

    def add(self, block: NDArray[np.floating]) -> None:
        """Add events (bin, unit), none of them negative."""
        if self._n_bins == 0:
            self._n_events, self._total, self._squares = np.zeros((3, block.shape[1]))
            self._smallest = np.full(block.shape[1], np.inf)
        values = block.astype(np.float64)
        self._n_bins += len(values)
        self._n_events = self._n_events + np.count_nonzero(values > 0, axis=0)
        self._total = self._total + values.sum(axis=0)
        self._squares = self._squares + np.einsum("bu,bu->u", values, values)
        smallest = np.where(values > 0, values, np.inf).min(axis=0, initial=np.inf)
        self._smallest = np.minimum(self._smallest, smallest)

    def statistics(self) -> EventStatistics:
        """Return the statistics of all that was added."""
        n, active = self._n_events, self._n_events > 0
        some = np.maximum(n, 1)
        mean = self._total / some
        variance = np.maximum(self._squares / some - mean**2, 0.0)
        location = np.where(active, self._smallest, 0.0) * n / (n + LOCATION_DOUBT)
        size = mean - location
        size = np.where(active, size, np.median(size[active]) if active.any() else 1.0)
        largest_shape = np.clip(n, 1.0, LARGEST_SHAPE)
        known = variance > 1e-12 * size**2  # of one event, or of equal ones, nothing but rounding is left
        shape = np.where(known, size**2 / np.where(known, variance, 1.0), np.where(n > 1, LARGEST_SHAPE, 1.0))
        return EventStatistics(
            n_events=n,
            chance=(n + 0.5) / (self._n_bins + 1),
            location=location,
            slip=np.where(location > 0, 1 / (n + 2), 0.0),
            size=size,
            shape=shape.clip(SMALLEST_SHAPE, largest_shape),
            largest_shape=largest_shape,
        )
