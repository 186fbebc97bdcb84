"""Seconds to ticks of an integer clock, exactly; and the choice of that clock."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.recording.spikes import NANOSECOND_CLOCK

GRID_TOLERANCE = 0.02
"""How far [samples] a spike may lie from the sample it was taken at: times rounded to microseconds at
30 kHz are off by 0.015 samples, and of times that have nothing to do with the rate only 4 % are this close."""

LONGEST_SPAN = 7 * 86400.0
"""No recording lasts longer [s]: times that span more are samples or milliseconds."""

LARGEST_TIME = 9e9
"""Largest time [s] whose nanoseconds fit into 64 bits; the year 2255 in Unix time."""


def clock_of(sampling_rate: float) -> Fraction:
    """Return a sampling rate [Hz] as the decimal number it was written as.

    >>> clock_of(24414.0625)
    Fraction(390625, 16)
    >>> clock_of(29999.7)
    Fraction(299997, 10)
    """
    return Fraction(repr(float(sampling_rate)))


def to_ticks(times: NDArray[Any], clock: Fraction) -> NDArray[np.int64]:
    """Return the nearest tick of each time [s].

    Decimal times of up to nine places are exact on the nanosecond clock for 7 days from zero: two roundings
    of 1.1e-16 are 0.13 ticks then.

    >>> to_ticks(np.array([0.1, 4397.0023]), NANOSECOND_CLOCK).tolist()
    [100000000, 4397002300000]
    """
    return np.rint(np.asarray(times, np.float64) * float(clock)).astype(np.int64)


def off_grid(times: NDArray[np.float64], clock: Fraction) -> float:
    """Return how far the farthest of some finite times [s] is from a tick [ticks]."""
    if not times.size:
        return 0.0
    ticks = times * float(clock)
    return float(np.abs(ticks - np.rint(ticks)).max())


def choose_clock(distances: Iterable[tuple[Fraction, float]]) -> Fraction:
    """Return the first sampling rate whose grid all spikes lie on, else the nanosecond clock.

    Parameters
    ----------
    distances
        Each candidate with what `off_grid` gave for it over all spikes.

    >>> choose_clock([(Fraction(25000), 0.5), (Fraction(30000), 1e-7)])
    Fraction(30000, 1)
    """
    return next((clock for clock, distance in distances if distance <= GRID_TOLERANCE), NANOSECOND_CLOCK)
