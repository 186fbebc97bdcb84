"""Two ways of letting a gradient through a sample: the same on average, and of very different noise."""

import math

import torch

from alveus.config.models import Vae as Settings
from alveus.config.networks import AutoregressivePrior, GaussianLikelihood, MlpDecoder, MlpEncoder, WindowEncoder
from alveus.models.batch import Batch
from alveus.models.gradients import gradient_noise
from alveus.models.vae import Vae

N_REPEATS = 1500


def small(n_units=5, **choices):
    net = {"encoder": MlpEncoder(hidden=(8,)), "decoder": MlpDecoder(hidden=(8,))}
    return Vae(Settings(method="vae", latents=2, **(net | choices)), n_units)


def measured(network, batch, n_repeats=N_REPEATS):
    return gradient_noise(network, batch, n_repeats=n_repeats, generator=torch.Generator().manual_seed(0))


def counts(*shape):
    return torch.poisson(torch.full(shape, 2.0))


def test_both_ways_agree_on_average_and_the_score_function_is_far_noisier():
    network = small()
    network.start_from(lambda: [counts(200, 5)])
    found = measured(network, network.batch(counts(64, 5)))
    one, other = found["reparameterization"], found["score_function"]
    error = math.sqrt((one.variance + other.variance) / N_REPEATS)
    assert (one.mean - other.mean).norm() < 4 * error
    assert one.mean.norm() > 4 * error  # or they would agree whatever they were
    assert other.variance > 10 * one.variance


def test_both_ways_have_the_mean_that_a_linear_gaussian_model_has_in_closed_form():
    """E_q log N(x; Wz + b, Ψ) = log N(x; Wμ + b, Ψ) − ½ Σ_j σ_j² (Wᵀ Ψ⁻¹ W)_jj."""
    network = small(likelihood=GaussianLikelihood(), decoder=MlpDecoder(hidden=()))
    activity = torch.randn(64, 5)
    posterior = network.encode(activity).posterior
    normal = network.likelihood(network.decoder(posterior.loc))
    curvature = network.likelihood.readout.weight.T.square() @ (1 / normal.variance[0])
    expected = normal.log_prob(activity).sum(-1) - 0.5 * (posterior.variance * curvature).sum(-1)
    parameters = [*network.encoder.parameters(), *network.head.parameters()]
    truth = torch.cat([g.flatten() for g in torch.autograd.grad(-expected.mean(), parameters)])
    for way, noise in measured(network, network.batch(activity)).items():
        error = math.sqrt(noise.variance / N_REPEATS)
        assert (noise.mean - truth).norm() < 4 * error, way
        assert truth.norm() > 4 * error, way


def test_stretches_with_bins_around_are_measured_too_and_nothing_is_changed():
    network = small(
        encoder=WindowEncoder(hidden=(8,), seconds=2.0), prior=AutoregressivePrior(), gradients="score_function"
    )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, last = network.before, network.before + 4
    stretches = Batch(
        counts(3, last + network.after, 5), torch.zeros(3, 4), present=torch.ones(3, last + network.after) > 0,
        counted=torch.tensor([[True] * 4, [True] * 2 + [False] * 2, [True] * 4]), first=first, last=last,
    )  # fmt: skip
    found = measured(network, stretches, n_repeats=5)
    assert all(0 < noise.variance < math.inf for noise in found.values())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
