"""Latents to features, with a side channel from the encoder past them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alveus.config.networks import Schedule
from alveus.config.schedules import settled_at, value_at
from alveus.errors import SettingError
from alveus.models.decoders.decoder import Decoder
from alveus.models.layers import HiddenLayers


class SkipDecoder(Decoder):
    """A multilayer perceptron whose last hidden layer also gets the encoder's, times a gate between 0 and 1.

    With the gate open the reconstruction needs no latents and they collapse while the log-likelihood improves: the
    bypass by which a U-Net empties its bottleneck. Closing the gate cures it; nothing else does.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_side
        Width of the encoder's hidden layer.
    hidden
        Width of each hidden layer, from input to output.
    gate
        ``learned``, or a schedule.
    """

    hears_encoder = True
    opening: Tensor

    def __init__(self, n_latents: int, n_side: int, *, hidden: Sequence[int], gate: "str | Schedule") -> None:
        super().__init__()
        self.layers = HiddenLayers(n_latents, hidden)
        self.n_features = self.layers.n_outputs
        self.bypass = nn.Linear(n_side, self.n_features)
        self.schedule = None if isinstance(gate, str) else gate
        self.settled_at = 0 if self.schedule is None else settled_at(self.schedule)
        if self.schedule is None:
            self.raw = nn.Parameter(torch.zeros(()))  # half open
        else:
            self.register_buffer("opening", torch.tensor(value_at(self.schedule, 0)))

    @property
    def gate(self) -> Tensor:
        """How far the side channel is open, 0 to 1."""
        return self.raw.sigmoid() if self.schedule is None else self.opening

    def forward(self, latents: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the features (..., feature)."""
        if side is None:
            raise SettingError(
                "a skip decoder needs the activity as well as the latents: it gives no rates for latents alone"
            )
        return self.layers(latents) + self.gate * self.bypass(side)

    def at_step(self, step: int) -> None:
        """Set the gate to what its schedule says."""
        if self.schedule is not None:
            self.opening.fill_(value_at(self.schedule, step))
