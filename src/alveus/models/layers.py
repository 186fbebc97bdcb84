"""Turns a list of widths into the hidden layers that encoders and decoders share."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


class HiddenLayers(nn.Sequential):
    """Fully connected layers, each followed by an exponential linear unit (Clevert et al., 2016).

    Its slope is 1 near zero and never vanishes, so that a fresh network is nearly linear and finds the main axes
    of the data before their bends. On the data tried, latents came alive within 300 steps, against 1500 to 3000
    with a rectifier, which left some of them collapsed for good.

    Parameters
    ----------
    n_inputs
        Width of what comes in.
    widths
        Width of each layer; none at all passes the input through, which makes a linear network.

    Attributes
    ----------
    n_outputs
        Width of what comes out.
    """

    def __init__(self, n_inputs: int, widths: Sequence[int]) -> None:
        ends = (n_inputs, *widths)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(ends):
            layers += [nn.Linear(n_in, n_out), nn.ELU(inplace=True)]
        super().__init__(*layers)
        self.n_outputs = ends[-1]
