"""Features to events of a deconvolution: nothing, or an amount that is gamma-distributed."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import softplus

from alveus.models.likelihoods.likelihood import Likelihood
from alveus.recording.events import SMALLEST_SHAPE, RunningEvents

SIZE_FLOOR = 1e-2
"""Smallest mean of an event, as part of the unit's own. Without it a bin with a tiny event, as binning makes them
at its edges, would earn any likelihood by a mean going to 0."""

LEAST_LOGIT = 30.0
"""Largest log odds for or against an event: beyond, single precision knows no other outcome."""


class ZeroInflatedGamma(Distribution):
    """0 with probability 1 − q; else gamma-distributed above a location, or, rarely, anywhere below it.

    Parameters
    ----------
    logits
        (..., unit) ln q/(1 − q).
    ratio
        (..., unit) mean of the gamma part, in units of `size`.
    shape, location, size, slip
        (unit,) shape of the gamma part; where it begins; its mean in training; probability that a positive value
        lies below the location, everywhere alike.
    """

    def __init__(
        self, logits: Tensor, ratio: Tensor, shape: Tensor, location: Tensor, size: Tensor, slip: Tensor
    ) -> None:
        self.logits, self.ratio, self.concentration = logits, ratio, shape
        self.location, self.size, self.slip = location, size, slip
        super().__init__(logits.shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ln(1 − q) of zeros, and ln q plus a log density of positive values, (..., unit) [nats]."""
        tiny = torch.finfo(value.dtype).tiny
        positive, is_above = (value > 0).to(value.dtype), value > self.location
        above = is_above.to(value.dtype)
        relative = ((value - self.location) / self.size).clamp_min(tiny)
        log_relative = torch.where(is_above, relative, 1.0).log()
        below = self.slip.clamp_min(tiny).log() - self.location.clamp_min(tiny).log()
        k = self.concentration
        unit = k * k.log() - torch.lgamma(k) - self.size.log() + torch.log1p(-self.slip)
        # products with 0 and 1 instead of choices, whose gradients cost as much again
        fixed = above * unit + (k - 1) * log_relative + (positive - above) * below
        gamma = k * (above * self.ratio.log() + relative * above / self.ratio)
        return positive * self.logits - softplus(self.logits) + fixed - gamma

    @property
    def mean(self) -> Tensor:
        """Expected value, (..., unit)."""
        above = self.location + self.size * self.ratio
        return self.logits.sigmoid() * ((1 - self.slip) * above + self.slip * self.location / 2)

    @property
    def variance(self) -> Tensor:
        """Of the value, (..., unit)."""
        gamma = self.size * self.ratio
        above = gamma.square() / self.concentration + (self.location + gamma).square()
        square = (1 - self.slip) * above + self.slip * self.location.square() / 3
        return self.logits.sigmoid() * square - self.mean.square()

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw once, (*sample_shape, ..., unit)."""
        shape = self._extended_shape(sample_shape)
        k, u = self.concentration.expand(shape), torch.rand((3, *shape), device=self.logits.device)
        above = self.location + self.size * self.ratio * torch._standard_gamma(k) / k
        event = torch.where(u[1] < self.slip, self.location * (1 - u[2]), above)
        return torch.where(u[0] < self.logits.sigmoid(), event, torch.zeros_like(event))


class ZeroInflatedGammaLikelihood(Likelihood):
    """Independent events: in most bins none, else an amount with a shape that belongs to the unit.

    Latents drive two things of each unit: the log odds of an event, and its mean amount. Where events begin (the
    location) is taken from the training bins and stays; amounts are learned in units of the unit's own mean above
    it, so that events of any unit of measure train alike.

    Parameters
    ----------
    n_features
        Width of the decoder's last layer.
    n_units
        Number of recorded units.

    References
    ----------
    Wei et al. (2020), A zero-inflated gamma model for deconvolved calcium imaging traces, Neurons, Behavior, Data
    analysis and Theory 3.
    """

    of_counts = False
    of_events = True
    location: Tensor
    size: Tensor
    slip: Tensor
    largest_shape: Tensor

    def __init__(self, n_features: int, n_units: int) -> None:
        super().__init__()
        self.readout = nn.Linear(n_features, n_units)
        self.chance_readout = nn.Linear(n_features, n_units)
        self.log_shape = nn.Parameter(torch.zeros(n_units))
        self.register_buffer("location", torch.zeros(n_units))
        self.register_buffer("size", torch.ones(n_units))
        self.register_buffer("slip", torch.zeros(n_units))
        self.register_buffer("largest_shape", torch.ones(n_units))

    @property
    def shape(self) -> Tensor:
        """The shape of each unit's gamma distribution, (unit,)."""
        return self.log_shape.clamp_min(math.log(SMALLEST_SHAPE)).minimum(self.largest_shape.log()).exp()

    def forward(self, features: Tensor) -> ZeroInflatedGamma:
        """Return the distribution of events (..., unit) given features (..., feature)."""
        ratio = softplus(self.readout(features).float()) + SIZE_FLOOR
        logits = self.chance_readout(features).float().clamp(-LEAST_LOGIT, LEAST_LOGIT)
        return ZeroInflatedGamma(logits, ratio, self.shape, self.location, self.size, self.slip)

    @torch.no_grad()
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Start with each unit's share of zeros, and with the mean and the variance of its events."""
        running = RunningEvents()
        for block in blocks:
            running.add(block.cpu().numpy())
        found = running.statistics()
        for name in ("location", "size", "slip", "largest_shape"):
            getattr(self, name).copy_(torch.from_numpy(getattr(found, name)))
        self.log_shape.copy_(torch.from_numpy(found.shape).log())
        self.chance_readout.bias.copy_(torch.from_numpy(found.chance).logit())
        self.readout.bias.fill_(math.log(math.expm1(1 - SIZE_FLOOR)))
