"""Squared errors of events: what the decoder expects against what was recorded, in units of each unit's spread."""

import numpy as np
import pytest
import torch

from alveus.config.models import Autoencoder, Pca, Training, Vae
from alveus.config.networks import LinearDecoder, MlpEncoder
from alveus.encode.encode import encode
from alveus.encode.network import load_network
from alveus.fit.data import FitData
from alveus.fit.fit import fit

TRAINING = Training(device="cpu", max_steps=600, evaluate_every=50, learning_rate=1e-2)
LINEAR = {"encoder": MlpEncoder(hidden=()), "decoder": LinearDecoder()}


@pytest.fixture(scope="module")
def data() -> FitData:
    rng = np.random.default_rng(0)
    drive = rng.normal(size=(1500, 2)) @ rng.normal(size=(2, 8))
    events = np.where(rng.random(drive.shape) < 0.4, rng.gamma(2.0, np.exp(0.5 * drive)), 0) * np.geomspace(
        1e-3, 1e3, 8
    )
    events[:, 5] = 0
    events[7, 5] = 3.0  # in training, and once only
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [70, 10, 20]), 15)
    events[split == 0, 6] = 2.0  # does not vary in training
    return FitData(events.astype(np.float32), split, np.zeros(1500, np.int32), np.arange(8) == 3, 0.05, "d")


@pytest.mark.parametrize(
    "model",
    [
        Vae(method="vae", latents=2, likelihood="zero_inflated_gamma", **LINEAR),
        Vae(method="vae", latents=2, likelihood="gaussian", prior="autoregressive", **LINEAR),
        Autoencoder(method="autoencoder", latents=2, **LINEAR),
    ],
    ids=["zero_inflated_gamma", "gaussian-in-stretches", "autoencoder"],
)
def test_it_is_that_of_what_the_decoder_expects(data, model):
    fitted = fit(data, model, TRAINING, n_seeds=1)
    found = encode(fitted, data, device="cpu")
    train = data.split == 0
    activity = data.counts.astype(np.float64)
    mean = activity[train].mean(0)
    variance = np.where(activity[train].std(0) > 0, ((activity - mean) ** 2).mean(0), np.inf)
    network = load_network(fitted, fitted.seeds[0], torch.device("cpu"))
    with torch.no_grad():
        expected = network.rates(torch.from_numpy(found.mean[0])).double().numpy()
    error = ((activity - expected) ** 2 / variance).sum(1)
    np.testing.assert_allclose(found.squared_error[0], error, rtol=1e-3, atol=1e-4)
    total = ((activity - mean) ** 2 / variance).sum(1)
    assert found.squared_error[0, train].sum() < total[train].sum()


def test_counts_and_methods_without_a_decoder_have_none(data):
    assert encode(fit(data, Pca(method="pca", latents=2), TRAINING, n_seeds=1), data).squared_error is None
    counts = FitData(
        data.counts.clip(0, 200).astype(np.uint8), data.split, data.segment, data.held_out, data.bin_size, "c"
    )
    model = Vae(method="vae", latents=2, **LINEAR)
    assert encode(fit(counts, model, TRAINING, n_seeds=1), counts, device="cpu").squared_error is None
