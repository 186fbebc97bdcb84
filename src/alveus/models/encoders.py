"""Turns the activity of a bin into the posterior of its latents."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import softplus

from alveus.models.layers import HiddenLayers
from alveus.models.posteriors import DiagonalPosterior

SCALE_FLOOR = 1e-4
"""Smallest standard deviation of a posterior, in units of the prior's; its logarithm enters the KL."""

SCALE_START = 0.5
"""Standard deviation a fresh encoder gives to every latent: wide enough to be a posterior, narrow enough that the
decoder hears the mean."""


class Encoder(nn.Module, ABC):
    """From inputs (..., unit) to a posterior over (..., latent)."""

    @abstractmethod
    def forward(self, inputs: Tensor) -> DiagonalPosterior:
        """Return the posterior of the latents given standardised inputs (..., unit)."""


class MlpEncoder(Encoder):
    """A multilayer perceptron, the same for every bin.

    Parameters
    ----------
    n_units
        Number of recorded units.
    n_latents
        Number of latents.
    hidden
        Width of each hidden layer, from input to output.
    """

    def __init__(self, n_units: int, n_latents: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.layers = HiddenLayers(n_units, hidden)
        self.readout = nn.Linear(self.layers.n_outputs, 2 * n_latents)
        with_scale = self.readout.bias.data[n_latents:]
        with_scale.fill_(math.log(math.expm1(SCALE_START)))

    def forward(self, inputs: Tensor) -> DiagonalPosterior:
        """Return the posterior of the latents given standardised inputs (..., unit)."""
        mean, raw = self.readout(self.layers(inputs)).chunk(2, dim=-1)
        return DiagonalPosterior(mean, softplus(raw) + SCALE_FLOOR)


ENCODERS: dict[str, type[Encoder]] = {"mlp": MlpEncoder}
