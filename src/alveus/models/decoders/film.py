"""Latents to features through layers that they scale and shift."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import elu

from alveus.models.decoders.decoder import Decoder


class FilmDecoder(Decoder):
    """Feature-wise linear modulation: h ← γ(z) ⊙ h + δ(z) in every layer (Perez et al., 2018, AAAI).

    No layer can ignore the latents, which makes it hard for them to be switched off early in training.

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
        self.entry = nn.Linear(n_latents, hidden[0])
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.modulations = nn.ModuleList(nn.Linear(n_latents, 2 * width) for width in hidden)
        self.n_features = hidden[-1]

    def forward(self, latents: Tensor, side: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the features (..., feature)."""
        h = self.entry(latents)
        for number, modulation in enumerate(self.modulations):
            if number:
                h = self.layers[number - 1](h)
            gamma, delta = modulation(latents).chunk(2, dim=-1)
            h = elu((1 + gamma) * h + delta)
        return h
