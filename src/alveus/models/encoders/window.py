"""The activity of the bins around a bin to its hidden layer."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import elu, pad

from alveus.errors import SettingError
from alveus.models.encoders.encoder import Encoder
from alveus.models.layers import HiddenLayers


class WindowEncoder(Encoder):
    """A layer over units, a convolution over time, and a multilayer perceptron.

    Bins that are not there (past the end of a segment) count as zeros. A longer window finds more of
    what is slow; under a prior without time it has nothing to gain, since every bin's latents are then inferred
    best from that bin.

    Parameters
    ----------
    n_units
        Number of recorded units.
    bin_size
        Width of a bin [s].
    hidden
        Widths: of the layer over units and the convolution, and of the hidden layers after it.
    seconds
        Reach of the window to each side [s], at least a bin.
    causal
        Look back only.
    """

    def __init__(
        self, n_units: int, bin_size: float, *, hidden: Sequence[int], seconds: float, causal: bool
    ) -> None:
        super().__init__()
        reach = max(1, round(seconds / bin_size))
        self.before, self.after = reach, 0 if causal else reach
        first, *rest = hidden
        self.units = nn.Linear(n_units, first)
        self.time = nn.Conv1d(first, first, self.before + self.after + 1)
        self.layers = HiddenLayers(first, rest)
        self.n_hidden = self.layers.n_outputs

    def forward(self, inputs: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the hidden layer (stretch, bin, hidden)."""
        if present is None or inputs.dim() != 3:
            raise SettingError("a window encoder needs stretches of neighbouring bins: (stretch, bin, unit)")
        inputs = inputs * present.unsqueeze(-1)
        over_units = elu(self.units(inputs)) * present.unsqueeze(-1)
        padded = pad(over_units.transpose(1, 2), (self.before, self.after))
        return self.layers(elu(self.time(padded)).transpose(1, 2))
