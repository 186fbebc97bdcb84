"""The activity of a bin to a hidden layer, the same network for every bin."""

from collections.abc import Sequence

from torch import Tensor

from alveus.models.encoders.encoder import Encoder
from alveus.models.layers import HiddenLayers


class MlpEncoder(Encoder):
    """A multilayer perceptron.

    Parameters
    ----------
    n_units
        Number of recorded units.
    bin_size
        Not used: every bin stands alone.
    hidden
        Width of each hidden layer, from input to output.
    """

    def __init__(self, n_units: int, bin_size: float, *, hidden: Sequence[int]) -> None:  # noqa: ARG002
        super().__init__()
        self.layers = HiddenLayers(n_units, hidden)
        self.n_hidden = self.layers.n_outputs

    def forward(self, inputs: Tensor, present: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the hidden layer (..., bin, hidden)."""
        return self.layers(inputs)
