"""What every likelihood is: the distribution of activity given a decoder's features."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from torch import Tensor, nn
from torch.distributions import Distribution


class Likelihood(nn.Module, ABC):
    """p(x|z) of the activity of every unit, independent given the latents.

    A subclass owns the layer that reads the features. It must give the distribution, and may give the two
    parts of its log-probability in a cheaper way: the kernel, which training changes, and the base measure,
    which depends on the data alone and can be computed once for a whole recording.

    Attributes
    ----------
    of_counts
        Whether the activity must be whole numbers.
    of_events
        Whether it must be events: zeros, and positive numbers in any unit of measure.
    readout
        The layer from features to what the mean is made of, one number a unit.
    """

    of_counts: bool
    of_events: bool = False
    readout: nn.Linear

    @abstractmethod
    def forward(self, features: Tensor) -> Distribution:
        """Return the distribution of activity (..., unit) given features (..., feature)."""

    @abstractmethod
    def start_from(self, blocks: Iterable[Tensor]) -> None:
        """Start as the model without latents: the distribution of each unit over all training bins.

        Parameters
        ----------
        blocks
            Blocks (bin, unit) of activity that together are the training bins; read once.
        """

    def log_kernel(self, features: Tensor, activity: Tensor) -> Tensor:
        """Return the part of log p(x|z) that parameters change, (..., unit) [nats]."""
        return self(features).log_prob(activity)

    def log_base(self, activity: Tensor) -> Tensor:
        """Return the rest of log p(x|z), which depends on the activity (..., unit) alone, (..., unit) [nats]."""
        return activity.new_zeros(activity.shape)

    def mean(self, features: Tensor) -> Tensor:
        """Return the expected activity per bin, (..., unit)."""
        return self(features).mean
