"""Latents and behaviour to how well the one tells the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.scores.covariate import Covariate
from alveus.scores.discriminant import cross_entropy, discriminant_path
from alveus.scores.folds import contiguous_folds
from alveus.scores.intervals import ratio_interval
from alveus.scores.nulls import SHIFT_FLOOR, autocorrelation_length, circular_shifts, floor_of
from alveus.scores.parts import TEST
from alveus.scores.ridge import Features, of_array, predict_out_of_fold, ridge_path
from alveus.scores.rows import Row, not_defined, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

MIN_BINS_PER_FOLD = 10  # labelled test bins; with fewer a fold's score is chance
MAX_LABELS = 100  # more categories than this are a running number, not categories
MAX_SHARE_ALONE = 0.1  # of the test bins: beyond, an accuracy tells how time was divided, not what is encoded
MAX_GAP_SHARE = 0.1  # of a fold: a covariate slower than this leaves no gap that would make folds independent

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

    The timeline is cut into contiguous folds. Test bins of a fold are predicted from weights fitted on every
    bin outside the fold and a gap around it. Continuous covariates are scored by R² = 1 − SSE/SST about the mean
    of the scored bins, circular ones by the same on cosine and sine together, categories by the share of bins
    named rightly.

    Parameters
    ----------
    latents
        (n_seeds, n_bins, n_latents), finite.
    covariate
        What to decode, in the same bins.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of folds, floor and interval; the shifts of the covariate behind the floor are dealt out to the seeds.
    target
        Name of the covariate.

    Returns
    -------
    list of Row
        One row a seed, or one row that says why not.
    """
    features = [np.asarray(z - z.mean(axis=0, dtype=np.float64)) for z in latents]
    problem = _problem(covariate, split, settings, target)
    if isinstance(problem, Row):
        return [problem]
    null_values = []
    for i, shift in enumerate(circular_shifts(problem.targets, settings, covariate.score, target)):
        targets, known = np.roll(problem.targets, shift, axis=0), np.roll(problem.known, shift)
        shifted = _placed(targets, known, split, problem.gap)
        if _too_little(shifted, settings):
            continue
        z = features[i % len(features)]
        over, under = _contributions(of_array(z), z.shape[1], shifted, covariate, settings)
        if under.sum() > 0:
            null_values.append(float(over.sum() / under.sum()))
    floor = floor_of(null_values)
    return [
        _row(of_array(z), z.shape[1], problem, covariate, settings, target, seed, floor)
        for seed, z in enumerate(features)
    ]


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
    problem = _problem(covariate, split, settings, target)
    if isinstance(problem, Row):
        return problem
    return _row(of_array(features), features.shape[1], problem, covariate, settings, target, None, None)


@dataclass(frozen=True)
class _Problem:
    """Targets (n_bins, n_targets); where they are known, usable and scored (n_bins,); and the gap [bins]."""

    targets: Floats
    known: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    scored: NDArray[np.bool_]
    gap: int


def _problem(
    covariate: Covariate, split: NDArray[np.integer], settings: ScoreSettings, target: str
) -> _Problem | Row:
    """Make the problem, or the row that says why there is none."""
    if covariate.kind == "categorical" and covariate.n_labels > MAX_LABELS:
        why = f"{covariate.n_labels} categories are a running number, not categories"
        return not_defined(covariate.score, why, target=target)
    targets, known = covariate.targets()
    longest = int(MAX_GAP_SHARE * len(targets) / settings.folds)
    problem = _placed(targets, known, split, min(autocorrelation_length(targets), longest))
    if why := _too_little(problem, settings):
        return not_estimable(covariate.score, why, target=target)
    inside = problem.targets[problem.scored]
    if np.all(inside == inside[0]):
        return not_defined(covariate.score, "constant over the test bins: nothing to decode", target=target)
    if covariate.kind == "categorical":
        alone = _share_alone(problem, settings)
        if alone > MAX_SHARE_ALONE:
            why = f"{alone:.0%} of the test bins have a category that never occurs outside their fold of the time"
            return not_estimable(covariate.score, why, target=target)
    return problem


def _share_alone(problem: _Problem, settings: ScoreSettings) -> float:
    """Share of the scored bins whose category no bin has that their prediction may be fitted on."""
    folds = contiguous_folds(problem.scored, settings.folds, problem.gap)
    alone = 0
    for fold in range(folds.n_folds):
        seen = np.zeros(problem.targets.shape[1], np.bool_)
        for piece in folds.pieces:
            if fold not in piece.hidden_from:
                bins = slice(piece.start, piece.stop)
                seen |= (problem.targets[bins][problem.usable[bins]] > 0).any(axis=0)
        bins = slice(*folds.edges[fold : fold + 2])
        alone += int((problem.targets[bins][problem.scored[bins]][:, ~seen] > 0).sum())
    return alone / int(problem.scored.sum())


def _placed(targets: Floats, known: NDArray[np.bool_], split: NDArray[np.integer], gap: int) -> _Problem:
    return _Problem(targets, known, known & (split >= 0), known & (split == TEST), gap)


def _too_little(problem: _Problem, settings: ScoreSettings) -> str:
    n_scored, needed = int(problem.scored.sum()), MIN_BINS_PER_FOLD * settings.folds
    if n_scored < needed:
        return f"{n_scored} test bins with a value, at least {needed} are needed for {settings.folds} folds"
    return ""


def _contributions(
    features: Features, n_features: int, problem: _Problem, covariate: Covariate, settings: ScoreSettings
) -> tuple[Floats, Floats]:
    """Per scored bin what the score's numerator and denominator get: the score is the ratio of their sums."""
    folds = contiguous_folds(problem.scored, settings.folds, problem.gap)
    categorical = covariate.kind == "categorical"
    predicted = predict_out_of_fold(
        features,
        n_features,
        problem.targets,
        problem.usable,
        problem.scored,
        folds,
        discriminant_path if categorical else ridge_path,
        cross_entropy if categorical else None,
    )
    possible = np.isfinite(predicted).all(axis=1)
    predicted, true = predicted[possible], problem.targets[problem.scored][possible]
    if categorical:
        return (predicted.argmax(axis=1) == true.argmax(axis=1)).astype(np.float64), np.ones(len(true))
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=1)
    return total - ((true - predicted) ** 2).sum(axis=1), total


def _row(
    features: Features,
    n_features: int,
    problem: _Problem,
    covariate: Covariate,
    settings: ScoreSettings,
    target: str,
    seed: int | None,
    floor: float | None,
) -> Row:
    over, under = _contributions(features, n_features, problem, covariate, settings)
    if under.sum() == 0:
        return not_estimable(covariate.score, "nothing outside the folds to fit on", target=target, seed=seed)
    interval = ratio_interval(over, under, settings, covariate.score, target, str(seed))
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
    return with_note(row, _explanation(covariate, problem), interval.note)


def _explanation(covariate: Covariate, problem: _Problem) -> str:
    match covariate.kind:
        case "continuous":
            return "1 - SSE/SST"
        case "circular":
            return "1 - SSE/SST of cosine and sine"
        case "categorical":
            return f"the most frequent label alone: {problem.targets[problem.scored].mean(axis=0).max():.3g}"
