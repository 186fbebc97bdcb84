"""Turns recorded activity into what an encoder sees: compressed, centred, scaled per unit."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

ANSCOMBE = 3 / 8
"""Makes the variance of a square-rooted Poisson count nearest to constant, down to means of about 4."""

SPREAD_FLOOR = 0.1
"""Smallest standard deviation a unit's input is divided by. A unit with one spike in an hour has a spread near
zero, and its one spike would reach the encoder as an outlier of a hundred standard deviations."""

SMALLEST_SPREAD = 1e-6
"""The same for activity that is no count, in the unit's own unit of measure, which can be anything."""


class Inputs(nn.Module):
    """Activity of a bin, standardised with the mean and spread of the training bins.

    Parameters
    ----------
    n_units
        Number of recorded units.
    compress
        Take ``log(1 + x)`` first, as for counts, whose spread grows with their mean.
    root
        Take ``2√(x + 3/8)`` instead, as principal component analysis does (Anscombe, 1948).
    scale
        Divide by the spread; False: only centre.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, n_units: int, *, compress: bool = False, root: bool = False, scale: bool = True) -> None:
        super().__init__()
        self.compress, self.root, self.scale = compress, root, scale
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
        if self.scale:
            floor = SPREAD_FLOOR if self.compress else SMALLEST_SPREAD
            self.spread.copy_(variance.sqrt().clamp_min(floor))

    def _compressed(self, activity: Tensor) -> Tensor:
        if self.root:
            return 2.0 * (activity + ANSCOMBE).sqrt()
        return activity.log1p() if self.compress else activity
