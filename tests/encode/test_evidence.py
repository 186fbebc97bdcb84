"""The importance-weighted bound against the evidence itself: in closed form, and by quadrature over one latent."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from alveus.config.models import Autoencoder, Vae
from alveus.config.networks import MlpEncoder
from alveus.encode import evidence
from alveus.encode.evidence import EVIDENCE_BINS, log_evidence
from alveus.fit.data import Activity, FitData
from alveus.models.batch import Batch
from alveus.models.build import build_network, seeded

CPU = torch.device("cpu")
HIDDEN = {"encoder": {"kind": "mlp", "hidden": (8,)}, "decoder": {"kind": "mlp", "hidden": (8,)}}


@pytest.fixture(scope="module")
def data() -> FitData:
    """400 bins of 6 units in two segments, a fifth of them for testing, with one covariate."""
    rng = np.random.default_rng(0)
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [70, 10, 20]), 4)
    segment = (np.arange(400) > 185).astype(np.int32)
    conditions = rng.normal(size=(400, 1)).astype(np.float32)
    return FitData(
        rng.poisson(2.0, (400, 6)).astype(np.uint8), split, segment, np.zeros(6, bool), 0.02, "d", conditions
    )


def fresh(data, seed=0, method=Vae, **choices):
    """An untrained network, with decoders that depend on the latents and posteriors about as wide as the prior."""
    settings = method(method=method.__name__.lower(), **(HIDDEN | {"latents": 1} | choices))
    network = seeded(
        lambda: build_network(settings, 6, bin_size=0.02, n_conditions=1, of_counts=data.of_counts), seed
    )
    activity = Activity(data.counts, data.conditions, CPU)
    every = torch.arange(activity.n_bins)
    network.start_from(lambda: activity.blocks(every), lambda: activity.condition_blocks(every))
    if method is Vae:
        with torch.no_grad():
            network.likelihood.readout.weight.mul_(3)
            network.head.readout.bias[settings.latents : 2 * settings.latents] = 1.0
    return network.eval()


def by_quadrature(network, data, bins):
    """Return log ∫ p(x|z) p(z) dz of bins, with one latent."""
    grid = torch.linspace(-12, 12, 4001).unsqueeze(-1)
    found = []
    with torch.no_grad():
        rates = network.likelihood(network.decoder(grid))
        for bin_ in bins:
            activity = torch.from_numpy(data.counts[bin_]).float()
            alone = Batch(activity, torch.zeros(()), torch.from_numpy(data.conditions[bin_ : bin_ + 1]))
            joint = rates.log_prob(activity).sum(-1) + network.prior.log_density(grid, alone)
            found.append(torch.logsumexp(joint.double(), 0).item() + math.log(24 / 4000))
    return np.array(found)


CONDITIONAL = {"kind": "conditional", "covariates": ("x",), "hidden": (8,)}
CASES = {
    "poisson": {},
    "negative binomial, full posterior": {"likelihood": "negative_binomial", "posterior": "full"},
    "gaussian": {"likelihood": {"kind": "gaussian", "variance": "from_latents"}},
    "anisotropic": {"prior": {"kind": "anisotropic", "variances": (0.6,)}},
    "conditional": {"prior": CONDITIONAL},
    "product": {"prior": {**CONDITIONAL, "posterior": "product"}},
    "window": {"encoder": {"kind": "window", "hidden": (8,), "seconds": 0.06}},
}


@pytest.mark.parametrize("block", [32, 2048])
@pytest.mark.parametrize("choices", CASES.values(), ids=CASES)
def test_the_bound_is_near_the_integral_over_the_latent_and_not_above_it(monkeypatch, data, choices, block):
    monkeypatch.setattr(evidence, "BLOCK_BINS", block)
    network = fresh(data, **choices)
    found = log_evidence([network], data, CPU)
    assert found.bins.tolist() == np.flatnonzero(data.split == 2).tolist()
    exact = by_quadrature(network, data, found.bins)
    difference = found.nats[0] - exact
    error = difference.std() / math.sqrt(difference.size)
    assert difference.mean() < 4 * error
    assert difference.mean() > -0.05
    assert np.corrcoef(found.nats[0], exact)[0, 1] > 0.99
    assert exact.std() > 0.5


def test_with_the_exact_posterior_of_a_linear_gaussian_model_the_bound_is_the_evidence(data):
    traces = replace(data, counts=(data.counts * 0.4 - 1).astype(np.float32))
    network = fresh(
        traces, latents=2, likelihood="gaussian", encoder=MlpEncoder(hidden=()), decoder="linear", posterior="full"
    )
    with torch.no_grad():
        at_zero = network.likelihood(torch.zeros(1, 2))
        weights = network.likelihood.spread.unsqueeze(1) * network.likelihood.readout.weight
        noise, center = at_zero.variance[0], at_zero.mean[0]
        covariance = torch.linalg.inv(torch.eye(2) + weights.T @ (weights / noise.unsqueeze(1)))
        gain = covariance @ (weights / noise.unsqueeze(1)).T
        root = torch.linalg.cholesky(covariance)
        head = network.head.readout
        head.weight.zero_()
        head.weight[:2] = gain * network.inputs.spread
        head.bias[:2] = gain @ (network.inputs.mean - center)
        head.bias[2:4] = torch.log(torch.expm1(root.diagonal() - 1e-4))
        head.bias[4] = root[1, 0]
    found = log_evidence([network], traces, CPU)
    exact = scipy.stats.multivariate_normal(
        center.double().numpy(), (weights @ weights.T + torch.diag(noise)).double().numpy()
    ).logpdf(traces.counts[found.bins])
    np.testing.assert_allclose(found.nats[0], exact, atol=1e-3)
    assert exact.std() > 0.5


def test_all_seeds_see_the_same_noise_and_it_is_the_same_again(data):
    one, other = fresh(data), fresh(data, seed=1)
    found = log_evidence([one, other, one], data, CPU)
    assert found.nats.shape == (3, 80)
    assert found.nats.dtype == np.float32
    assert np.array_equal(found.nats[0], found.nats[2])
    assert not np.array_equal(found.nats[0], found.nats[1])
    assert np.array_equal(found.nats, log_evidence([one, other, one], data, CPU).nats)


def test_of_many_test_bins_some_are_taken_from_all_over_the_recording(data):
    many = FitData(
        np.tile(data.counts, (100, 1)), np.tile(data.split, 100), np.zeros(40_000, np.int32), data.held_out, 0.02,
        "d", np.tile(data.conditions, (100, 1)),
    )  # fmt: skip
    bins = log_evidence([fresh(data)], many, CPU).bins
    assert bins.size == EVIDENCE_BINS
    assert (np.diff(bins) > 0).all()
    assert (many.split[bins] == 2).all()
    assert (np.abs(np.bincount(bins // 4000, minlength=10) - EVIDENCE_BINS / 10) < 5).all()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"prior": "autoregressive"}, "the prior joins bins over time"),
        ({"prior": "autoregressive", "posterior": "smoothed"}, "the prior joins bins over time"),
        ({"decoder": "skip"}, "the decoder hears the activity past the latents"),
        ({"method": Autoencoder}, "an autoencoder has no likelihood"),
    ],
)
def test_where_there_is_no_evidence_of_a_bin_the_reason_is_given(data, choices, words):
    found = log_evidence([fresh(data, **choices)], data, CPU)
    assert found.bins is None
    assert found.nats is None
    assert words in found.why_not


def test_without_test_bins_there_is_nothing_to_compute(data):
    found = log_evidence([fresh(data)], replace(data, split=np.zeros(400, np.int8)), CPU)
    assert (found.bins, found.nats, found.why_not) == (None, None, "")
