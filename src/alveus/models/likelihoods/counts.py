"""What likelihoods of counts share: a rate for every unit and bin, and a base measure of factorials."""

import torch
from torch import Tensor, nn

from alveus.models.likelihoods.likelihood import Likelihood
from alveus.models.likelihoods.rates import LINKS


class CountLikelihood(Likelihood):
    """Independent counts with a rate of their own.

    Parameters
    ----------
    n_features
        Width of the decoder's last layer.
    n_units
        Number of recorded units.
    link
        ``softplus`` or ``exp``: from the readout's numbers to rates.
    """

    of_counts = True

    def __init__(self, n_features: int, n_units: int, *, link: str = "softplus") -> None:
        super().__init__()
        self.readout = nn.Linear(n_features, n_units)
        self.link = LINKS[link]

    def mean(self, features: Tensor) -> Tensor:
        """Return the rate, counts per bin, (..., unit)."""
        return self.link.rate(self.readout(features))

    def log_base(self, activity: Tensor) -> Tensor:
        """Return −ln x!, (..., unit) [nats]; as costly as a layer, hence not part of a step."""
        return -torch.lgamma(activity + 1.0)
