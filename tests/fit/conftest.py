"""A small recording with known latents, and settings that train on it within a second."""

import numpy as np
import pytest

from alveus.config.models import Training, Vae
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.fit.data import FitData


@pytest.fixture(scope="session")
def data() -> FitData:
    """3000 bins of 20 units that two slow latents drive."""
    rng = np.random.default_rng(0)
    n_bins, n_units = 3000, 20
    steps = rng.normal(size=(n_bins, 2))
    latents = np.empty_like(steps)
    latents[0] = steps[0]
    for i in range(1, n_bins):
        latents[i] = 0.9 * latents[i - 1] + np.sqrt(1 - 0.81) * steps[i]
    rates = np.exp(latents @ rng.normal(size=(2, n_units)) - 1.0)
    split = np.tile(np.repeat(np.array([0, -1, 1, -1, 2], np.int8), [200, 10, 40, 10, 40]), 10)
    held_out = np.zeros(n_units, bool)
    held_out[[3, 7, 11, 15]] = True
    counts = rng.poisson(rates).clip(0, 255).astype(np.uint8)
    return FitData(counts, split, np.zeros(n_bins, np.int32), held_out, 0.02, "digest-of-these-data")


@pytest.fixture(scope="session")
def model() -> Vae:
    return Vae(method="vae", latents=2, encoder=MlpEncoder(hidden=(32,)), decoder=MlpDecoder(hidden=(32,)))


@pytest.fixture(scope="session")
def training() -> Training:
    return Training(device="cpu", batch_size=128, max_steps=240, evaluate_every=40, learning_rate=5e-3)
