"""What a model sees of a set of bins at once."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Some bins of a recording.

    Parameters
    ----------
    activity
        (bin, unit) counts or events, as floating-point numbers.
    log_base
        (bin,) the part of the log-likelihood that depends on the activity alone [nats].
    """

    activity: Tensor
    log_base: Tensor
