"""Turns latents into the features that a likelihood reads."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from alveus.models.layers import HiddenLayers


class Decoder(nn.Module, ABC):
    """From latents (..., latent) to features (..., feature).

    Attributes
    ----------
    n_features
        Width of the features, which the likelihood needs to know.
    """

    n_features: int

    @abstractmethod
    def forward(self, latents: Tensor) -> Tensor:
        """Return the features (..., feature) of latents (..., latent)."""


class MlpDecoder(Decoder):
    """A multilayer perceptron; its last layer is the likelihood's.

    Parameters
    ----------
    n_latents
        Number of latents.
    hidden
        Width of each hidden layer, from input to output; none leaves a linear decoder.
    """

    def __init__(self, n_latents: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.layers = HiddenLayers(n_latents, hidden)
        self.n_features = self.layers.n_outputs

    def forward(self, latents: Tensor) -> Tensor:
        """Return the features (..., feature) of latents (..., latent)."""
        return self.layers(latents)


DECODERS: dict[str, type[Decoder]] = {"mlp": MlpDecoder}
