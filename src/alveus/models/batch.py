"""What a model sees of a set of bins at once."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Some bins of a recording: unrelated ones (bin, …), or stretches of neighbours (stretch, bin, …).

    A stretch may begin and end with bins that are there only as context: those before `first` and from `last`
    on are neither reconstructed nor counted. All others are *targets*.

    Parameters
    ----------
    activity
        (..., bin, unit) counts or events, as floating-point numbers.
    log_base
        (..., target) the part of the log-likelihood that depends on the activity alone [nats].
    conditions
        (..., bin, condition) what else is known of each bin, for priors that ask.
    present
        (stretch, bin) whether a bin is there at all: a stretch may reach past the end of its segment. None where
        bins are unrelated.
    counted
        (stretch, target) whether a target belongs to the part of the recording that is asked for; None: all do.
    first, last
        Of the targets, along the axis of bins.
    hidden
        (..., bin, unit) units that the encoder must not see, and that alone are scored; None: none.
    hidden_part
        () which part of the targets' units that is, in the whole of a batch that is computed in parts.
    """

    activity: Tensor
    log_base: Tensor
    conditions: Tensor | None = None
    present: Tensor | None = None
    counted: Tensor | None = None
    first: int = 0
    last: int | None = None
    hidden: Tensor | None = None
    hidden_part: Tensor | None = None

    def of_targets(self, values: Tensor) -> Tensor:
        """Return the targets' part of values (..., bin, any)."""
        if self.first == 0 and self.last is None:
            return values
        return values[..., self.first : self.last, :]
