"""KL divergences of every bin and latent to their mean over held-out bins, in all and for each latent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alveus.scores.intervals import mean_interval
from alveus.scores.rows import Row, with_note
from alveus.scores.settings import ScoreSettings


def kl(divergence: NDArray[np.floating], settings: ScoreSettings, *, seed: int) -> Row:
    """Mean KL(q(z|x) ‖ p(z)) [nats per bin], summed over latents: the rate of the code.

    Parameters
    ----------
    divergence
        (n_bins, n_latents) [nats] of the held-out bins.
    settings
        Of the interval.
    seed
        Of the fit.

    Returns
    -------
    Row

    References
    ----------
    Kingma & Welling (2014), Auto-encoding variational Bayes.
    """
    return _mean_row("kl", "", divergence.sum(axis=1, dtype=np.float64), settings, seed)


def kl_per_latent(
    divergence: NDArray[np.floating], settings: ScoreSettings, *, names: Sequence[str], seed: int
) -> list[Row]:
    """Mean KL of each latent [nats per bin]; 0 means that the latent has collapsed onto its prior.

    Parameters
    ----------
    divergence
        (n_bins, n_latents) [nats] of the held-out bins.
    settings
        Of the interval.
    names
        Of the latents.
    seed
        Of the fit.

    Returns
    -------
    list of Row
        One row a latent.
    """
    return [
        _mean_row("kl_per_latent", name, np.asarray(divergence[:, j], np.float64), settings, seed)
        for j, name in enumerate(names)
    ]


def _mean_row(score: str, target: str, nats: NDArray[np.float64], settings: ScoreSettings, seed: int) -> Row:
    interval = mean_interval(nats, settings, score, target, seed)
    row = Row(score, target, seed, float(nats.mean()), interval.low, interval.high)
    return with_note(row, "nats per bin", interval.note)
