"""What every decoder is: a network from latents to the features that a likelihood reads."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """From latents (..., latent) to features (..., feature).

    Attributes
    ----------
    n_features
        Width of the features, which the likelihood needs to know.
    hears_encoder
        Whether it also takes the encoder's hidden layer, past the latents. Such a decoder gives nothing for
        latents alone.
    settled_at
        Step from which its schedules stay where they are.
    """

    n_features: int
    hears_encoder: bool = False
    settled_at: int = 0

    @abstractmethod
    def forward(self, latents: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the features (..., feature) of latents (..., latent); `side` is the encoder's hidden layer."""

    def constrain(self, readout: nn.Linear) -> None:
        """Put on the layer that reads the features what the decoder asks of it; nothing, unless it says so."""

    def at_step(self, step: int) -> None:
        """Follow schedules, if there are any."""
