"""Latents and behaviour to how well the one tells the other."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.scores.covariate import Covariate
from alveus.scores.discriminant import cross_entropy, discriminant_path
from alveus.scores.intervals import ratio_interval
from alveus.scores.nulls import SHIFT_FLOOR, circular_shifts, floor_of, p_value, shifts_go_far
from alveus.scores.parts import TEST, TRAIN, VALIDATION
from alveus.scores.ridge import Features, of_array, predict_held_out, ridge_path
from alveus.scores.rows import Row, not_defined, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

MIN_BINS = 50  # with a value, in training and in test; with fewer a score is chance
MAX_LABELS = 100  # more categories than this are a running number, not categories
MAX_SHARE_UNSEEN = 0.1  # of the test bins: beyond, an accuracy tells how time was divided, not what is encoded

Floats = NDArray[np.float64]


def decoding(
    latents: NDArray[np.floating],
    covariate: Covariate,
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    target: str,
) -> list[Row]:
    """Decode a covariate from latents by a ridge-penalised linear map, for each seed.

    Weights are fitted on training bins, the penalty is chosen on validation bins, test bins are predicted: the
    parts are contiguous blocks with gaps, spread over the session. Continuous covariates are scored by
    R² = 1 − SSE/SST about the mean of the scored bins, circular ones by the same on cosine and sine together,
    categories by the share of bins named rightly.

    Parameters
    ----------
    latents
        (n_seeds, n_bins, n_latents), finite.
    covariate
        What to decode, in the same bins.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of floor and interval; the shifts of the covariate behind the floor are dealt out to the seeds.
    target
        Name of the covariate.

    Returns
    -------
    list of Row
        One row a seed, or one row that says why not.
    """
    features = [np.asarray(z - z.mean(axis=0, dtype=np.float64)) for z in latents]
    problem = pose_problem(covariate, split, target)
    if isinstance(problem, Row):
        return [problem]
    null_values = []
    for i, shift in enumerate(circular_shifts(problem.targets, settings, covariate.score, target)):
        shifted = Problem(np.roll(problem.targets, shift, axis=0), np.roll(problem.known, shift), split)
        if too_little(shifted):
            continue
        z = features[i % len(features)]
        over, under = _contributions(of_array(z), z.shape[1], shifted, covariate)
        if under.sum() > 0:
            null_values.append(float(over.sum() / under.sum()))
    floor = floor_of(null_values)
    rows = [
        _row(of_array(z), z.shape[1], problem, covariate, settings, target, seed, floor)
        for seed, z in enumerate(features)
    ]
    if not shifts_go_far(problem.targets):
        return rows
    return [replace(row, p=p_value(float(row.value or 0.0), null_values)) for row in rows]


def decoding_competitor(
    features: NDArray[Any],
    covariate: Covariate,
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    target: str,
) -> Row:
    """Decode a covariate from something that is no model: raw counts, or their principal components.

    Parameters
    ----------
    features
        (n_bins, n_features) of any number type; read block by block.
    covariate, split, settings, target
        As for `decoding`.

    Returns
    -------
    Row
        Without floor and seed.
    """
    problem = pose_problem(covariate, split, target)
    if isinstance(problem, Row):
        return problem
    return _row(of_array(features), features.shape[1], problem, covariate, settings, target, None, None)


@dataclass(frozen=True)
class Problem:
    """What is to be decoded.

    Parameters
    ----------
    targets
        (n_bins, n_targets), 0 where missing.
    known
        (n_bins,) where they are known.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    """

    targets: Floats
    known: NDArray[np.bool_]
    split: NDArray[np.integer]

    def part(self, part: int) -> NDArray[np.bool_]:
        """Bins of a part whose targets are known."""
        return np.asarray(self.known & (self.split == part))


def pose_problem(covariate: Covariate, split: NDArray[np.integer], target: str) -> Problem | Row:
    """Make the problem, or the row that says why there is none."""
    if covariate.kind == "categorical" and covariate.n_labels > MAX_LABELS:
        why = f"{covariate.n_labels} categories are a running number, not categories"
        return not_defined(covariate.score, why, target=target)
    problem = Problem(*covariate.targets(), split)
    if why := too_little(problem):
        return not_estimable(covariate.score, why, target=target)
    inside = problem.targets[problem.part(TEST)]
    if np.all(inside == inside[0]):
        return not_defined(covariate.score, "constant over the test bins: nothing to decode", target=target)
    if covariate.kind == "categorical":
        seen = problem.targets[problem.part(TRAIN)].any(axis=0)
        unseen = float((inside[:, ~seen] > 0).any(axis=1).mean())
        if unseen > MAX_SHARE_UNSEEN:
            why = f"{unseen:.0%} of the test bins have a category that never occurs in training"
            return not_estimable(covariate.score, why, target=target)
    return problem


def too_little(problem: Problem) -> str:
    """Why there are too few bins to fit and to score; empty when there are enough."""
    for name, part in (("training", TRAIN), ("test", TEST)):
        n = int(problem.part(part).sum())
        if n < MIN_BINS:
            return f"{n} {name} bins with a value, at least {MIN_BINS} are needed"
    return ""


def _contributions(
    features: Features, n_features: int, problem: Problem, covariate: Covariate
) -> tuple[Floats, Floats]:
    """Per scored bin what the score's numerator and denominator get: the score is the ratio of their sums."""
    categorical = covariate.kind == "categorical"
    predicted = predict_held_out(
        features,
        n_features,
        problem.targets,
        problem.part(TRAIN),
        problem.part(VALIDATION),
        problem.part(TEST),
        discriminant_path if categorical else ridge_path,
        cross_entropy if categorical else None,
    )
    return contributions(predicted, problem.targets[problem.part(TEST)], covariate)


