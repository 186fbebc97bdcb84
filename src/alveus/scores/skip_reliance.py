"""A side channel's opening, and log-likelihoods lost without it, to what a decoder hears past the latents."""

import numpy as np
from numpy.typing import NDArray

from alveus.recording.reliance import Reliance
from alveus.scores.intervals import mean_interval
from alveus.scores.rows import Row, not_defined, with_note
from alveus.scores.settings import ScoreSettings

NO_SIDE = "the decoder hears nothing past the latents"


def skip_reliance(reliance: Reliance, settings: ScoreSettings, *, seed: int) -> Row:
    """``E log p(x|z, h) − E log p(x|z, h of another bin)``, h the encoder's hidden layer [nats per bin].

    Beside `decoder_reliance` of all latents: a side channel that carries everything hides their collapse.

    Parameters
    ----------
    reliance
        Losses of the bins that were exchanged.
    settings
        Of the interval.
    seed
        Of the fit.

    Returns
    -------
    Row
        The floor is 0: a side channel that is not heard loses exactly that.
    """
    if reliance.side_lost is None:
        return not_defined("skip_reliance", NO_SIDE, seed=seed)
    lost = reliance.side_lost[seed].astype(float)
    interval = mean_interval(lost, settings, "skip_reliance", seed)
    value = float(lost.mean())
    row = Row("skip_reliance", "", seed, value, interval.low, interval.high, 0.0, "a side channel that is closed")
    return with_note(row, f"nats per bin, on {lost.size} bins", interval.note)


def gate(opening: NDArray[np.floating], *, seed: int) -> Row:
    """How far the side channel is open, 0 to 1; what it is worth to the decoder tells `skip_reliance`.

    Parameters
    ----------
    opening
        (n_seeds,).
    seed
        Of the fit.

    Returns
    -------
    Row
        Without interval: it is a number of the model, read off and not estimated.
    """
    return Row("gate", "", seed, float(opening[seed]), note="read off the model: no interval, no floor")
