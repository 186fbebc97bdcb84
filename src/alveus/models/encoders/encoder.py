"""What every encoder is: a network from activity to the hidden layer that a posterior is read from."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """From inputs (..., bin, unit) to a hidden layer (..., bin, hidden).

    Attributes
    ----------
    n_hidden
        Width of the hidden layer.
    before, after
        How many bins before and after a bin it looks at.
    """

    n_hidden: int
    before: int = 0
    after: int = 0

    @abstractmethod
    def forward(self, inputs: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the hidden layer of inputs (..., bin, unit); `present` (stretch, bin): which bins are there."""
