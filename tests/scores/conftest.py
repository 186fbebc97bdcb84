import numpy as np
import pytest

from alveus.simulation import linear


def split_in_cycles(n_bins, cycles=5):
    phase = np.arange(n_bins) * cycles / n_bins % 1
    return np.select([phase < 0.7, phase < 0.8], [0, 1], 2).astype(np.int8)


@pytest.fixture(scope="session")
def make_split():
    return split_in_cycles


@pytest.fixture(scope="session")
def simulated():
    return linear(bins=4000, units=30)


@pytest.fixture(scope="session")
def counts(simulated):
    return np.asarray(simulated.activity.counts)


@pytest.fixture(scope="session")
def latents(simulated):
    return simulated.truth.latents


@pytest.fixture(scope="session")
def split(counts):
    return split_in_cycles(len(counts))
