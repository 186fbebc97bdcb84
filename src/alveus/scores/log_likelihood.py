"""Log-likelihoods of bins to their mean in nats per bin, beside what the mean rate reaches."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.intervals import mean_interval
from alveus.scores.rows import Row, with_note
from alveus.scores.settings import ScoreSettings

MEAN_RATE = "mean rate of each unit in training"


def log_likelihood(
    nats: NDArray[np.floating],
    mean_rate: NDArray[np.floating] | None,
    settings: ScoreSettings,
    *,
    target: str,
    seed: int | None = None,
) -> Row:
    """Mean log-likelihood of held-out bins, summed over units [nats per bin].

    Parameters
    ----------
    nats
        (n_bins,) log-likelihood of each bin.
    mean_rate
        (n_bins,) the same under each unit's mean rate in training, which is the floor; None where there is none.
    settings
        Of the interval.
    target, seed
        Whose rates.

    Returns
    -------
    Row
    """
    interval = mean_interval(nats, settings, "log_likelihood", target, str(seed))
    row = Row(
        "log_likelihood",
        target,
        seed,
        float(nats.mean()),
        interval.low,
        interval.high,
        None if mean_rate is None else float(mean_rate.mean()),
        "" if mean_rate is None else MEAN_RATE,
    )
    return with_note(row, "nats per bin", interval.note)
