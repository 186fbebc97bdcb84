"""Latents of all seeds of a model to their agreement with each other, latent by latent, and a verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alveus.scores.active_latents import is_active
from alveus.scores.identifiability.agreement import Floats
from alveus.scores.identifiability.convergence import not_converged
from alveus.scores.identifiability.pairs import SCORES, Pairs, compare_pairs
from alveus.scores.identifiability.uncertainty import pair_interval
from alveus.scores.identifiability.verdict import SCORE as VERDICT
from alveus.scores.identifiability.verdict import verdict
from alveus.scores.nulls import SHIFT_FLOOR, floor_of
from alveus.scores.parts import TEST, bins_of, too_few_bins
from alveus.scores.rows import Row, not_defined, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

ROTATION_FLOOR = "95th percentile of random rotations"
MAX_LATENTS = 128  # active ones: with more, the matrices of one pair's bootstrap samples fill gigabytes


def seed_rows(
    mean: NDArray[np.floating],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    prior_variance: NDArray[np.floating] | None = None,
    prior_mean: NDArray[np.floating] | None = None,
    names: Sequence[str] = (),
    validation_loss: Iterable[NDArray[np.floating]] | None = None,
    symmetry_gap: float | None = None,
    trained: bool = False,
) -> list[Row]:
    """Compare every two seeds in test bins.

    Parameters
    ----------
    mean
        (n_seeds, n_bins, n_latents) posterior means.
    split
        (n_bins,).
    settings
        Of nulls and resamples.
    prior_variance
        (n_seeds, n_latents); latents are active where they vary by a hundredth of it, and rotated in its units.
    prior_mean
        (n_seeds, n_bins, n_latents) of a prior that depends on the bin: it moves no latent to activity.
    names
        Of the latents.
    validation_loss
        (n_evaluations,) of each seed, for models that are trained step by step.
    symmetry_gap
        See `verdict`.
    trained
        Whether the model is trained step by step: then a verdict needs `validation_loss`.

    Returns
    -------
    list of Row
        Six scores over all pairs, `mcc_strong` of each latent of each seed, and `verdict`.
    """
    why = too_few_bins(split)
    if not why and len(mean) < 2:
        why = "one seed has none to agree with: raise `seeds`"
    if why:
        return [not_estimable(score, why) for score in (*SCORES, VERDICT)]
    test = bins_of(split, TEST)
    active = active_in(mean, test, prior_variance, prior_mean)
    n_active = active.sum(axis=1)
    why = ""
    if n_active.min() == 0:
        why = f"{int((n_active == 0).sum())} of {len(mean)} seeds have no active latent"
    elif n_active.max() > MAX_LATENTS:
        why = f"{n_active.max()} active latents, more than {MAX_LATENTS} are not compared"
    latents: list[Row] = []
    if why:
        rows = [not_estimable(score, why) for score in SCORES]
    else:
        scale = np.ones(active.shape) if prior_variance is None else np.sqrt(prior_variance)
        sets = [mean[seed][:, own] / scale[seed][own] for seed, own in enumerate(active)]
        # a prior that depends on the bin, or none, is left as it is by no rotation
        isotropic = prior_variance is not None and prior_mean is None
        pairs = compare_pairs(sets, split, settings, "seeds", isotropic=isotropic)
        rows = pair_rows(pairs, len(mean), note=_activity_note(n_active, active.shape[1]))
        latents = _latent_rows(pairs, active, names or [f"z{j + 1}" for j in range(active.shape[1])])
    stalled = "" if validation_loss is None else not_converged(validation_loss)
    if trained and validation_loss is None:
        word = not_estimable(
            VERDICT, "without the validation losses of training no one can tell if it had converged"
        )
    else:
        word = verdict(
            {row.score: row for row in rows},
            n_active=n_active.tolist(),
            not_converged=stalled,
            symmetry_gap=symmetry_gap,
        )
    return [*rows, *latents, word]


def active_in(
    mean: NDArray[np.floating],
    bins: NDArray[np.intp],
    prior_variance: NDArray[np.floating] | None,
    prior_mean: NDArray[np.floating] | None = None,
) -> NDArray[np.bool_]:
    """Tell which latents (n_seeds, n_latents) vary in some bins: beyond their prior's, or at all where none is."""
    moved = [m[bins] if prior_mean is None else m[bins] - prior_mean[seed][bins] for seed, m in enumerate(mean)]
    if prior_variance is not None:
        return np.stack([is_active(m, prior_variance[seed]) for seed, m in enumerate(moved)])
    return np.stack([np.ptp(m, axis=0) > 1e-6 * np.abs(m).max(axis=0) for m in moved])


def pair_rows(pairs: Pairs, n_seeds: int, *, target: str = "", note: str = "") -> list[Row]:
    """Make a row of each score's mean over pairs, with both nulls: the higher is the floor."""
    numbers = [(pair.first, pair.second) for pair in pairs.pairs]
    rows = []
    for score in SCORES:
        drawn = pairs.drawn(score)
        interval = pair_interval(drawn, numbers, n_seeds, pairs.blocks)
        row = Row(score, target, None, float(drawn[:, 0].mean()), interval.low, interval.high)
        spread = f"{len(numbers)} pairs from {drawn[:, 0].min():.2f} to {drawn[:, 0].max():.2f}"
        row = with_note(row, spread if len(numbers) > 1 else "", note, interval.note)
        rows.append(_with_floors(row, pairs.shifted(score), pairs.rotated.get(score, np.zeros(0))))
    return rows


def _with_floors(row: Row, shifted: Floats, rotated: Floats) -> Row:
    found = [
        (floor, name)
        for values, name in ((shifted, SHIFT_FLOOR), (rotated, ROTATION_FLOOR))
        if (floor := floor_of(values.tolist())) is not None
    ]
    if not found:
        return row
    (floor, name), *lower = sorted(found, reverse=True)
    row = replace(row, floor=floor, floor_name=name)
    return with_note(row, *(f"{other:.2f} is the {which}" for other, which in lower))


def _latent_rows(pairs: Pairs, active: NDArray[np.bool_], names: Sequence[str]) -> list[Row]:
    rows = []
    floor = floor_of(pairs.rotated_latent.tolist())
    for seed, own in enumerate(active):
        drawn = np.stack(
            [pair.matched[pair.second == seed] for pair in pairs.pairs if seed in (pair.first, pair.second)]
        )  # (other seed, 1 + resamples, active latent)
        for j, name in enumerate(names):
            if not own[j]:
                rows.append(not_defined("mcc_strong", "the latent is not active", target=name, seed=seed))
                continue
            partners = drawn[:, :, int(own[:j].sum())]
            over = [(0, other + 1) for other in range(len(partners))]
            interval = _partner_interval(partners, pairs, over)
            row = Row("mcc_strong", name, seed, float(partners[:, 0].mean()), *interval)
            rows.append(row if floor is None else replace(row, floor=floor, floor_name=ROTATION_FLOOR))
    return rows


def _partner_interval(
    partners: Floats, pairs: Pairs, over: list[tuple[int, int]]
) -> tuple[float | None, float | None]:
    """Interval of a mean over partners, in which time varies; that of other partners is told by the whole."""
    found = pair_interval(partners, over, 2, pairs.blocks)
    return found.low, found.high


def _activity_note(n_active: NDArray[np.integer], n_latents: int) -> str:
    if (n_active == n_latents).all():
        return ""
    return f"{'/'.join(map(str, n_active.tolist()))} of {n_latents} latents are active"
