import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from alveus.models.batch import Batch
from alveus.models.posteriors import SCALE_FLOOR, DiagonalHead, DiagonalPosterior, FullHead, FullPosterior
from alveus.models.priors import AnisotropicPrior, AutoregressivePrior, ConditionalPrior, StandardPrior
from alveus.models.priors.anisotropic import covariance


def batch(n_bins: int) -> Batch:
    return Batch(torch.zeros(n_bins, 3), torch.zeros(n_bins))


def gaussian_priors(n_bins):
    """Priors of two latents, and their distribution in each bin as torch has it."""
    conditional = ConditionalPrior(2, n_conditions=3, hidden=(8,))
    conditions = torch.randn(n_bins, 3)
    mean, variance = conditional.of(conditions)
    return [
        (StandardPrior(2), batch(n_bins), Normal(torch.zeros(n_bins, 2), 1.0)),
        (
            AnisotropicPrior(2, variances=(4.0, 0.25), ratio=0.5),
            batch(n_bins),
            Normal(torch.zeros(n_bins, 2), torch.tensor([2.0, 0.5])),
        ),
        (conditional, batch(n_bins)._replace(conditions=conditions), Normal(mean, variance.sqrt())),
    ]


@settings(max_examples=30)
@given(st.floats(-30, 30), st.floats(1e-4, 30))
def test_kl_agrees_with_torch(mean, scale):
    posterior = DiagonalPosterior(torch.full((5, 2), mean), torch.full((5, 2), scale))
    for prior, bins, normal in gaussian_priors(5):
        expected = kl_divergence(posterior, normal)
        torch.testing.assert_close(prior.kl(posterior, bins), expected, rtol=1e-4, atol=1e-5)


def test_kl_of_a_full_posterior_agrees_with_torch_and_its_parts_are_conditional_divergences():
    root = torch.tril(torch.randn(5, 2, 2)) + 3 * torch.eye(2)
    posterior = FullPosterior(torch.randn(5, 2), root)
    for prior, bins, normal in gaussian_priors(5):
        parts = prior.kl(posterior, bins)
        whole = MultivariateNormal(normal.mean, torch.diag_embed(normal.variance.expand(5, 2)))
        expected = kl_divergence(MultivariateNormal(posterior.loc, scale_tril=root), whole)
        torch.testing.assert_close(parts.sum(-1), expected, rtol=1e-4, atol=1e-4)
        first = DiagonalPosterior(posterior.loc[:, :1], root[:, :1, 0])
        alone = kl_divergence(first, Normal(normal.mean[:, :1], normal.stddev.expand(5, 2)[:, :1]))
        torch.testing.assert_close(parts[:, :1], alone, rtol=1e-4, atol=1e-4)


def test_kl_of_an_autoregressive_prior_is_that_of_the_whole_series_in_torch():
    """A segment as one multivariate normal over time, for each latent."""
    n_bins, bin_size = 7, 0.05
    prior = AutoregressivePrior(2, bin_size=bin_size, time_constant=0.2, learned=True)
    posterior = DiagonalPosterior(torch.randn(1, n_bins, 2), torch.rand(1, n_bins, 2) + 0.1)
    whole = Batch(
        torch.zeros(1, n_bins, 3), torch.zeros(1, n_bins), present=torch.ones(1, n_bins, dtype=torch.bool)
    )
    ours = prior.kl(posterior, whole)
    lag = (torch.arange(n_bins)[:, None] - torch.arange(n_bins)).abs()
    series = MultivariateNormal(torch.zeros(n_bins), torch.exp(-lag * bin_size / 0.2))
    for latent in range(2):
        q = MultivariateNormal(posterior.loc[0, :, latent], torch.diag(posterior.variance[0, :, latent]))
        torch.testing.assert_close(ours[0, :, latent].sum(), kl_divergence(q, series), rtol=1e-4, atol=1e-4)
    assert (ours >= 0).all()


def test_a_bin_without_a_past_stands_alone_and_context_is_not_counted():
    prior = AutoregressivePrior(1, bin_size=0.05, time_constant=0.2, learned=True)
    posterior = DiagonalPosterior(torch.randn(1, 5, 1), torch.rand(1, 5, 1) + 0.1)
    present = torch.tensor([[False, True, True, True, True]])
    bins = Batch(torch.zeros(1, 5, 3), torch.zeros(1, 3), present=present, first=1, last=4)
    ours = prior.kl(posterior, bins)
    assert ours.shape == (1, 3, 1)
    alone = kl_divergence(posterior.select(1, 2), Normal(0.0, 1.0))
    torch.testing.assert_close(ours[:, :1], alone)
    everywhere = bins._replace(present=torch.ones(1, 5, dtype=torch.bool))
    assert not torch.isclose(prior.kl(posterior, everywhere)[0, 0], ours[0, 0]).any()


