"""The history of a fitted model to the validation losses of its seeds, side by side."""

import numpy as np
from numpy.typing import NDArray

from alveus.fit.fitted import FittedModel


def validation_losses(model: FittedModel) -> NDArray[np.float32] | None:
    """Return validation losses (n_seeds, n_evaluations) [nats per bin]; None for methods without training.

    A seed's losses begin where the schedules of the model have settled, since those before cannot be compared,
    and are followed by NaN where another seed was evaluated more often.
    """
    if not model.history:
        return None
    curves = []
    for seed in range(len(model.seeds)):
        rows = [row for row in model.history if row["seed"] == str(seed)]
        # the first loss after the schedules have settled is the first that is the best
        first = next((number for number, row in enumerate(rows) if row["best"]), len(rows))
        curves.append([float(row["validation_loss"]) for row in rows[first:]])
    losses = np.full((len(curves), max(map(len, curves))), np.nan, np.float32)
    for seed, curve in enumerate(curves):
        losses[seed, : len(curve)] = curve
    return losses
