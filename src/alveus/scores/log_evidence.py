"""Bounds on the log evidence of held-out bins to their mean in nats per bin, beside what the mean rate reaches."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.densities import CONSTANT_DENSITY
from alveus.scores.intervals import mean_interval
from alveus.scores.log_likelihood import MEAN_RATE
from alveus.scores.rows import Row, with_note
from alveus.scores.settings import ScoreSettings


def log_evidence(
    nats: NDArray[np.floating],
    mean_rate: NDArray[np.floating] | None,
    settings: ScoreSettings,
    *,
    seed: int,
    given: str = "",
    density: str = "",
) -> Row:
    """Mean bound on ``log p(x)`` of held-out bins [nats per bin], at or above the evidence lower bound.

    Unlike a likelihood of reconstructions it is paid for by the prior: copying wins nothing, and models with
    different latents, priors or likelihoods of the same counts can be compared.

    Parameters
    ----------
    nats
        (n_bins,) importance-weighted bound of each bin.
    mean_rate
        (n_bins,) log-likelihood of the same bins under each unit's mean rate in training, which is the floor;
        None where there is none.
    settings
        Of the interval.
    seed
        Of the fit.
    given
        What is known of a bin besides its activity.
    density
        Name of the likelihood where it is a density of real numbers, whose floor is that density without latents.

    Returns
    -------
    Row

    References
    ----------
    Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders.
    """
    nats = np.asarray(nats, np.float64)
    interval = mean_interval(nats, settings, "log_evidence", seed)
    row = Row(
        "log_evidence",
        "",
        seed,
        float(nats.mean()),
        interval.low,
        interval.high,
        None if mean_rate is None else float(mean_rate.mean()),
        "" if mean_rate is None else CONSTANT_DENSITY if density else MEAN_RATE,
    )
    of = ", of a density" if density or mean_rate is None else ""
    return with_note(
        row, f"nats per bin{of}", density, f"on {nats.size} bins", f"given {given}" if given else "", interval.note
    )
