"""Latents of some units and counts of others to how well the ones predict the others."""

import numpy as np
from numpy.typing import NDArray

from alveus.scores.intervals import ratio_interval
from alveus.scores.nulls import SHIFT_FLOOR, circular_shifts, floor_of
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.readout import NULL_STEPS, fit_readout, silent_note
from alveus.scores.rows import Row, not_estimable
from alveus.scores.settings import ScoreSettings


def co_smoothing(
    latents: NDArray[np.floating],
    counts: NDArray[np.integer],
    split: NDArray[np.integer],
    settings: ScoreSettings,
) -> Row:
    """Bits per spike of units that the latents were inferred without.

    Rates come from a Poisson readout of the latents fitted on training bins, and are scored on test bins against
    each unit's mean rate in training. Among the scores of held-out fit it is the one to choose a model by.

    Parameters
    ----------
    latents
        (n_bins, n_latents) inferred from the held-in units alone.
    counts
        (n_bins, n_held_out) of the held-out units.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of floor and interval.

    Returns
    -------
    Row
        One row, target ``held-out units``.

    References
    ----------
    Pei et al. (2021), Neural Latents Benchmark '21.
    """
    score, target = "co_smoothing", "held-out units"
    if why := too_few_bins(split):
        return not_estimable(score, why, target=target)
    train, test = bins_of(split, TRAIN), bins_of(split, TEST)
    readout = fit_readout(latents, counts, train)
    fit = readout.score(latents, counts, test)
    if fit.spikes.sum() == 0:
        return not_estimable(
            score, f"no test spike of the {counts.shape[1]} held-out units that fired in training", target=target
        )
    null_values = []
    for shift in circular_shifts(latents, settings, score):
        shifted = np.roll(latents, shift, axis=0)
        null = fit_readout(shifted, counts, train, max_steps=NULL_STEPS)
        null_values.append(null.score(shifted, counts, test).bits_per_spike)
    gain, bits = fit.readout - fit.mean_rate, np.log(2) * fit.spikes
    interval = ratio_interval(gain, bits, settings, score, signals=latents[test])
    floor = floor_of(null_values)
    notes = [f"{readout.units.size} held-out units", silent_note(readout.n_silent), interval.note]
    return Row(
        score,
        target,
        value=fit.bits_per_spike,
        low=interval.low,
        high=interval.high,
        floor=floor,
        floor_name=SHIFT_FLOOR if floor is not None else "",
        note="; ".join(n for n in notes if n),
    )
