"""Transforms of the latents that leave a prior as it is leave the ELBO too, if the posterior may be correlated."""

import pytest
import torch
from torch import nn

from alveus.config.models import Vae as Settings
from alveus.config.networks import AnisotropicPrior, MlpDecoder, MlpEncoder
from alveus.models.posteriors import FullPosterior
from alveus.models.vae import Vae

N_LATENTS = 3


class Transformed(nn.Module):
    """A head whose posterior is transformed: N(Aμ, A L Lᵀ Aᵀ)."""

    def __init__(self, head, transform):
        super().__init__()
        self.head, self.transform = head, transform

    def forward(self, hidden):
        posterior = self.head(hidden)
        covariance = self.transform @ posterior.covariance_matrix @ self.transform.T
        return FullPosterior(posterior.loc @ self.transform.T, torch.linalg.cholesky(covariance))


def rotation():
    return torch.linalg.qr(torch.randn(N_LATENTS, N_LATENTS)).Q


def elbos_before_and_after(transform, **choices):
    """ELBO of every bin, with z and with Az, at samples that correspond."""
    net = {"encoder": MlpEncoder(hidden=(8,)), "decoder": MlpDecoder(hidden=(8,))}
    network = Vae(Settings(method="vae", latents=N_LATENTS, posterior="full", **net, **choices), 6)
    activity = torch.poisson(torch.full((200, 6), 2.0))
    network.start_from(lambda: [activity])
    nn.init.normal_(network.head.readout.weight, std=0.3)  # posteriors with correlations
    batch, noise = network.batch(activity), torch.randn(200, N_LATENTS)
    before, posterior = network.terms(batch, noise).per_bin(), network.encode(activity).posterior
    network.head = Transformed(network.head, transform)
    with torch.no_grad():
        first = network.decoder.layers[0]
        first.weight.copy_(first.weight @ torch.linalg.inv(transform))
    after = network.encode(activity).posterior
    moved = (posterior.place(noise) @ transform.T - after.loc).unsqueeze(-1)
    noise_after = torch.linalg.solve_triangular(after.scale_tril, moved, upper=False).squeeze(-1)
    torch.testing.assert_close(
        noise_after.norm(dim=-1), noise.norm(dim=-1), rtol=1e-3, atol=0
    )  # as probable as before
    return before, network.terms(batch, noise_after).per_bin()


def test_a_rotation_of_latents_decoder_and_posterior_leaves_the_elbo_of_every_bin():
    before, after = elbos_before_and_after(rotation())
    torch.testing.assert_close(after, before, rtol=1e-5, atol=0)


def test_distinct_variances_of_the_prior_leave_a_transform_that_a_free_decoder_absorbs():
    """z → Λ^½ R Λ^-½ z: N(0, diag λ) alone identifies nothing."""
    prior = AnisotropicPrior(variances=(4.0, 1.0, 0.3))
    scale = torch.diag(torch.tensor(prior.variances).sqrt())
    before, after = elbos_before_and_after(scale @ rotation() @ torch.linalg.inv(scale), prior=prior)
    torch.testing.assert_close(after, before, rtol=1e-5, atol=0)
    before, after = elbos_before_and_after(rotation(), prior=prior)
    assert after.mean().item() != pytest.approx(before.mean().item(), abs=0.1)
