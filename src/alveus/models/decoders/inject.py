"""Latents to features through layers that are each given the latents again."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from alveus.models.decoders.decoder import Decoder


class InjectDecoder(Decoder):
    """A multilayer perceptron with the latents as further inputs of every layer, the likelihood's too.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_side
        Not used.
    hidden
        Width of each hidden layer, from input to output.
    """

    def __init__(self, n_latents: int, n_side: int = 0, *, hidden: Sequence[int]) -> None:  # noqa: ARG002
        super().__init__()
        inputs = [n_latents, *(width + n_latents for width in hidden[:-1])]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(inputs, hidden, strict=True))
        self.n_features = hidden[-1] + n_latents

    def forward(self, latents: Tensor, side: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the features (..., feature), of which the last are the latents themselves."""
        h = latents
        for layer in self.layers:
            h = torch.cat([elu(layer(h)), latents], dim=-1)
        return h
