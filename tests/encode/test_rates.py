"""Denoised rates are the expectation of the decoder's mean under the posterior."""

import dataclasses

import numpy as np
import pytest
import torch

from alveus.config.models import Pca
from alveus.encode.encode import encode
from alveus.encode.network import BLOCK_BINS, load_network
from alveus.encode.rates import LEAST_POINTS, normal_points, rates
from alveus.encode.sample import sample
from alveus.errors import SettingError
from alveus.fit.data import FitData
from alveus.fit.fitted import FittedModel

from .conftest import AUTOREGRESSIVE, BIN, untrained

WINDOW = {"kind": "window", "hidden": [8], "seconds": 0.1}


def data_of(model, n_bins=5000, seed=0):
    segment = (np.arange(n_bins) // 1100).astype(np.int32)
    counts = sample(model, segment, random_seed=seed).activity
    held_out = np.zeros(model.n_units, bool)  # the twin of these models sees all units
    return FitData(counts, np.zeros(n_bins, np.int8), segment, held_out, BIN, "d")


def all_of(model, data, **options):
    return np.concatenate(list(rates(model, data, device="cpu", **options)))


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_rates_of_a_log_linear_model_have_their_closed_form(posterior):
    model = untrained(
        likelihood={"kind": "poisson", "link": "exp"}, decoder={"kind": "linear"}, posterior=posterior
    )
    data, state = data_of(model), model.seeds[0]
    weight, bias = state["likelihood.readout.weight"].numpy(), state["likelihood.readout.bias"].numpy()
    if posterior == "diagonal":
        latents = encode(model, data, device="cpu")
        mean, covariance = latents.mean[0], latents.scale[0][:, :, None] ** 2 * np.eye(2)
    else:
        with torch.no_grad():
            network = load_network(model, state, torch.device("cpu"))
            found = network.encode(torch.from_numpy(data.counts).float()).posterior
        mean, covariance = found.loc.numpy(), found.covariance_matrix.numpy()
    exponent = mean @ weight.T + bias + 0.5 * np.einsum("ul,tlk,uk->tu", weight, covariance, weight)
    found = all_of(model, data) / np.exp(exponent)
    np.testing.assert_allclose(found, 1, atol=0.02)
    assert np.sqrt(np.mean((found - 1) ** 2)) < 0.002
    at_the_mean = np.exp(mean @ weight.T + bias)
    assert np.abs(at_the_mean / np.exp(exponent) - 1).max() > 0.02  # so that the average matters


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"likelihood": "negative_binomial", "encoder": WINDOW, "prior": AUTOREGRESSIVE},
        {"likelihood": "gaussian"},
        {"likelihood": "zero_inflated_gamma"},
        {"posterior": "smoothed", "prior": AUTOREGRESSIVE},
    ],
    ids=["one bin", "window", "gaussian", "events", "smoothed"],
)
def test_rates_are_the_average_over_samples_of_the_posterior(settings):
    model = untrained(**settings)
    data = data_of(model)
    latents = encode(model, data, device="cpu")
    network = load_network(model, model.seeds[0], torch.device("cpu"))
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400, 5000, 2)).astype(np.float32)
    with torch.no_grad():
        samples = np.stack(
            [network.rates(torch.from_numpy(latents.mean[0] + latents.scale[0] * one)).numpy() for one in noise]
        )
    found = all_of(model, data)
    assert found.dtype == np.float32
    error = samples.std(0) / np.sqrt(len(samples))
    assert np.quantile(np.abs(found - samples.mean(0)) / (error + 1e-6), 0.99) < 4


def test_bins_come_in_order_whatever_the_blocks():
    model = untrained(encoder=WINDOW, prior=AUTOREGRESSIVE)
    data = data_of(model)
    blocks = list(rates(model, data, device="cpu"))
    assert len(blocks) > 1
    assert max(map(len, blocks)) <= BLOCK_BINS
    first = dataclasses.replace(
        data, counts=data.counts[:1100], segment=data.segment[:1100], split=data.split[:1100]
    )
    np.testing.assert_allclose(np.concatenate(blocks)[:1100], all_of(model, first), rtol=1e-5)


def test_a_decoder_with_a_side_channel_has_rates_too():
    model = untrained(decoder={"kind": "skip", "hidden": [8]})
    counts = np.random.default_rng(0).poisson(0.3, (300, 6)).astype(np.uint8)
    data = FitData(counts, np.zeros(300, np.int8), np.zeros(300, np.int32), np.zeros(6, bool), BIN, "d")
    assert all_of(model, data).shape == (300, 6)


def test_rates_are_the_same_every_time_and_of_the_seed_that_was_asked_for():
    model = untrained()
    model = dataclasses.replace(model, seeds=(model.seeds[0], untrained(seed=1).seeds[0]))
    data = data_of(model)
    assert np.array_equal(all_of(model, data), all_of(model, data))
    assert not np.allclose(all_of(model, data), all_of(model, data, seed=1))
    with pytest.raises(SettingError, match="no seed 2"):
        all_of(model, data, seed=2)


@pytest.mark.parametrize("n_latents", [1, 2, 8, 16, 40])
def test_points_have_the_moments_of_a_normal_distribution(n_latents):
    points = normal_points(n_latents).double().numpy()
    assert len(points) == max(LEAST_POINTS, 2 * n_latents)
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(points.T @ points / len(points), np.eye(n_latents), atol=1e-5)
    assert np.array_equal(points, normal_points(n_latents).double().numpy())


def test_a_method_without_a_likelihood_is_refused():
    data = data_of(untrained())
    with pytest.raises(SettingError, match="pca gives no rates"):
        next(rates(FittedModel("pca", Pca(method="pca").model_dump(), 6, 2, ({},), {}), data))
