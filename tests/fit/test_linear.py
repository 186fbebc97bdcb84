"""Linear networks, trained, against what is known of them in closed form."""

import copy
import itertools

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.preprocessing import StandardScaler

from alveus.config.models import Autoencoder, Training, Vae
from alveus.config.networks import GaussianLikelihood, LinearDecoder, MlpEncoder
from alveus.fit.data import FitData
from alveus.models.batch import Batch

from .conftest import train_one

LINEAR = {"encoder": MlpEncoder(hidden=()), "decoder": LinearDecoder()}
TRAINING = Training(device="cpu", batch_size=256, evaluate_every=100, learning_rate=1e-2, max_steps=6000)
SPREADS = np.array([3.0, 2.0, 1.5])
NOISE = 0.5


@pytest.fixture(scope="module")
def traces() -> FitData:
    """4000 bins of 12 traces, which three independent latents of distinct variances drive linearly."""
    rng = np.random.default_rng(0)
    loadings = np.linalg.qr(rng.normal(size=(12, 3)))[0] * SPREADS
    values = rng.normal(size=(4000, 3)) @ loadings.T + NOISE * rng.normal(size=(4000, 12)) + rng.normal(size=12)
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [140, 20, 40]), 20)
    return FitData(values.astype(np.float32), split, np.zeros(4000, np.int32), np.zeros(12, bool), 0.02, "d")


@pytest.fixture(scope="module")
def autoencoders(traces):
    settings = Autoencoder(method="autoencoder", latents=3, **LINEAR)
    return [train_one(traces, settings, TRAINING, seed=seed)[0] for seed in range(2)]


def principal_components(traces):
    """Of traces brought to unit variance, as networks and baselines see them, (component, unit)."""
    return PCA(3).fit(StandardScaler().fit_transform(traces.counts[traces.split == 0])).components_


def test_a_linear_autoencoder_spans_the_subspace_of_pca(traces, autoencoders):
    components = principal_components(traces)
    for network in autoencoders:
        angles = np.degrees(subspace_angles(network.readout.weight.detach().numpy(), components.T))
        assert angles.max() < 2


def test_its_axes_are_neither_those_of_pca_nor_those_of_another_seed(traces, autoencoders):
    components = principal_components(traces)
    axes = [*(network.readout.weight.detach().numpy() for network in autoencoders), components.T]
    for one, other in itertools.combinations(axes, 2):
        cosines = np.abs((one / np.linalg.norm(one, axis=0)).T @ (other / np.linalg.norm(other, axis=0)))
        matched = cosines[linear_sum_assignment(-cosines)]
        assert np.degrees(np.arccos(matched)).max() > 10


def test_any_invertible_map_of_the_latents_leaves_an_autoencoder_as_good(traces, autoencoders):
    """Not identifiable: (T·f, g∘T⁻¹) has the loss of (f, g)."""
    network = copy.deepcopy(autoencoders[0])
    activity = torch.from_numpy(traces.counts)

    def loss() -> float:
        terms = network.terms(Batch(activity, network.log_base(activity)), torch.empty(0))
        return network.loss(terms.means(), 0.0).item()

    before, latents = loss(), network.encode(activity).posterior.loc.detach()
    transform = torch.randn(3, 3, generator=torch.Generator().manual_seed(0)) + torch.eye(3)
    with torch.no_grad():
        network.to_latents.weight.copy_(transform @ network.to_latents.weight)
        network.to_latents.bias.copy_(transform @ network.to_latents.bias)
        network.readout.weight.copy_(network.readout.weight @ torch.linalg.inv(transform))
    assert loss() == pytest.approx(before, rel=1e-5)
    torch.testing.assert_close(network.encode(activity).posterior.loc, latents @ transform.T, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        network.readout.weight.mul_(1.1)
    assert loss() != pytest.approx(before, rel=1e-2)


@pytest.fixture(scope="module")
def vae(traces):
    settings = Vae(method="vae", latents=3, likelihood=GaussianLikelihood(), **LINEAR)
    return train_one(traces, settings, TRAINING)[0]


@torch.no_grad()
def test_a_linear_gaussian_vae_reaches_the_evidence_of_factor_analysis(traces, vae):
    """At its optimum a diagonal posterior is the exact one (Lucas et al., 2019): the bound is tight."""
    activity = traces.counts[traces.split == 2]
    analysis = FactorAnalysis(3, tol=1e-6, max_iter=5000).fit(traces.counts[traces.split == 0])
    batch = vae.batch(torch.from_numpy(activity).repeat(100, 1))
    noise = torch.randn(len(batch.activity), 3, generator=torch.Generator().manual_seed(0))
    elbo = vae.terms(batch, noise).per_bin().mean().item()
    assert elbo == pytest.approx(analysis.score(activity), abs=0.03)


@torch.no_grad()
def test_the_posterior_of_a_linear_gaussian_vae_becomes_the_exact_one(traces, vae):
    activity = torch.from_numpy(traces.counts[traces.split == 2])
    at_zero = vae.likelihood(torch.zeros(1, 3))
    weights = vae.likelihood.spread.unsqueeze(1) * vae.likelihood.readout.weight
    precision = torch.eye(3) + weights.T @ (weights / at_zero.variance.T)
    exact = (activity - at_zero.mean) / at_zero.variance @ weights @ torch.linalg.inv(precision)
    learned = vae.encode(activity).posterior
    assert (learned.loc - exact).square().mean().sqrt() < 0.03
    torch.testing.assert_close(learned.variance.mean(0), torch.linalg.inv(precision).diagonal(), rtol=0.1, atol=0)
