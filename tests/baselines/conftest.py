"""Counts of 25 units that four slow latents drive, 70 % of the bins for training."""

import numpy as np
import pytest

from alveus.baselines.bins import TrainingBins

BIN_SIZE = 0.1


@pytest.fixture(scope="session")
def counts():
    rng = np.random.default_rng(0)
    drive = np.cumsum(rng.normal(size=(5000, 4)), 0)
    drive = (drive - drive.mean(0)) / drive.std(0) * np.array([1.0, 0.7, 0.5, 0.3])
    return rng.poisson(np.exp(drive @ rng.normal(size=(4, 25)) * 0.5)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def train():
    return np.arange(5000) % 1000 < 700


@pytest.fixture(scope="session")
def make_bins(train):
    """Make training bins of any activity of 5000 bins, without gaps."""

    def make(activity):
        return TrainingBins(activity, train, np.zeros(len(activity), np.int32), BIN_SIZE)

    return make


@pytest.fixture(scope="session")
def bins(make_bins, counts):
    return make_bins(counts)
