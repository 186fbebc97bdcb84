"""Statistics of the recorded activity, and of draws from a model, to whether the model makes data like these."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from alveus.recording.population import (
    N_DRAWS,
    NOMINAL,
    OF_COUNTS,
    Predictive,
    Probe,
    RunningStatistics,
    Statistics,
    statistics_of,
)
from alveus.scores.intervals import share_interval
from alveus.scores.parts import TRAIN
from alveus.scores.rows import Row, not_defined, not_estimable
from alveus.scores.settings import ScoreSettings

SCORE = "predictive_check"
TARGETS = {"rate": "units", "fano_factor": "units", "correlation": "pairs", "silent_bins": "stretches"}
"""Statistic → what it is of."""

MOST_VALUES = 1 << 20
"""Counts drawn at a time; each takes three numbers of 8 bytes."""

MEAN_RATE = "mean-rate Poisson model, units independent"

Floats = NDArray[np.float64]


def predictive_check(
    predictive: Predictive,
    counts: NDArray[np.generic],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    quantity: str = "counts",
    seed: int = 0,
) -> list[Row]:
    """Share of the units (pairs, stretches) whose recorded statistic a model's own recordings reach.

    The band of a unit is the range of its statistic over 39 recordings drawn from the model. If the model is true
    it holds the recorded one with probability 0.95, so that a share of 0.95 is as good as it gets, and 1 is no
    better. A share is a test and no distance: the more bins, the smaller an error shows.

    Units that share latents are inside or outside together. The interval therefore counts only as many of them as
    vary like independent ones, by the same share of each draw among the others.

    Parameters
    ----------
    predictive
        Of the drawn recordings, and where their statistics were taken.
    counts
        (n_bins, n_units) as recorded; or events, or ΔF/F.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of the seed behind the floor.
    quantity
        What `counts` holds.
    seed
        Of the fit.

    Returns
    -------
    list of Row
        One each for rate, Fano factor, correlation and silent bins; the floor is what recordings of independent
        Poisson units with their mean rate in training reach.

    References
    ----------
    Gelman, Meng & Stern (1996), Posterior predictive assessment of model fitness via realized discrepancies.
    """
    counted = quantity == "counts"
    recorded = statistics_of(counts[predictive.probe.bins], predictive.probe)
    floor = mean_rate_draws(counts, split, predictive.probe, settings) if counted else None
    rows = []
    for name in (field.name for field in fields(Statistics)):
        if not counted and name in OF_COUNTS:
            why = f"the activity is {quantity} in arbitrary units, and this statistic is of counts"
            rows.append(not_defined(SCORE, why, target=name, seed=seed))
            continue
        lowest = None if floor is None else getattr(floor, name)
        rows.append(_row(name, getattr(recorded, name), getattr(predictive.drawn, name), lowest, seed))
    return rows


def mean_rate_draws(
    counts: NDArray[np.generic], split: NDArray[np.integer], probe: Probe, settings: ScoreSettings
) -> Statistics:
    """Take the statistics of recordings of independent Poisson units with their mean rate in training."""
    rng = settings.generator(SCORE)
    rate = counts[split == TRAIN].mean(axis=0, dtype=np.float64)
    running = RunningStatistics(N_DRAWS, rate.size, probe)
    n_bins, step = probe.bins.size, max(1, MOST_VALUES // (N_DRAWS * rate.size))
    for first in range(0, n_bins, step):
        running.add(first, rng.poisson(rate, (N_DRAWS, min(step, n_bins - first), rate.size)))
    return running.statistics()


def inside(recorded: Floats, drawn: Floats) -> NDArray[np.bool_]:
    """Tell, for each column, whether the recorded value (n,) lies within the range of those drawn (draw, n).

    Draws in which the statistic is not defined are passed over.

    >>> inside(np.array([2.0, 5.0]), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [True, False]
    """
    return np.asarray((np.fmin.reduce(drawn) <= recorded) & (recorded <= np.fmax.reduce(drawn)))


def inside_each_other(drawn: Floats) -> Floats:
    """Return, for each draw (draw, n) compared with the others, the share of columns in their range, (draw,)."""
    ordered = np.sort(drawn, axis=0)  # NaN last
    last = np.isfinite(drawn).sum(axis=0) - 1
    second_largest = np.take_along_axis(ordered, np.maximum(last - 1, 0)[np.newaxis], axis=0)[0]
    alone = (drawn < ordered[1]) | (drawn > second_largest)  # the smallest of all, or the largest
    return np.asarray((~alone & np.isfinite(drawn)).mean(axis=1))


def _row(target: str, recorded: Floats, drawn: Floats, floor: Floats | None, seed: int) -> Row:
    known = np.isfinite(recorded)
    n, noun = int(known.sum()), TARGETS[target]
    if n == 0:
        why = f"the statistic is defined for none of {known.size} {noun} in the test bins"
        return not_estimable(SCORE, why, target=target, seed=seed)
    if np.unique(np.concatenate([drawn[:, known], recorded[np.newaxis, known]])).size == 1:
        why = f"{recorded[known][0]:g} in all {noun}, recorded and drawn: there is nothing to compare"
        return not_estimable(SCORE, why, target=target, seed=seed)
    share = float(inside(recorded[known], drawn[:, known]).mean())
    own = inside_each_other(drawn[:, known])
    spread = own.var(ddof=1)
    independent = min(float(n), NOMINAL * (1 - NOMINAL) / spread) if spread > 0 else float(n)
    interval = share_interval(share, max(1.0, independent))
    left_out = f" of {known.size}" if n < known.size else ""
    return Row(
        SCORE,
        target,
        seed,
        share,
        interval.low,
        interval.high,
        floor=None if floor is None else float(inside(recorded[known], floor[:, known]).mean()),
        floor_name="" if floor is None else MEAN_RATE,
        note=f"share of {n}{left_out} {noun} within {N_DRAWS} draws; {NOMINAL:g} is expected of a true model",
    )
