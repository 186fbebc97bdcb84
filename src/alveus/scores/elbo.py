"""A decoder's log-likelihood and KL divergences of held-out bins to the evidence lower bound."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.intervals import mean_interval
from alveus.scores.rows import Row, with_note
from alveus.scores.settings import ScoreSettings


def elbo(
    log_likelihood: NDArray[np.floating],
    divergence: NDArray[np.floating],
    settings: ScoreSettings,
    *,
    seed: int,
) -> Row:
    """``E_q[log p(x|z)] − KL(q(z|x) ‖ p(z))``, mean over held-out bins [nats per bin].

    At β = 1, whatever β the model was trained with.

    Parameters
    ----------
    log_likelihood
        (n_bins,) E_q[log p(x|z)] [nats].
    divergence
        (n_bins, n_latents) KL of each latent [nats].
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
    bound = np.asarray(log_likelihood, np.float64) - divergence.sum(axis=1, dtype=np.float64)
    interval = mean_interval(bound, settings, "elbo", seed)
    row = Row("elbo", "", seed, float(bound.mean()), interval.low, interval.high)
    return with_note(row, "nats per bin", interval.note)
