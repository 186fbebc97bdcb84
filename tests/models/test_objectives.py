"""The evidence lower bound against a closed form and against importance weighting."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from alveus.config.models import MlpDecoder, MlpEncoder
from alveus.config.models import Vae as Settings
from alveus.models.likelihoods import Likelihood
from alveus.models.objectives import ElboTerms, elbo_terms
from alveus.models.posteriors import DiagonalPosterior
from alveus.models.vae import Vae

SPREAD = 0.5


@pytest.fixture
def network() -> Vae:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = Vae(
            Settings(method="vae", latents=2, encoder=MlpEncoder(hidden=(8,)), decoder=MlpDecoder(hidden=(8,))), 5
        )
        net.start_from(lambda: [torch.poisson(torch.ones(100, 5))])
    return net


class UnitGaussian(Likelihood):
    """The features themselves, with a fixed spread."""

    of_counts = False

    def forward(self, features: Tensor) -> Normal:
        return Normal(features, SPREAD)

    def start_from(self, blocks) -> None:
        """There is nothing to start."""


class ExactEncoder(nn.Module):
    """Posterior of a linear-Gaussian model with orthogonal columns, for which the exact one is diagonal."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        precision = 1 + (weights**2).sum(0) / SPREAD**2
        self.scale = precision.rsqrt()
        self.gain = weights / SPREAD**2 / precision

    def forward(self, inputs: Tensor) -> DiagonalPosterior:
        mean = inputs @ self.gain
        return DiagonalPosterior(mean, self.scale.expand_as(mean))


def test_elbo_is_the_log_evidence_of_a_linear_gaussian_model_with_the_exact_posterior(network):
    weights = torch.linalg.qr(torch.randn(5, 2, generator=torch.Generator().manual_seed(0)))[0] * torch.tensor(
        [2.0, 1.0]
    )
    network.inputs = nn.Identity()
    network.encoder = ExactEncoder(weights)
    network.decoder = nn.Linear(2, 5, bias=False)
    network.decoder.weight.data.copy_(weights)
    network.likelihood = UnitGaussian()
    evidence = MultivariateNormal(torch.zeros(5), weights @ weights.T + SPREAD**2 * torch.eye(5))
    activity = evidence.sample((4,))
    n = 20_000
    repeated = network.batch(activity.repeat_interleave(n, 0))
    per_bin = elbo_terms(network, repeated, torch.randn(4 * n, 2)).per_bin().reshape(4, n)
    error = per_bin.std(1) / math.sqrt(n)
    assert ((per_bin.mean(1) - evidence.log_prob(activity)).abs() < 4 * error + 1e-4).all()


def test_elbo_stays_below_an_importance_weighted_estimate(network):
    """Burda et al. (2016)."""
    generator = torch.Generator().manual_seed(1)
    n_bins, n_samples = 30, 2000
    activity = torch.poisson(torch.ones(n_bins, 5), generator=generator)
    repeated = network.batch(activity.repeat_interleave(n_samples, 0))
    noise = torch.randn(n_bins * n_samples, 2, generator=generator)
    with torch.no_grad():
        elbo = elbo_terms(network, repeated, noise).per_bin().reshape(n_bins, n_samples)
        posterior = network.encode(repeated.activity)
        latents = posterior.place(noise)
        joint = network.likelihood(network.decoder(latents)).log_prob(repeated.activity).sum(-1)
        weights = joint + Normal(0.0, 1.0).log_prob(latents).sum(-1) - posterior.log_prob(latents).sum(-1)
    log_evidence = weights.reshape(n_bins, n_samples).logsumexp(1) - math.log(n_samples)
    assert (elbo.mean(1) <= log_evidence + 4 * elbo.std(1) / math.sqrt(n_samples)).all()
    assert elbo.mean() < log_evidence.mean()


def test_terms_are_summed_with_beta_in_one_place():
    terms = ElboTerms(torch.tensor([-3.0, -5.0]), torch.tensor([[1.0, 0.5], [0.0, 2.0]]))
    assert terms.per_bin().tolist() == [-4.5, -7.0]
    assert terms.loss(4.0).item() == pytest.approx((9 + 13) / 2)
    assert terms.loss(0.0).item() == pytest.approx(4)


def test_a_fresh_model_without_latents_says_the_mean_rates(network):
    counts = torch.poisson(torch.tensor([0.1, 1.0, 5.0, 0.0, 20.0]).expand(4000, 5))
    network.start_from(lambda: counts.split(1000))
    mean = counts.mean(0)
    at_zero = network.likelihood.mean(torch.zeros(1, network.decoder.n_features)).detach()[0]
    torch.testing.assert_close(at_zero, mean, rtol=1e-4, atol=1e-5)
    inputs = network.inputs(counts)
    torch.testing.assert_close(inputs.mean(0), torch.zeros(5), rtol=0, atol=1e-4)
    assert (inputs.std(0) < 1.01).all()


def test_a_decoder_and_an_encoder_may_be_linear():
    net = Vae(Settings(method="vae", latents=3, encoder=MlpEncoder(hidden=()), decoder=MlpDecoder(hidden=())), 6)
    assert net.decoder.n_features == 3
    assert net.rates(torch.randn(7, 3)).shape == (7, 6)
    assert net.encode(torch.ones(7, 6)).mean.shape == (7, 3)
