"""A small recording with known latents, settings that train on it within a second, and one network trained."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from alveus.config.models import Training, Vae
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.fit.batches import batches_for
from alveus.fit.data import Activity, FitData
from alveus.fit.interrupt import Interruption
from alveus.fit.loop import evaluate, train
from alveus.fit.memory import room_for
from alveus.fit.run import Run
from alveus.models.build import Trained, build_network, seeded
from alveus.models.network import Means, Network


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


def train_one(
    data: FitData,
    model: Trained,
    training: Training,
    *,
    seed: int = 0,
    change: Callable[[Network], object] | None = None,
) -> tuple[Network, Means]:
    """Train one network on all units, without a twin; returns it with its terms on validation bins.

    `change` may rebuild parts of the fresh network.
    """
    cpu = torch.device("cpu")
    activity = Activity(data.counts, data.conditions, cpu)

    def fresh() -> Network:
        network = build_network(
            model, data.held_out.size, bin_size=data.bin_size, n_conditions=0, of_counts=data.of_counts
        )
        if change is not None:
            change(network)
        return network

    network = seeded(fresh, seed)
    bins = batches_for(network, activity, data.split, data.segment)
    network.start_from(lambda: activity.blocks(bins.training_bins), tuple)
    room = room_for(network, bins, together=network.together)
    run = Run(str(seed), seed, network, training, device=cpu, room=room)
    train(run, bins, training, save=lambda _: None, interruption=Interruption())
    return network, evaluate(run, bins)
