"""Features to independent normal activity."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import softplus

from alveus.models.likelihoods.likelihood import Likelihood
from alveus.models.likelihoods.rates import moments, spread_of

VARIANCE_FLOOR = 1e-3
"""Smallest variance, as part of a unit's variance over all training bins. Without it a unit that the latents copy
would earn any likelihood by a variance going to 0."""


class GaussianLikelihood(Likelihood):
    """Independent normal activity.

    Means and variances are learned in units of each unit's own spread, so that traces of any unit of measure
    train alike.

    Parameters
    ----------
    n_features
        Width of the decoder's last layer.
    n_units
        Number of recorded units.
    variance
        ``per_unit``: one variance a unit; ``from_latents``: the decoder gives one for every bin, Σ(z).
    """

    of_counts = False
    center: Tensor
    spread: Tensor

    def __init__(self, n_features: int, n_units: int, *, variance: str = "per_unit") -> None:
        super().__init__()
        self.readout = nn.Linear(n_features, n_units)
        self.register_buffer("center", torch.zeros(n_units))
        self.register_buffer("spread", torch.ones(n_units))
        self.variance_readout = nn.Linear(n_features, n_units) if variance == "from_latents" else None
        if self.variance_readout is None:
            self.raw_variance = nn.Parameter(torch.full((n_units,), _RAW_ONE))
        else:
            nn.init.zeros_(self.variance_readout.weight)
            nn.init.constant_(self.variance_readout.bias, _RAW_ONE)

    def forward(self, features: Tensor) -> Normal:
        """Return the normal distribution of activity (..., unit) given features (..., feature)."""
        raw = self.raw_variance if self.variance_readout is None else self.variance_readout(features).float()
        scale = (softplus(raw) + VARIANCE_FLOOR).sqrt() * self.spread
        mean = self.mean(features)
        return Normal(mean, scale.expand_as(mean), validate_args=False)

    def mean(self, features: Tensor) -> Tensor:
        """Return the expected activity, (..., unit)."""
        return self.center + self.spread * self.readout(features).float()

    @torch.no_grad()
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Start with each unit's mean and variance."""
        mean, variance = moments(blocks)
        self.center.copy_(mean)
        self.spread.copy_(spread_of(mean, variance))
        self.readout.bias.zero_()


_RAW_ONE = 0.5413248546129181  # softplus turns it into 1
