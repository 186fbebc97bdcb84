"""Turns recorded activity into what an encoder sees: compressed, centred, scaled per unit."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

SPREAD_FLOOR = 0.1
"""Smallest standard deviation a unit's input is divided by. A unit with one spike in an hour has a spread near
zero, and its one spike would reach the encoder as an outlier of a hundred standard deviations."""


class Inputs(nn.Module):
    """Activity of a bin, standardised with the mean and spread of the training bins.

    Parameters
    ----------
    n_units
        Number of recorded units.
    compress
        Take ``log(1 + x)`` first, as for counts, whose spread grows with their mean.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, n_units: int, *, compress: bool) -> None:
        super().__init__()
        self.compress = compress
        self.register_buffer("mean", torch.zeros(n_units))
        self.register_buffer("spread", torch.ones(n_units))

    def forward(self, activity: Tensor) -> Tensor:
        """Turn activity (..., unit) into inputs (..., unit) without unit of measure."""
        return (self._compressed(activity) - self.mean) / self.spread

    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Take mean and spread from blocks (bin, unit) of activity that together are the training bins."""
        n_bins = 0
        total = torch.zeros_like(self.mean, dtype=torch.float64)
        squares = torch.zeros_like(total)
        for block in blocks:
            inputs = self._compressed(block).double()
            n_bins += inputs.shape[0]
            total += inputs.sum(0)
            squares += inputs.square().sum(0)
        mean = total / n_bins
        variance = (squares / n_bins - mean.square()).clamp_min(0.0)
        self.mean.copy_(mean)
        self.spread.copy_(variance.sqrt().clamp_min(SPREAD_FLOOR))

    def _compressed(self, activity: Tensor) -> Tensor:
        return activity.log1p() if self.compress else activity