def test_samples_of_an_autoregressive_prior_are_stationary_with_its_time_constant():
    prior = AutoregressivePrior(2, bin_size=0.05, time_constant=0.5, learned=False)
    with torch.no_grad():
        series = prior.place(torch.randn(400, 200, 2))
    assert series.var().item() == pytest.approx(1.0, abs=0.05)
    assert series[:, 0].var().item() == pytest.approx(1.0, abs=0.15)
    lagged = (series[:, 10:] * series[:, :-10]).mean().item()
    assert lagged == pytest.approx(math.exp(-1.0), abs=0.05)


def test_variances_from_pca_are_those_of_the_log_rates():
    generator = torch.Generator().manual_seed(0)
    variances = torch.tensor([1.0, 0.3])
    latents = torch.randn(40_000, 2, generator=generator) * variances.sqrt()
    loadings = torch.linalg.qr(torch.randn(30, 2, generator=generator)).Q
    counts = torch.poisson(2 * torch.exp(latents @ loadings.T), generator=generator)
    prior = AnisotropicPrior(2, variances="pca", ratio=0.5)
    prior.start_from(lambda: counts.split(7000), tuple, of_counts=True)
    torch.testing.assert_close(prior.variance, variances, rtol=0.1, atol=0.03)
    real = latents @ loadings.T * torch.linspace(0.1, 1000, 30) - 7  # of any unit of measure
    expected = torch.from_numpy(np.corrcoef(real.double().numpy(), rowvar=False))
    torch.testing.assert_close(
        covariance(lambda: real.split(7000), of_counts=False), expected, rtol=1e-4, atol=1e-4
    )


def test_the_product_with_a_prior_is_bayes_rule_for_normal_distributions():
    prior = ConditionalPrior(1, n_conditions=1, hidden=(4,), posterior="product")
    conditions = torch.randn(6, 1)
    bins = batch(6)._replace(conditions=conditions)
    q = DiagonalPosterior(torch.randn(6, 1), torch.rand(6, 1) + 0.2)
    product = prior.for_training(q, bins)
    mean, variance = prior.of(conditions)
    grid = torch.linspace(-12, 12, 200_001)
    for i in range(6):
        density = (
            q.log_prob(grid[:, None, None])[:, i, 0] + Normal(mean[i], variance[i].sqrt()).log_prob(grid)
        ).exp()
        density = density / density.sum()
        center = (density * grid).sum()
        assert center.item() == pytest.approx(product.loc[i, 0].item(), abs=1e-3)
        spread = (density * (grid - center).square()).sum().sqrt()
        assert spread.item() == pytest.approx(product.variance[i, 0].sqrt().item(), abs=1e-3)


def test_kl_of_the_prior_itself_is_zero_and_never_negative():
    prior = StandardPrior(2)
    assert torch.equal(
        prior.kl(DiagonalPosterior(torch.zeros(4, 2), torch.ones(4, 2)), batch(4)), torch.zeros(4, 2)
    )
    near = DiagonalPosterior(torch.zeros(100, 2), 1 + 1e-4 * torch.randn(100, 2))
    assert (prior.kl(near, batch(100)) >= 0).all()


def test_noise_is_placed_at_mean_plus_scale():
    posterior = DiagonalPosterior(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0]]))
    assert posterior.place(torch.tensor([[2.0, -1.0]])).tolist() == [[2.0, -5.0]]
    full = FullPosterior(torch.tensor([[1.0, -2.0]]), torch.tensor([[[2.0, 0.0], [1.0, 3.0]]]))
    assert full.place(torch.tensor([[2.0, -1.0]])).tolist() == [[5.0, -3.0]]


def test_the_posterior_of_absurd_inputs_keeps_a_scale():
    scale = DiagonalHead(3, 2)(torch.randn(100, 3) * 1e6).scale
    assert (scale >= SCALE_FLOOR).all()
    assert torch.isfinite(scale).all()
    full = FullHead(3, 2)(torch.randn(100, 3) * 1e3)
    assert (full.scale_tril.diagonal(dim1=-2, dim2=-1) >= SCALE_FLOOR).all()
    assert (full.scale_tril[:, 0, 1] == 0).all()
