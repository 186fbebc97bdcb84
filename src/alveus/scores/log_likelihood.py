"""Log-likelihoods of bins to their mean in nats per bin, beside what a model without latents reaches."""

from collections.abc import Sequence

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
    floor_name: str = MEAN_RATE,
    notes: Sequence[str] = (),
) -> Row:
    """Mean log-likelihood of held-out bins, summed over units [nats per bin].

    Parameters
    ----------
    nats
        (n_bins,) log-likelihood of each bin.
    mean_rate
        (n_bins,) the same of a model without latents, which is the floor; None where there is none.
    settings
        Of the interval.
    target, seed
        Whose rates.
    floor_name
        What model that is.
    notes
        What else to know.

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
        "" if mean_rate is None else floor_name,
    )
    return with_note(row, "nats per bin", *notes, interval.note)
