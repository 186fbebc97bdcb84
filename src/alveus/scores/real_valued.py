"""Latents and real-valued activity to how well held-out bins and held-out units are explained."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.scores.densities import CONSTANT_DENSITY, constant_log_likelihood
from alveus.scores.intervals import ratio_interval
from alveus.scores.linear_readout import Activity, constant_note
from alveus.scores.log_likelihood import log_likelihood
from alveus.scores.nulls import SHIFT_FLOOR, circular_shifts, floor_of
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

CO_SMOOTHING, R2, LOG_LIKELIHOOD = "co_smoothing_r2", "r2", "log_likelihood"
TRAINING_MEAN = "mean of each unit in training"
BEST_FLOOR = f"{TRAINING_MEAN}, or {SHIFT_FLOOR}, whichever is higher"
RECONSTRUCTION = (
    "reconstruction: the latents have seen these bins and an identity map would win, so it chooses no model"
)
NORMAL_READOUT = "of a density, normal around the linear readout that all methods share"

Floats = NDArray[np.float64]


def co_smoothing_r2(
    latents: NDArray[np.floating], activity: NDArray[Any], split: NDArray[np.integer], settings: ScoreSettings
) -> Row:
    """R² of units that the latents were inferred without: what `co_smoothing` is of counts.

    A ridge regression from latents to activity is fitted on training bins, its penalty chosen on validation bins,
    and 1 − SSE/SST taken on test bins, about each unit's mean in training. Errors of a unit are divided by its
    variance first: what is measured in arbitrary units is no reason for one unit to weigh more than another.

    Parameters
    ----------
    latents
        (n_bins, n_latents) inferred from the held-in units alone.
    activity
        (n_bins, n_held_out) of the held-out units.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of floor and interval.

    Returns
    -------
    Row
        Target ``held-out units``; the floor is 0, or what circularly shifted latents reach.

    References
    ----------
    Pei et al. (2021), Neural Latents Benchmark '21, for co-smoothing.
    """
    target = "held-out units"
    if why := too_few_bins(split):
        return not_estimable(CO_SMOOTHING, why, target=target)
    data = Activity(activity, split)
    found = data.explain(latents)
    row = _r2_row(found.error, found.total, settings, CO_SMOOTHING, target, None)
    if row.status != "ok":
        return row
    floor = _shift_floor(data, latents[np.newaxis], settings, CO_SMOOTHING)
    row = _with_floor(row, floor, BEST_FLOOR)
    return with_note(row, f"{data.units.size} held-out units", constant_note(data.n_constant))


def explained_by_readout(
    latents: NDArray[np.floating], activity: NDArray[Any], split: NDArray[np.integer], settings: ScoreSettings
) -> list[Row]:
    """``r2`` and ``log_likelihood`` of test bins under the linear readout that all methods share.

    Parameters
    ----------
    latents
        (n_seeds, n_bins, n_latents).
    activity
        (n_bins, n_units) of all units.
    split, settings
        As for `co_smoothing_r2`; the shifts behind the floor are dealt out to the seeds, which share it.

    Returns
    -------
    list of Row
        Two rows a seed, target ``readout``.
    """
    target, n_seeds = "readout", latents.shape[0]
    if why := too_few_bins(split):
        return [not_estimable(s, why, target=target, seed=k) for k in range(n_seeds) for s in (R2, LOG_LIKELIHOOD)]
    data = Activity(activity, split)
    if not data.units.size:
        why = f"none of {data.n_constant} units varies in training"
        return [not_estimable(s, why, target=target, seed=k) for k in range(n_seeds) for s in (R2, LOG_LIKELIHOOD)]
    floor = _shift_floor(data, latents, settings, R2)
    left_out = constant_note(data.n_constant)
    rows = []
    for seed in range(n_seeds):
        found = data.explain(latents[seed])
        r2 = _r2_row(found.error, found.total, settings, R2, target, seed)
        nats = log_likelihood(
            found.readout,
            found.constant,
            settings,
            target=target,
            seed=seed,
            floor_name=CONSTANT_DENSITY,
            notes=(NORMAL_READOUT,),
        )
        rows += [
            with_note(_with_floor(r2, floor, BEST_FLOOR), RECONSTRUCTION, left_out),
            with_note(nats, left_out),
        ]
    return rows


def likelihood_by_decoder(
    nats: NDArray[np.floating],
    activity: NDArray[Any],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    likelihood: str,
) -> list[Row]:
    """``log_likelihood`` of test bins under a model's own decoder.

    Parameters
    ----------
    nats
        (n_seeds, n_bins) E_q[log p(x|z)] [nats] over all units.
    activity, split, settings
        As for `co_smoothing_r2`.
    likelihood
        Of the model: ``gaussian`` or ``zero_inflated_gamma``.

    Returns
    -------
    list of Row
        One row a seed, target ``decoder``; the floor is the same likelihood without latents.
    """
    target, seeds = "decoder", range(nats.shape[0])
    if why := too_few_bins(split):
        return [not_estimable(LOG_LIKELIHOOD, why, target=target, seed=k) for k in seeds]
    test = bins_of(split, TEST)
    constant = constant_log_likelihood(activity, bins_of(split, TRAIN), test, likelihood)
    return [
        log_likelihood(
            np.asarray(nats[seed, test], np.float64),
            constant,
            settings,
            target=target,
            seed=seed,
            floor_name=CONSTANT_DENSITY,
            notes=(f"of a density, {likelihood}",),
        )
        for seed in seeds
    ]


def r2_by_decoder(
    squared_error: NDArray[np.floating],
    activity: NDArray[Any],
    split: NDArray[np.integer],
    settings: ScoreSettings,
) -> list[Row]:
    """``r2`` of test bins, of the activity that a model's own decoder expects.

    Parameters
    ----------
    squared_error
        (n_seeds, n_bins) summed over units, in units of each unit's variance (see `Spread`).
    activity, split, settings
        As for `co_smoothing_r2`.

    Returns
    -------
    list of Row
        One row a seed, target ``decoder``; the floor is 0, what each unit's mean in training reaches.
    """
    target, seeds = "decoder", range(squared_error.shape[0])
    if why := too_few_bins(split):
        return [not_estimable(R2, why, target=target, seed=k) for k in seeds]
    data = Activity(activity, split)
    total = data.total()
    rows = []
    for seed in seeds:
        row = _r2_row(np.asarray(squared_error[seed, data.test], np.float64), total, settings, R2, target, seed)
        rows.append(
            with_note(_with_floor(row, 0.0, TRAINING_MEAN), RECONSTRUCTION, constant_note(data.n_constant))
        )
    return rows


def _r2_row(
    error: Floats, total: Floats, settings: ScoreSettings, score: str, target: str, seed: int | None
) -> Row:
    if not total.sum() > 0:
        return not_estimable(score, "no unit varies in training and test bins", target=target, seed=seed)
    interval = ratio_interval(total - error, total, settings, score, target, str(seed))
    value = float(1 - error.sum() / total.sum())
    return Row(score, target, seed, value, interval.low, interval.high, note=interval.note)


def _with_floor(row: Row, floor: float | None, name: str) -> Row:
    return row if row.status != "ok" or floor is None else replace(row, floor=floor, floor_name=name)


def _shift_floor(data: Activity, latents: NDArray[np.floating], settings: ScoreSettings, score: str) -> float:
    """Return what latents reach that are shifted against the activity, and 0 where that is less: a mean has 0."""
    shifts = circular_shifts(latents[0], settings, score)
    shifted = (np.roll(latents[i % len(latents)], shift, axis=0) for i, shift in enumerate(shifts))
    return max(0.0, floor_of([data.explain(z).r2 for z in shifted]) or 0.0)
