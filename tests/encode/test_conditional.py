"""A prior that depends on the bin, from the fit to the count of active latents."""

import dataclasses

import numpy as np
import pytest
import torch

from alveus.config.models import Training, Vae
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.encode.encode import encode
from alveus.encode.network import load_network
from alveus.fit.data import FitData
from alveus.fit.fit import fit
from alveus.scores.active_latents import active_latents

NET = {"hidden": (16,)}


@pytest.fixture(scope="module")
def data() -> FitData:
    rng = np.random.default_rng(0)
    u = rng.normal(size=(3000, 1)).astype(np.float32)
    latents = np.concatenate([u, rng.normal(size=(3000, 1))], axis=1)
    counts = rng.poisson(np.exp(latents @ rng.normal(size=(2, 12)))).clip(0, 255).astype(np.uint8)
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [70, 10, 20]), 30)
    return FitData(counts, split, np.zeros(3000, np.int32), np.arange(12) % 6 == 0, 0.02, "d", u)


@pytest.fixture(scope="module")
def encoded(data):
    model = Vae(
        method="vae",
        latents=2,
        prior={"kind": "conditional", "covariates": ("u",), "hidden": (8,)},
        encoder=MlpEncoder(**NET),
        decoder=MlpDecoder(**NET),
    )
    fitted = fit(data, model, Training(device="cpu", max_steps=400, batch_size=256), n_seeds=1)
    return fitted, encode(fitted, data, device="cpu")


def test_moments_of_the_prior_are_those_of_its_network(data, encoded):
    fitted, found = encoded
    network = load_network(fitted, fitted.seeds[0], torch.device("cpu"))
    with torch.no_grad():
        mean, variance = network.prior.of(torch.from_numpy(data.conditions))
    np.testing.assert_allclose(found.prior_mean[0], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.prior_variance[0], variance.mean(0), rtol=1e-3)


def test_the_encoder_hears_no_label(data, encoded):
    fitted, found = encoded
    deaf = dataclasses.replace(data, conditions=np.zeros_like(data.conditions))
    again = encode(fitted, deaf, device="cpu")
    assert np.array_equal(again.mean, found.mean)
    assert not np.array_equal(again.kl, found.kl)


def test_latents_that_only_follow_the_prior_are_not_active(encoded):
    _, found = encoded
    assert found.mean[0].var(0).max() > 0.3
    moved = found.prior_mean[0] - found.prior_mean[0]
    assert active_latents(moved, found.prior_variance[0], seed=0).value == 0
    assert active_latents(found.mean[0] - found.prior_mean[0], found.prior_variance[0], seed=0).value >= 1
