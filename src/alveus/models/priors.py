"""Turns a posterior into what it costs: its KL divergence from the prior, which the prior owns."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from alveus.models.batch import Batch
from alveus.models.posteriors import DiagonalPosterior


class Prior(nn.Module, ABC):
    """p(z) of the latents of a bin; the batch is there for priors that depend on what else is known of it."""

    @abstractmethod
    def forward(self, batch: Batch) -> Distribution:
        """Return the distribution of the latents of each bin."""

    @abstractmethod
    def kl(self, posterior: DiagonalPosterior, batch: Batch) -> Tensor:
        """Return KL(q(z|x) ‖ p(z)) of each latent, (bin, latent) [nats], never negative."""


class StandardPrior(Prior):
    """Independent standard normal latents.

    Parameters
    ----------
    n_latents
        Number of latents.
    """

    mean: Tensor

    def __init__(self, n_latents: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_latents), persistent=False)

    def forward(self, batch: Batch) -> Normal:
        """Return N(0, 1) for each latent of each bin."""
        mean = self.mean.expand(batch.activity.shape[0], -1)
        return Normal(mean, torch.ones_like(mean), validate_args=False)

    def kl(self, posterior: DiagonalPosterior, batch: Batch) -> Tensor:  # noqa: ARG002
        """Return ½(μ² + σ² − ln σ² − 1) of each latent, (bin, latent) [nats]."""
        variance = posterior.scale.square()
        # rounding leaves −1e-8 where q equals p; a divergence is never negative
        return (0.5 * (posterior.loc.square() + variance - variance.log() - 1.0)).clamp_min(0.0)


PRIORS: dict[str, type[Prior]] = {"standard": StandardPrior}
