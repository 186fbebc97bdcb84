"""Independent standard normal latents."""

import torch
from torch import Tensor

from alveus.models.batch import Batch
from alveus.models.posteriors import Posterior
from alveus.models.priors.prior import NormalPrior


class StandardPrior(NormalPrior):
    """N(0, I) in every bin: nothing in it tells one direction of the latents from another.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_conditions, bin_size
        Not used.
    """

    zero: Tensor
    one: Tensor

    def __init__(self, n_latents: int, n_conditions: int = 0, bin_size: float = 1.0) -> None:  # noqa: ARG002
        super().__init__()
        self.register_buffer("zero", torch.zeros(n_latents), persistent=False)
        self.register_buffer("one", torch.ones(n_latents), persistent=False)

    def moments(self, batch: Batch) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return 0 and 1."""
        return self.zero, self.one

    def kl(self, posterior: Posterior, batch: Batch) -> Tensor:
        """Return ½(μ² + σ² − ln σ² − 1) of each latent, (..., target, latent) [nats]."""
        q = posterior if batch.last is None else posterior.select(batch.first, batch.last)
        return (0.5 * (q.loc.square() + q.variance - 1.0) - q.log_spread).clamp_min(0.0)

    def place(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the noise itself."""
        return noise

    @property
    def variance(self) -> Tensor:
        """1 for every latent."""
        return self.one
