"""The evidence lower bound against a closed form and against importance weighting."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from alveus.config.models import Vae as Settings
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.models.decoders import Decoder
from alveus.models.encoders import Encoder
from alveus.models.likelihoods import Likelihood
from alveus.models.network import Means, Terms
from alveus.models.objectives import stratified_log_weights, total_correlation
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


class ExactHead(nn.Module):
    """Posterior of a linear-Gaussian model with orthogonal columns, for which the exact one is diagonal."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        precision = 1 + (weights**2).sum(0) / SPREAD**2
        self.scale = precision.rsqrt()
        self.gain = weights / SPREAD**2 / precision

    def forward(self, inputs: Tensor) -> DiagonalPosterior:
        mean = inputs @ self.gain
        return DiagonalPosterior(mean, self.scale.expand_as(mean))


class PassOn(Encoder):
    """The inputs themselves."""

    n_hidden = 5

    def forward(self, inputs, present=None) -> Tensor:  # noqa: ARG002
        return inputs


class Loadings(Decoder):
    """A fixed loading matrix."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights, self.n_features = weights, len(weights)

    def forward(self, latents, side=None) -> Tensor:  # noqa: ARG002
        return latents @ self.weights.T


def test_elbo_is_the_log_evidence_of_a_linear_gaussian_model_with_the_exact_posterior(network):
    weights = torch.linalg.qr(torch.randn(5, 2, generator=torch.Generator().manual_seed(0)))[0] * torch.tensor(
        [2.0, 1.0]
    )
    network.inputs = nn.Identity()
    network.encoder = PassOn()
    network.head = ExactHead(weights)
    network.decoder = Loadings(weights)
    network.likelihood = UnitGaussian()
    evidence = MultivariateNormal(torch.zeros(5), weights @ weights.T + SPREAD**2 * torch.eye(5))
    activity = evidence.sample((4,))
    n = 20_000
    repeated = network.batch(activity.repeat_interleave(n, 0))
    per_bin = network.terms(repeated, torch.randn(4 * n, 2)).per_bin().reshape(4, n)
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
        elbo = network.terms(repeated, noise).per_bin().reshape(n_bins, n_samples)
        posterior = network.encode(repeated.activity).posterior
        latents = posterior.place(noise)
        joint = network.likelihood(network.decoder(latents)).log_prob(repeated.activity).sum(-1)
        weights = joint + Normal(0.0, 1.0).log_prob(latents).sum(-1) - posterior.log_prob(latents).sum(-1)
    log_evidence = weights.reshape(n_bins, n_samples).logsumexp(1) - math.log(n_samples)
    assert (elbo.mean(1) <= log_evidence + 4 * elbo.std(1) / math.sqrt(n_samples)).all()
    assert elbo.mean() < log_evidence.mean()


def test_terms_are_averaged_and_summed_with_beta_in_one_place():
    terms = Terms(torch.tensor([-3.0, -5.0]), torch.tensor([[1.0, 0.5], [0.0, 2.0]]))
    assert terms.per_bin().tolist() == [-4.5, -7.0]
    means = terms.means()
    assert means.loss(4.0).item() == pytest.approx((9 + 13) / 2)
    assert means.loss(0.0).item() == pytest.approx(4)
    assert means.loss(1.0, free_bits=1.0).item() == pytest.approx(
        4 + 1 + 1.25
    )  # the first latent costs what is free
    dependent = Means(means.log_likelihood, means.kl, torch.tensor(0.3))
    assert dependent.loss(4.0).item() == pytest.approx(4 + 1.75 + 3 * 0.3)


def test_only_targets_that_count_are_averaged():
    counted = torch.tensor([[True, True], [True, False]])
    terms = Terms(torch.tensor([[-1.0, -2.0], [-3.0, 99.0]]), torch.ones(2, 2, 1) * 0.5, counted)
    assert terms.means().log_likelihood.item() == pytest.approx(-2)
    assert terms.means().kl.tolist() == pytest.approx([0.5])


@pytest.mark.parametrize(("n_batch", "n_bins"), [(2, 10), (5, 50), (64, 1000), (64, 64)])
def test_stratified_weights_sum_to_one_for_every_sample(n_batch, n_bins):
    weights = stratified_log_weights(n_batch, n_bins).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(n_batch))
    torch.testing.assert_close(weights.diagonal(), torch.full((n_batch,), 1 / n_bins))


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_of_gaussian_latents(correlation):
    """Of a bivariate normal it is −½ ln(1 − ρ²); posteriors narrow against their spacing leave it as it is."""
    torch.manual_seed(0)
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]])
    mean = MultivariateNormal(torch.zeros(2), covariance).sample((512,))
    posterior = DiagonalPosterior(mean, torch.full_like(mean, 0.3))
    found = total_correlation(posterior, posterior.place(torch.randn_like(mean)), 512).item()
    smoothed = correlation / 1.09
    assert found == pytest.approx(-0.5 * math.log(1 - smoothed**2), abs=0.12)


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
    assert net.encode(torch.ones(7, 6)).posterior.loc.shape == (7, 3)
