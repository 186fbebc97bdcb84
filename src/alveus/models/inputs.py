"""Turns recorded activity into what an encoder sees: compressed, centred, scaled per unit."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from alveus.models.likelihoods.rates import moments, spread_of
from alveus.recording.events import RunningEvents

ANSCOMBE = 3 / 8
"""Makes the variance of a square-rooted Poisson count nearest to constant, down to means of about 4."""

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
    root
        Take ``2√(x + 3/8)`` instead, as principal component analysis does (Anscombe, 1948).
    scale
        Divide by the spread; False: only centre.
    of_events
        Count events in units of each unit's own mean event before all else.
    """

    mean: Tensor
    spread: Tensor
    event: Tensor

    def __init__(
        self,
        n_units: int,
        *,
        compress: bool = False,
        root: bool = False,
        scale: bool = True,
        of_events: bool = False,
    ) -> None:
        super().__init__()
        self.compress, self.root, self.scale, self.of_events = compress, root, scale, of_events
        self.register_buffer("mean", torch.zeros(n_units))
        self.register_buffer("spread", torch.ones(n_units))
        if of_events:
            self.register_buffer("event", torch.ones(n_units))

    def forward(self, activity: Tensor) -> Tensor:
        """Turn activity (..., unit) into inputs (..., unit) without unit of measure."""
        return (self._compressed(activity) - self.mean) / self.spread

    def undo(self, inputs: Tensor) -> Tensor:
        """Turn inputs (..., unit) back into activity (..., unit)."""
        activity = inputs * self.spread + self.mean
        if self.root:
            activity = (activity / 2).square() - ANSCOMBE
        if self.compress:
            activity = activity.expm1()
        return activity * self.event if self.of_events else activity

    def start_from(self, blocks: Callable[[], Iterable[Tensor]]) -> None:
        """Take mean and spread from blocks (bin, unit) of activity that together are the training bins."""
        if self.of_events:
            running = RunningEvents()
            for block in blocks():
                running.add(block.cpu().numpy())
            self.event.copy_(torch.from_numpy(running.statistics().mean_event))
        mean, variance = moments(self._compressed(block) for block in blocks())
        self.mean.copy_(mean)
        if self.scale:
            spread = spread_of(mean, variance)
            self.spread.copy_(spread.clamp_min(SPREAD_FLOOR) if self.compress else spread)

    def _compressed(self, activity: Tensor) -> Tensor:
        if self.of_events:
            activity = activity / self.event
        if self.root:
            return 2.0 * (activity + ANSCOMBE).sqrt()
        return activity.log1p() if self.compress else activity
