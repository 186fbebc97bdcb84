"""Latents to features through a multilayer perceptron."""

from collections.abc import Sequence

from torch import Tensor

from alveus.models.decoders.decoder import Decoder
from alveus.models.layers import HiddenLayers


class MlpDecoder(Decoder):
    """A multilayer perceptron; its last layer is the likelihood's.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_side
        Not used.
    hidden
        Width of each hidden layer, from input to output; none leaves a linear decoder.
    """

    def __init__(self, n_latents: int, n_side: int = 0, *, hidden: Sequence[int]) -> None:  # noqa: ARG002
        super().__init__()
        self.layers = HiddenLayers(n_latents, hidden)
        self.n_features = self.layers.n_outputs

    def forward(self, latents: Tensor, side: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the features (..., feature)."""
        return self.layers(latents)
