import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import kl_divergence

from alveus.models.batch import Batch
from alveus.models.encoders import SCALE_FLOOR, MlpEncoder
from alveus.models.posteriors import DiagonalPosterior
from alveus.models.priors import PRIORS


def batch(n_bins: int) -> Batch:
    return Batch(torch.zeros(n_bins, 3), torch.zeros(n_bins))


@pytest.mark.parametrize("kind", PRIORS)
@settings(max_examples=30, deadline=None)
@given(st.floats(-30, 30), st.floats(1e-4, 30))
def test_kl_agrees_with_torch(kind, mean, scale):
    prior = PRIORS[kind](n_latents=2)
    posterior = DiagonalPosterior(torch.full((5, 2), mean), torch.full((5, 2), scale))
    expected = kl_divergence(posterior, prior(batch(5)))
    torch.testing.assert_close(prior.kl(posterior, batch(5)), expected, rtol=1e-4, atol=1e-5)


def test_kl_of_the_prior_itself_is_zero_and_never_negative():
    prior = PRIORS["standard"](n_latents=2)
    assert torch.equal(
        prior.kl(DiagonalPosterior(torch.zeros(4, 2), torch.ones(4, 2)), batch(4)), torch.zeros(4, 2)
    )
    near = DiagonalPosterior(torch.zeros(100, 2), 1 + 1e-4 * torch.randn(100, 2))
    assert (prior.kl(near, batch(100)) >= 0).all()


def test_noise_is_placed_at_mean_plus_scale():
    posterior = DiagonalPosterior(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0]]))
    assert posterior.place(torch.tensor([[2.0, -1.0]])).tolist() == [[2.0, -5.0]]


def test_the_posterior_of_absurd_inputs_keeps_a_scale():
    encoder = MlpEncoder(n_units=3, n_latents=2, hidden=(8,))
    scale = encoder(torch.randn(100, 3) * 1e6).scale
    assert (scale >= SCALE_FLOOR).all()
    assert torch.isfinite(scale).all()