def contributions(predicted: Floats, true: Floats, covariate: Covariate) -> tuple[Floats, Floats]:
    """Per bin what numerator and denominator get, of predicted and true targets (n_bins, n_targets)."""
    if covariate.kind == "categorical":
        return (predicted.argmax(axis=1) == true.argmax(axis=1)).astype(np.float64), np.ones(len(true))
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=1)
    return total - ((true - predicted) ** 2).sum(axis=1), total


def _row(
    features: Features,
    n_features: int,
    problem: Problem,
    covariate: Covariate,
    settings: ScoreSettings,
    target: str,
    seed: int | None,
    floor: float | None,
) -> Row:
    over, under = _contributions(features, n_features, problem, covariate)
    signals = problem.targets[problem.part(TEST)]
    told = explanation(covariate, problem)
    return row_of_bins(over, under, signals, covariate, settings, target, seed, floor, told)


def row_of_bins(
    over: Floats,
    under: Floats,
    signals: Floats,
    covariate: Covariate,
    settings: ScoreSettings,
    target: str,
    seed: int | None,
    floor: float | None,
    *notes: str,
) -> Row:
    """Put together the row of a decoder, whatever it is.

    Parameters
    ----------
    over, under
        (n,) what each scored bin gives to numerator and denominator.
    signals
        (n, n_targets) the covariate in the same bins: how slow it is decides whether there is an interval.
    covariate, settings, target, seed, floor
        Of the row.
    *notes
        For its note.
    """
    interval = ratio_interval(over, under, settings, covariate.score, target, str(seed), signals=signals)
    row = Row(
        covariate.score,
        target,
        seed,
        float(over.sum() / under.sum()),
        interval.low,
        interval.high,
        floor,
        SHIFT_FLOOR if floor is not None else "",
    )
    return with_note(row, *notes, interval.note)


def explanation(covariate: Covariate, problem: Problem) -> str:
    """Say what the number is, for the note."""
    match covariate.kind:
        case "continuous":
            return "1 - SSE/SST"
        case "circular":
            return "1 - SSE/SST of cosine and sine"
        case "categorical":
            return f"the most frequent label alone: {problem.targets[problem.part(TEST)].mean(axis=0).max():.3g}"
