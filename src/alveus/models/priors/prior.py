"""What every prior is: the distribution of the latents before the activity is seen, and what leaving it costs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from alveus.models.batch import Batch
from alveus.models.posteriors import Posterior

Blocks = Callable[[], Iterable[Tensor]]
"""Gives, each time it is called, blocks (bin, any) that together are the training bins."""


class Prior(nn.Module, ABC):
    """p(z) of the latents of a recording.

    Attributes
    ----------
    independent
        Whether bins are independent of each other given what else is known of them.
    factorized
        Whether latents are independent of each other and the same for all bins.
    before, after
        How many bins before and after a bin its posterior and its KL divergence need.
    """

    independent: bool = True
    factorized: bool = True
    before: int = 0
    after: int = 0

    @abstractmethod
    def kl(self, posterior: Posterior, batch: Batch) -> Tensor:
        """Return KL(q(z|x) ‖ p(z)) of each latent, (..., target, latent) [nats], never negative.

        `posterior` is of all bins of the batch, context included. Under a full covariance the part of a latent is
        that of its distribution given the latents before it; the parts add up to the whole.
        """

    @abstractmethod
    def place(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Turn standard normal noise (..., bin, latent) into latents drawn from the prior."""

    @property
    @abstractmethod
    def variance(self) -> Tensor:
        """Variance of each latent over the recording, (latent,)."""

    def infer(self, evidence: Posterior, present: Tensor | None) -> Posterior:  # noqa: ARG002
        """Turn what the encoder says of each bin into the posterior; the same, unless a prior joins bins.

        Parameters
        ----------
        evidence
            Of each bin alone, (..., bin, latent).
        present
            (stretch, bin) which bins are there.
        """
        return evidence

    def for_training(self, posterior: Posterior, batch: Batch) -> Posterior:  # noqa: ARG002
        """Return the posterior that training uses; the encoder's own, unless a prior says otherwise."""
        return posterior

    def start_from(self, blocks: Blocks, conditions: Blocks, *, of_counts: bool) -> None:
        """Learn from the training bins what the prior takes from them; nothing, unless it says so."""


class NormalPrior(Prior):
    """A prior with independent bins and normal latents of given moments."""

    @abstractmethod
    def moments(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the latents, either of which broadcasts with (..., target, latent)."""

    def kl(self, posterior: Posterior, batch: Batch) -> Tensor:
        """Return ½(σ²/λ + (μ−m)²/λ − 1 − ln(σ²/λ)) of each latent, (..., target, latent) [nats]."""
        mean, variance = self.moments(batch)
        q = posterior if batch.last is None else posterior.select(batch.first, batch.last)
        spread = 2 * q.log_spread - variance.log()
        # rounding leaves −1e-8 where q equals p; a divergence is never negative
        return (0.5 * ((q.variance + (q.loc - mean).square()) / variance - 1.0 - spread)).clamp_min(0.0)

    def log_density(self, latents: Tensor, batch: Batch) -> Tensor:
        """Return log p(z) of the latents (..., target, latent) of single bins, (..., target) [nats]."""
        mean, variance = self.moments(batch)
        normal = torch.distributions.Normal(mean, variance.sqrt(), validate_args=False)
        return normal.log_prob(latents).sum(-1)
