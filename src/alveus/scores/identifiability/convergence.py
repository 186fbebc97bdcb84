"""Validation losses during training to whether training had come to an end."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

LAST_PART = 0.25  # of training, in evaluations
LARGEST_FALL = 0.001  # of the whole fall, in the last part: axes still turn where the loss hardly falls
MIN_EVALUATIONS = 8  # of a part of fewer than two evaluations nothing can be told


def not_converged(validation_loss: Iterable[NDArray[np.floating]]) -> str:
    """Say why training had not come to an end; empty where it had.

    The best loss so far may fall by no more than 0.1 % of its whole fall in the last quarter of training.

    Parameters
    ----------
    validation_loss
        (n_evaluations,) of each seed [nats per bin], from the start; what is not finite is skipped.

    >>> not_converged([np.exp(-np.arange(100) / 10)])
    ''
    >>> not_converged([np.exp(-np.arange(100) / 50)])
    'validation loss of seed 0 fell by 10.4 % of its whole fall in the last quarter of training'
    """
    for seed, losses in enumerate(validation_loss):
        known = losses[np.isfinite(losses)]
        if known.size < MIN_EVALUATIONS:
            return f"seed {seed} was evaluated {known.size} times, at least {MIN_EVALUATIONS} are needed"
        best = np.minimum.accumulate(known)
        late = best[int((1 - LAST_PART) * known.size) - 1] - best[-1]
        whole = best[0] - best[-1]
        if late > LARGEST_FALL * whole:
            share = f"{100 * late / whole:.1f} %"
            return (
                f"validation loss of seed {seed} fell by {share} of its whole fall in the last quarter of training"
            )
    return ""
