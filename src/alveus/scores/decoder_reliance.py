"""Log-likelihoods lost when latents come from other bins to what a decoder relies on, with floor and interval."""

from collections.abc import Sequence

from alveus.recording.reliance import Reliance
from alveus.scores.intervals import mean_interval
from alveus.scores.nulls import floor_of
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

SCORE = "decoder_reliance"
ALL = "all"
REDRAWN = "95th percentile of other draws from the posteriors of the same bins"


def decoder_reliance(reliance: Reliance, settings: ScoreSettings, *, names: Sequence[str], seed: int) -> list[Row]:
    """``E log p(x|z) − E log p(x|z with z_j from another bin)``, mean over held-out bins [nats per bin].

    What the decoder makes of a latent, whatever its KL divergence: 0 for one that it ignores. A latent from
    another bin is a draw from the aggregate posterior: its distribution stays, its relation to the activity and to
    the other latents is gone. The losses of single latents do not add up to that of all together.

    Parameters
    ----------
    reliance
        Losses of the bins that were exchanged.
    settings
        Of the interval.
    names
        Of the latents.
    seed
        Of the fit.

    Returns
    -------
    list of Row
        All latents together (target ``all``), then one row a latent. The floor is what other draws from the
        posteriors of the same bins lose.

    References
    ----------
    Breiman (2001), Random forests, Machine Learning 45:5 (importance by permutation); for collapsed posteriors
    Bowman et al. (2016), Generating sentences from a continuous space, CoNLL.
    """
    return [
        _row(reliance, settings, name, j, seed)
        for j, name in [(reliance.lost.shape[2] - 1, ALL), *enumerate(names)]
    ]


def _row(reliance: Reliance, settings: ScoreSettings, target: str, j: int, seed: int) -> Row:
    lost = reliance.lost[seed, :, j].astype(float)
    if not lost.size:
        return not_estimable(SCORE, "there are no bins to exchange", target=target, seed=seed)
    interval = mean_interval(lost, settings, SCORE, target, seed)
    floor = floor_of(reliance.redrawn[seed, :, j].tolist())
    row = Row(
        SCORE,
        target,
        seed,
        float(lost.mean()),
        interval.low,
        interval.high,
        None if floor is None else max(0.0, floor),
        "" if floor is None else REDRAWN,
    )
    return with_note(row, f"nats per bin, on {lost.size} bins", interval.note)
