"""Features to independent Poisson counts."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.distributions import Poisson

from alveus.models.likelihoods.counts import CountLikelihood
from alveus.models.likelihoods.rates import moments


class PoissonLikelihood(CountLikelihood):
    """Independent Poisson counts; parameters as for `CountLikelihood`."""

    def forward(self, features: Tensor) -> Poisson:
        """Return the Poisson distribution of counts (..., unit) given features (..., feature)."""
        return Poisson(self.mean(features), validate_args=False)

    def log_kernel(self, features: Tensor, activity: Tensor) -> Tensor:
        """Return x ln λ − λ, (..., unit) [nats]."""
        rate = self.mean(features)
        return activity * rate.log() - rate

    @torch.no_grad()
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Set the biases so that features of zero give each unit its mean count per bin."""
        self.readout.bias.copy_(self.link.inverse(moments(blocks)[0]))
