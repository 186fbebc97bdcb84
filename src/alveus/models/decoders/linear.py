"""Latents to the likelihood with nothing in between."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from alveus.models.decoders.decoder import Decoder


class UnitNorm(nn.Module):
    """Turns any matrix (unit, latent) into one whose columns have length 1."""

    def forward(self, weight: Tensor) -> Tensor:
        """Return the matrix with its columns divided by their lengths."""
        return weight / weight.norm(dim=0, keepdim=True)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return a matrix that `forward` turns into this one."""
        return weight


class LinearDecoder(Decoder):
    """Passes the latents on: the likelihood's own layer is then the loading matrix, with one column a latent.

    With N(0, diag λ) as a prior only ``orthonormal`` columns keep the decoder from absorbing λ and any rotation;
    columns of length 1 leave a (D−1)(D−2)/2-dimensional family.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_side
        Not used.
    weights
        ``free``, ``unit_norm`` or ``orthonormal`` columns.
    """

    def __init__(self, n_latents: int, n_side: int = 0, *, weights: str) -> None:  # noqa: ARG002
        super().__init__()
        self.n_features = n_latents
        self.weights = weights

    def forward(self, latents: Tensor, side: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the latents."""
        return latents

    def constrain(self, readout: nn.Linear) -> None:
        """Constrain the columns of the loading matrix."""
        if self.weights == "unit_norm":
            parametrize.register_parametrization(readout, "weight", UnitNorm())
        elif self.weights == "orthonormal":
            torch.nn.init.orthogonal_(readout.weight)
            parametrizations.orthogonal(readout, "weight", orthogonal_map="householder", use_trivialization=False)
