"""Features to independent Poisson counts."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Poisson

from alveus.models.likelihoods.likelihood import Likelihood
from alveus.models.likelihoods.rates import LINKS, moments


class PoissonLikelihood(Likelihood):
    """Independent Poisson counts.

    Parameters
    ----------
    n_features
        Width of the decoder's last layer.
    n_units
        Number of recorded units.
    link
        ``softplus`` or ``exp``: from the readout's numbers to rates.
    """

    of_counts = True

    def __init__(self, n_features: int, n_units: int, *, link: str = "softplus") -> None:
        super().__init__()
        self.readout = nn.Linear(n_features, n_units)
        self.link = LINKS[link]

    def forward(self, features: Tensor) -> Poisson:
        """Return the Poisson distribution of counts (..., unit) given features (..., feature)."""
        return Poisson(self.mean(features), validate_args=False)

    def mean(self, features: Tensor) -> Tensor:
        """Return the rate, counts per bin, (..., unit)."""
        return self.link.rate(self.readout(features))

    def log_kernel(self, features: Tensor, activity: Tensor) -> Tensor:
        """Return x ln λ − λ, (..., unit) [nats]."""
        rate = self.mean(features)
        return activity * rate.log() - rate

    def log_base(self, activity: Tensor) -> Tensor:
        """Return −ln x!, (..., unit) [nats]; as costly as a layer, hence not part of a step."""
        return -torch.lgamma(activity + 1.0)

    @torch.no_grad()
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Set the biases so that features of zero give each unit its mean count per bin."""
        self.readout.bias.copy_(self.link.inverse(moments(blocks)[0]))
