"""Turns a model and a batch into the terms of its objective, and sums them: the one place that does."""

from typing import NamedTuple

from torch import Tensor

from alveus.models.batch import Batch
from alveus.models.vae import Vae


class ElboTerms(NamedTuple):
    """What the evidence lower bound is made of.

    Parameters
    ----------
    log_likelihood
        (bin,) log p(x|z) at a sample z of the posterior, over all units [nats].
    kl
        (bin, latent) KL divergence from posterior to prior [nats].
    """

    log_likelihood: Tensor
    kl: Tensor

    def per_bin(self, beta: float = 1.0) -> Tensor:
        """Return log p(x|z) − β·KL of each bin, (bin,) [nats]; at β = 1 a lower bound on log p(x) on average."""
        return self.log_likelihood - beta * self.kl.sum(-1)

    def loss(self, beta: float = 1.0) -> Tensor:
        """Return what training makes small: the mean over bins of β·KL − log p(x|z) [nats per bin]."""
        return -self.per_bin(beta).mean()


def elbo_terms(model: Vae, batch: Batch, noise: Tensor) -> ElboTerms:
    """Evaluate a variational autoencoder on a batch (Kingma & Welling, 2014; β: Higgins et al., 2017).

    Parameters
    ----------
    model
        The model.
    batch
        The bins.
    noise
        (bin, latent) standard normal; one sample of the posterior per bin.
    """
    posterior = model.encode(batch.activity)
    features = model.decoder(posterior.place(noise))
    log_likelihood = model.likelihood.log_kernel(features, batch.activity) + batch.log_base
    return ElboTerms(log_likelihood, model.prior.kl(posterior, batch))
