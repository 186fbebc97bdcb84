"""Under N(0, I) nothing tells one direction of the latents from another, if the posterior may be correlated."""

import pytest
import torch
from torch import nn

from alveus.config.models import Vae as Settings
from alveus.config.networks import AnisotropicPrior, MlpDecoder, MlpEncoder
from alveus.models.posteriors import FullPosterior
from alveus.models.vae import Vae

N_LATENTS = 3


class Rotated(nn.Module):
    """A head whose posterior is turned: N(Rμ, R L Lᵀ Rᵀ)."""

    def __init__(self, head, rotation):
        super().__init__()
        self.head, self.rotation = head, rotation

    def forward(self, hidden):
        posterior = self.head(hidden)
        covariance = self.rotation @ posterior.covariance_matrix @ self.rotation.T
        return FullPosterior(posterior.loc @ self.rotation.T, torch.linalg.cholesky(covariance))


def elbos_before_and_after(**choices):
    """ELBO of every bin, with z and with Rz, at samples that correspond; and whether the noise was only turned."""
    net = {"encoder": MlpEncoder(hidden=(8,)), "decoder": MlpDecoder(hidden=(8,))}
    network = Vae(Settings(method="vae", latents=N_LATENTS, posterior="full", **net, **choices), 6).double()
    activity = torch.poisson(torch.full((200, 6), 2.0, dtype=torch.float64))
    network.start_from(lambda: [activity])
    nn.init.normal_(network.head.readout.weight)  # posteriors with correlations
    batch, noise = network.batch(activity), torch.randn(200, N_LATENTS, dtype=torch.float64)
    before, posterior = network.terms(batch, noise).per_bin(), network.encode(activity).posterior
    rotation = torch.linalg.qr(torch.randn(N_LATENTS, N_LATENTS, dtype=torch.float64)).Q
    network.head = Rotated(network.head, rotation)
    with torch.no_grad():
        first = network.decoder.layers[0]
        first.weight.copy_(first.weight @ rotation.T)
    turned = network.encode(activity).posterior
    moved = (posterior.place(noise) @ rotation.T - turned.loc).unsqueeze(-1)
    noise_after = torch.linalg.solve_triangular(turned.scale_tril, moved, upper=False).squeeze(-1)
    torch.testing.assert_close(noise_after.norm(dim=-1), noise.norm(dim=-1))  # as probable as before
    return before, network.terms(batch, noise_after).per_bin()


def test_a_rotation_of_latents_decoder_and_posterior_leaves_the_elbo_of_every_bin():
    before, after = elbos_before_and_after()
    torch.testing.assert_close(after, before, rtol=1e-5, atol=0)


def test_it_does_not_where_the_prior_has_distinct_variances():
    before, after = elbos_before_and_after(prior=AnisotropicPrior())
    assert after.mean().item() != pytest.approx(before.mean().item(), abs=0.1)
