"""Log-likelihoods of bins to their gain over the mean rate in bits per spike."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.intervals import ratio_interval
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

RECONSTRUCTION = (
    "reconstruction: the latents have seen these bins and an identity map would win, so it chooses no model"
)


def bits_per_spike(
    log_likelihood: NDArray[np.floating],
    mean_rate: NDArray[np.floating],
    spikes: NDArray[np.floating],
    settings: ScoreSettings,
    *,
    target: str,
    seed: int | None = None,
) -> Row:
    """``Σ (log p(x|λ̂) − log p(x|λ̄)) / (ln 2 · spikes)`` with λ̂ inferred from the same held-out bins.

    Parameters
    ----------
    log_likelihood, mean_rate
        (n_bins,) [nats] of each bin, summed over units, under the rates and under each unit's mean rate in
        training.
    spikes
        (n_bins,) spikes in each bin.
    settings
        Of the interval.
    target, seed
        Whose rates.

    Returns
    -------
    Row
        Without a floor.

    References
    ----------
    Pillow et al. (2008), Spatio-temporal correlations and visual signalling in a complete neuronal population,
    Nature 454.
    """
    score = "bits_per_spike"
    if spikes.sum() == 0:
        return not_estimable(score, "no spike in the test bins", target=target, seed=seed)
    gain, bits = log_likelihood - mean_rate, np.log(2) * spikes
    interval = ratio_interval(gain, bits, settings, score, target, str(seed))
    row = Row(score, target, seed, float(gain.sum() / bits.sum()), interval.low, interval.high)
    return with_note(row, RECONSTRUCTION, interval.note)
