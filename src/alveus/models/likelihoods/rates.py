"""A decoder's numbers to rates that cannot be negative: the link functions, and the inverse that a start needs."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

RATE_FLOOR = 1e-6
"""Smallest rate, in counts per bin; a rate of 0 would make one spike impossible."""

RATE_CEILING = 1e6
"""Largest rate of the exponential link, in counts per bin: far above any neuron, and far below what overflows."""

LEAST_SPREAD = 1e-6
"""Standard deviation, as part of the mean, below which single precision knows no difference between bins."""


class Link(NamedTuple):
    """From a number to a rate [counts per bin] in single precision, whatever the layers' is; and back."""

    rate: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]


def _softplus_rate(eta: Tensor) -> Tensor:
    return softplus(eta.float()) + RATE_FLOOR


def _softplus_inverse(rate: Tensor) -> Tensor:
    above_floor = (rate - RATE_FLOOR).clamp_min(RATE_FLOOR)
    return above_floor + torch.log(-torch.expm1(-above_floor))  # ln(e^m − 1), where a large mean does not overflow


def _exp_rate(eta: Tensor) -> Tensor:
    return eta.float().clamp(math.log(RATE_FLOOR), math.log(RATE_CEILING)).exp()


def _exp_inverse(rate: Tensor) -> Tensor:
    return rate.clamp(2 * RATE_FLOOR, RATE_CEILING).log()  # above the floor, where there is a slope


LINKS = {"softplus": Link(_softplus_rate, _softplus_inverse), "exp": Link(_exp_rate, _exp_inverse)}


def moments(blocks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each unit, (unit,) float64, over blocks (bin, unit)."""
    n_bins, total, squares = 0, torch.zeros(()), torch.zeros(())
    for block in blocks:
        n_bins += block.shape[0]
        total = total + block.sum(0, dtype=torch.float64)
        squares = squares + block.double().square().sum(0)
    mean = total / n_bins
    return mean, (squares / n_bins - mean.square()).clamp_min(0.0)


def spread_of(mean: Tensor, variance: Tensor) -> Tensor:
    """Return the standard deviation of each unit, (unit,), as a number that can be divided by.

    Of a unit that does not vary it is `LEAST_SPREAD` of its mean, and 1 where that is 0 too: so that nothing
    depends on the unit of measure.
    """
    least = LEAST_SPREAD * mean.abs()
    return variance.sqrt().maximum(torch.where((least == 0) & (variance == 0), 1.0, least))
