"""One pass over spike times to what must be known before they can be used: finite, ordered, in which unit."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.io.cleaning.clock import off_grid

SpikeBlock = tuple[NDArray[Any], NDArray[np.int32]]
"""Times as stored, and the index of each spike's unit (negative for none)."""

EVERY = np.True_  # whole numbers are all finite


@dataclass
class Survey:
    """What a pass over all spikes found.

    Attributes
    ----------
    n_spikes
        How many.
    first, last
        Smallest and largest finite time, as stored.
    not_finite
        Count of NaN and infinite times by unit index.
    whole
        Whether all times are whole numbers.
    n_backward, largest_step_back, worst_unit
        Times earlier than the one before, the largest such step, and the unit it happens in.
    disordered
        Units with a step back within their own spikes (only where the survey goes unit by unit).
    distances
        For each candidate clock how far the farthest spike is from its grid [ticks].
    """

    n_spikes: int = 0
    first: float = np.inf
    last: float = -np.inf
    not_finite: dict[int, int] = field(default_factory=dict)
    whole: bool = True
    n_backward: int = 0
    largest_step_back: float = 0.0
    worst_unit: int = -1
    disordered: set[int] = field(default_factory=set)
    distances: dict[Fraction, float] = field(default_factory=dict)


def survey(blocks: Iterable[SpikeBlock], clocks: Iterable[Fraction], *, within_units: bool) -> Survey:
    """Look at all spikes once.

    Parameters
    ----------
    blocks
        The spikes, block by block.
    clocks
        Sampling rates on whose grid the times might lie; none for times in samples.
    within_units
        Whether to compare a time only with the one before of the same unit.
    """
    seen = Survey(distances=dict.fromkeys(clocks, 0.0))
    before: SpikeBlock | None = None
    for times, codes in blocks:
        seen.n_spikes += times.size
        if times.size == 0:
            continue
        finite = np.isfinite(times) if times.dtype.kind == "f" else EVERY
        if not finite.all():
            for unit, count in zip(*np.unique(codes[~finite], return_counts=True), strict=True):
                seen.not_finite[int(unit)] = seen.not_finite.get(int(unit), 0) + int(count)
            times, codes = times[finite], codes[finite]
            if times.size == 0:
                continue
        if times.dtype.kind == "f":
            seen.whole = seen.whole and bool((times == np.rint(times)).all())
        for clock, distance in seen.distances.items():
            if distance < 0.5:  # the farthest there is; most wrong rates reach it in the first block
                seen.distances[clock] = max(distance, off_grid(times.astype(np.float64), clock))
        if before is not None:
            _look_back(seen, np.append(before[0], times[:1]), np.append(before[1], codes[:1]), within_units)
        ascending = not _look_back(seen, times, codes, within_units) and not within_units
        low, high = (times[0], times[-1]) if ascending else (times.min(), times.max())
        seen.first, seen.last = min(seen.first, low), max(seen.last, high)
        before = times[-1:], codes[-1:]
    return seen


def _look_back(seen: Survey, times: NDArray[Any], codes: NDArray[np.int32], within_units: bool) -> int:
    """Note the steps back among some times, and return how many there are."""
    backward = times[1:] < times[:-1]
    if within_units:
        backward &= codes[1:] == codes[:-1]
    if not backward.any():
        return 0
    where = np.flatnonzero(backward)
    seen.n_backward += where.size
    if within_units:
        seen.disordered.update(int(unit) for unit in np.unique(codes[where]))
    steps = times[where].astype(np.float64) - times[where + 1].astype(np.float64)
    if steps.max() > seen.largest_step_back:
        seen.largest_step_back = float(steps.max())
        seen.worst_unit = int(codes[where[steps.argmax()]])
    return int(where.size)
