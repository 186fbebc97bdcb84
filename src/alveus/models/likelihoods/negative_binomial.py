"""Features to independent negative binomial counts."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributions import NegativeBinomial

from alveus.models.likelihoods.counts import CountLikelihood
from alveus.models.likelihoods.rates import moments

LOG_DISPERSION = (math.log(1e-2), math.log(1e4))
"""Bounds of ln r. At r = 10⁴ a unit of 10 counts per bin has a variance 0.1 % above Poisson's; below 0.01 a unit
would be silent nearly always."""

LARGEST_TABLE = 4096
"""Counts up to here are looked up; a bin of one unit rarely holds more."""


class NegativeBinomialLikelihood(CountLikelihood):
    """Independent counts with mean m and variance m + m²/r; the dispersion r belongs to the unit, and is learned.

    With r → ∞ it becomes Poisson. ``ln Γ(x+r) − ln Γ(r)`` is the difference of huge numbers there; it is summed as
    ``x ln r + Σ_{k<x} ln(1 + k/r)`` instead, from a table that has as many rows as the largest count.
    Parameters as for `CountLikelihood`.
    """

    def __init__(self, n_features: int, n_units: int, *, link: str = "softplus") -> None:
        super().__init__(n_features, n_units, link=link)
        self.log_dispersion = nn.Parameter(torch.zeros(n_units))

    @property
    def dispersion(self) -> Tensor:
        """The dispersion r of each unit, (unit,)."""
        return self.log_dispersion.clamp(*LOG_DISPERSION).exp()

    def forward(self, features: Tensor) -> NegativeBinomial:
        """Return the distribution of counts (..., unit) given features (..., feature)."""
        r, mean = self.dispersion, self.mean(features)
        return NegativeBinomial(r, logits=mean.log() - r.log(), validate_args=False)

    def log_kernel(self, features: Tensor, activity: Tensor) -> Tensor:
        """Return Σ_{k<x} ln(1 + k/r) + x ln m − (x + r) ln(1 + m/r), (..., unit) [nats]."""
        r, mean = self.dispersion, self.mean(features)
        return _log_rising(activity, r) + activity * mean.log() - (activity + r) * torch.log1p(mean / r)

    @torch.no_grad()
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Start with each unit's mean count, and with the dispersion that its variance over all bins asks for."""
        mean, variance = moments(blocks)
        self.readout.bias.copy_(self.link.inverse(mean))
        excess = variance - mean
        dispersion = torch.where(excess > 0, mean.square() / excess, torch.inf)
        self.log_dispersion.copy_(dispersion.log().clamp(*LOG_DISPERSION))


def _log_rising(counts: Tensor, dispersion: Tensor) -> Tensor:
    """Return Σ_{k<x} ln(1 + k/r) for counts x (..., unit) and dispersions r (unit,)."""
    largest = int(counts.max()) if counts.numel() else 0
    if largest > LARGEST_TABLE:
        x, r = counts.double(), dispersion.double()
        return (torch.lgamma(x + r) - torch.lgamma(r) - x * r.log()).to(counts.dtype)
    k = torch.arange(largest, device=counts.device, dtype=counts.dtype).unsqueeze(1)
    table = torch.cat([torch.zeros_like(dispersion).unsqueeze(0), torch.log1p(k / dispersion).cumsum(0)])
    flat = counts.reshape(-1, counts.shape[-1]).long()
    return table.gather(0, flat).reshape(counts.shape)
