"""Turns a decoder's features into the distribution of a bin's activity: owns parameters, loss and mean."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Poisson
from torch.nn.functional import softplus

RATE_FLOOR = 1e-6
"""Smallest rate, in counts per bin; a rate of 0 would make one spike impossible."""


class Likelihood(nn.Module, ABC):
    """p(x|z) of the activity of every unit, independent given the latents.

    A subclass owns the layer that reads the features. It must give the distribution, and may give the two
    parts of its log-probability in a cheaper way: the kernel, which training changes, and the base measure,
    which depends on the data alone and can be computed once for a whole recording.

    Attributes
    ----------
    of_counts
        Whether the activity must be whole numbers.
    """

    of_counts: bool

    @abstractmethod
    def forward(self, features: Tensor) -> Distribution:
        """Return the distribution of activity (..., unit) given features (..., feature)."""

    @abstractmethod
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Start as the model without latents: the distribution of each unit over all training bins.

        Parameters
        ----------
        blocks
            Blocks (bin, unit) of activity that together are the training bins; read once.
        """

    def log_kernel(self, features: Tensor, activity: Tensor) -> Tensor:
        """Return the part of log p(x|z) that parameters change, summed over units, (...,) [nats]."""
        return self(features).log_prob(activity).sum(-1)

    def log_base(self, activity: Tensor) -> Tensor:
        """Return the rest of log p(x|z), which depends on the activity (..., unit) alone, (...,) [nats]."""
        return activity.new_zeros(activity.shape[:-1])

    def mean(self, features: Tensor) -> Tensor:
        """Return the expected activity per bin, (..., unit)."""
        return self(features).mean


class PoissonLikelihood(Likelihood):
    """Independent Poisson counts.

    Parameters
    ----------
    n_features
        Width of the decoder's last layer.
    n_units
        Number of recorded units.
    """

    of_counts = True

    def __init__(self, n_features: int, n_units: int) -> None:
        super().__init__()
        self.readout = nn.Linear(n_features, n_units)

    def forward(self, features: Tensor) -> Poisson:
        """Return the Poisson distribution of counts (..., unit) given features (..., feature)."""
        return Poisson(self.mean(features), validate_args=False)

    def mean(self, features: Tensor) -> Tensor:
        """Return the rate, counts per bin, (..., unit)."""
        return softplus(self.readout(features)) + RATE_FLOOR

    def log_kernel(self, features: Tensor, activity: Tensor) -> Tensor:
        """Return x ln λ − λ summed over units, (...,) [nats]."""
        rate = self.mean(features)
        return (activity * rate.log() - rate).sum(-1)

    def log_base(self, activity: Tensor) -> Tensor:
        """Return −ln x! summed over units, (...,) [nats]; as costly as a layer, hence not part of a step."""
        return -torch.lgamma(activity + 1.0).sum(-1)

    @torch.no_grad()
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Set the biases so that features of zero give each unit its mean count per bin."""
        n_bins, total = 0, torch.zeros_like(self.readout.bias, dtype=torch.float64)
        for block in blocks:
            n_bins += block.shape[0]
            total += block.sum(0, dtype=torch.float64)
        above_floor = (total / n_bins - RATE_FLOOR).clamp_min(RATE_FLOOR)
        # the inverse of softplus, ln(e^m − 1), written so that a large mean does not overflow
        self.readout.bias.copy_(above_floor + torch.log(-torch.expm1(-above_floor)))


LIKELIHOODS: dict[str, type[Likelihood]] = {"poisson": PoissonLikelihood}
