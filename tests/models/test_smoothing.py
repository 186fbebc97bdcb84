"""A posterior joined over time by its prior, against Bayes' rule for normal distributions written out whole."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, kl_divergence

from alveus.config.models import Vae as Settings
from alveus.models.batch import Batch
from alveus.models.posteriors import DiagonalPosterior, MarkovPosterior
from alveus.models.priors import AutoregressivePrior
from alveus.models.vae import Vae

N_BINS, BIN_SIZE = 12, 0.05


def smoothing_prior(time_constant: float) -> AutoregressivePrior:
    prior = AutoregressivePrior(2, bin_size=BIN_SIZE, time_constant=time_constant, learned=True)
    prior.smooth()
    return prior


def evidence() -> DiagonalPosterior:
    return DiagonalPosterior(2 * torch.randn(1, N_BINS, 2), torch.rand(1, N_BINS, 2) * 3 + 0.1)


def written_out(prior: AutoregressivePrior, said: DiagonalPosterior, latent: int, present: torch.Tensor):
    """Prior and posterior of one latent over the bins that are there."""
    bins = present.nonzero().squeeze(1)
    lag = (bins[:, None] - bins).abs().double()
    covariance = torch.exp(-lag * BIN_SIZE / prior.time_constant[latent].item())
    weight = said.scale[0, bins, latent].double().square().reciprocal()
    inverse = torch.linalg.inv(covariance) + torch.diag(weight)
    posterior = torch.linalg.inv(inverse)
    mean = posterior @ (weight * said.loc[0, bins, latent].double())
    zero = torch.zeros(len(bins), dtype=torch.float64)
    return MultivariateNormal(zero, covariance), MultivariateNormal(mean, (posterior + posterior.T) / 2)


@given(st.floats(0.02, 2.0))
def test_the_posterior_is_the_prior_times_the_evidence(time_constant):
    torch.manual_seed(0)
    prior, said = smoothing_prior(time_constant), evidence()
    present = torch.ones(1, N_BINS, dtype=torch.bool)
    found = prior.infer(said, present)
    assert isinstance(found, MarkovPosterior)
    for latent in range(2):
        _, exact = written_out(prior, said, latent, present[0])
        torch.testing.assert_close(found.loc[0, :, latent].double(), exact.mean, rtol=1e-3, atol=1e-3)
        variance = exact.covariance_matrix.diagonal()
        torch.testing.assert_close(found.variance[0, :, latent].double(), variance, rtol=2e-3, atol=1e-4)
        lagged = exact.covariance_matrix.diagonal(-1)
        torch.testing.assert_close(found.lagged[0, 1:, latent].double(), lagged, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("time_constant", [0.02, 0.2, 1.0])
def test_the_parts_of_its_divergence_add_up_to_that_of_the_whole_series(time_constant):
    prior, said = smoothing_prior(time_constant), evidence()
    present = torch.ones(1, N_BINS, dtype=torch.bool)
    batch = Batch(torch.zeros(1, N_BINS, 3), torch.zeros(1, N_BINS), present=present)
    ours = prior.kl(prior.infer(said, present), batch)
    assert (ours >= 0).all()
    for latent in range(2):
        before, after = written_out(prior, said, latent, present[0])
        whole = kl_divergence(after, before).item()
        assert ours[0, :, latent].sum().item() == pytest.approx(whole, rel=5e-3, abs=5e-3)


def test_bins_that_are_not_there_say_nothing():
    prior, said = smoothing_prior(0.2), evidence()
    present = torch.ones(1, N_BINS, dtype=torch.bool)
    present[0, :3] = present[0, -2:] = False
    found = prior.infer(said, present)
    loud = DiagonalPosterior(torch.where(present.unsqueeze(-1), said.loc, 1e3), said.scale)
    torch.testing.assert_close(prior.infer(loud, present).loc, found.loc)
    for latent in range(2):
        _, exact = written_out(prior, said, latent, present[0])
        torch.testing.assert_close(found.loc[0, 3:-2, latent].double(), exact.mean, rtol=1e-3, atol=1e-3)


def test_gradients_are_finite_where_bins_are_missing():
    prior, said = smoothing_prior(0.2), evidence()
    mean, scale = said.loc.requires_grad_(), said.scale.requires_grad_()
    present = torch.ones(1, N_BINS, dtype=torch.bool)
    present[0, :5] = False
    batch = Batch(torch.zeros(1, N_BINS, 3), torch.zeros(1, 7), present=present, first=5, last=12)
    prior.kl(prior.infer(DiagonalPosterior(mean, scale), present), batch).sum().backward()
    for gradient in (mean.grad, scale.grad, prior.log_bins.grad):
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0


def test_evidence_that_says_nothing_leaves_the_prior_and_costs_nothing():
    """An independent posterior pays ½ ln(1 + ρ²) a bin even then."""
    prior = smoothing_prior(0.2)
    silent = DiagonalPosterior(torch.zeros(1, N_BINS, 2), torch.full((1, N_BINS, 2), 1e3))
    present = torch.ones(1, N_BINS, dtype=torch.bool)
    batch = Batch(torch.zeros(1, N_BINS, 3), torch.zeros(1, N_BINS), present=present)
    found = prior.infer(silent, present)
    torch.testing.assert_close(found.variance, torch.ones(1, N_BINS, 2), rtol=1e-3, atol=1e-3)
    assert prior.kl(found, batch).sum().item() < 1e-3
    rho = prior.rho[0].item()
    best = (1 - rho**2) / (1 + rho**2)  # variance of an independent posterior with the smallest divergence
    independent = DiagonalPosterior(torch.zeros(1, N_BINS, 2), torch.full((1, N_BINS, 2), best**0.5))
    cost = prior.kl(independent, batch)[0, 1:-1].mean().item()
    assert cost == pytest.approx(0.5 * torch.log1p(torch.tensor(rho**2)).item(), rel=0.02)


def test_a_model_asks_for_the_bins_it_joins():
    settings = Settings(method="vae", latents=2, prior="autoregressive", posterior="smoothed")
    network = Vae(settings, 5, bin_size=0.05)
    assert network.sequential
    assert network.before == network.after == 12  # three time constants of 0.2 s
