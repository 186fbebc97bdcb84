"""Recordings made in memory."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from alveus.config.preprocess import Preprocess
from alveus.recording import FlatSpikeTrains, RaggedSpikeTrains, Recording, Units


@pytest.fixture(scope="session")
def spiking() -> Callable[..., Recording]:
    """Builds a recording of spikes from ticks and codes, in time order or unit by unit."""

    def build(ticks, codes, n_units, *, clock=Fraction(1000), stop=10.0, start=0.0, by_unit=False, **rest):
        ticks, codes = np.asarray(ticks, np.int64), np.asarray(codes, np.int32)
        order = np.argsort(ticks, kind="stable")
        ticks, codes = ticks[order], codes[order]
        trains = FlatSpikeTrains(ticks, codes, n_units, clock)
        if by_unit:
            each = [ticks[codes == unit] for unit in range(n_units)]
            reads = [lambda a, b, t=t: t[a:b] for t in each]
            bounds = (trains.first_tick, trains.last_tick)
            trains = RaggedSpikeTrains(reads, [t.size for t in each], bounds, clock)
        units = Units(tuple(str(unit) for unit in range(n_units)), rest.pop("columns", {}))
        return Recording(trains, units, start, stop, **rest)

    return build


@pytest.fixture(scope="session")
def settings() -> Callable[..., Preprocess]:
    """Settings that drop nothing unless told to."""

    def build(**changes) -> Preprocess:
        return Preprocess(**{"silent_units": "keep", "min_bins": 10, "bin_size": 0.05, **changes})

    return build
