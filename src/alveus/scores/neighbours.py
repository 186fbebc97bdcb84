"""Latents and behaviour to how well bins with similar latents tell the one from the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.scores.covariate import Covariate
from alveus.scores.decoding import (
    Problem,
    contributions,
    explanation,
    pose_problem,
    row_of_bins,
    too_little,
)
from alveus.scores.nulls import circular_shifts, floor_of
from alveus.scores.parts import TEST, TRAIN, VALIDATION, bins_of, too_few_bins
from alveus.scores.rows import Row, not_estimable
from alveus.scores.settings import ScoreSettings

NEIGHBOURS = " (nearest neighbours)"
"""What the target of these rows ends with."""

NUMBERS_OF_NEIGHBOURS = (1, 4, 16, 64)  # to choose from; more average over half of what a short session visits
MAX_TRAIN = 20_000  # bins to look for neighbours in, evenly spaced: neighbours in time say much the same
MAX_SCORED = 5_000  # bins of validation and of test, evenly spaced
BLOCK = 256  # bins whose distances are held at a time: 20 MB

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Neighbours:
    """Which training bins have the latents nearest to those of validation and test bins.

    Parameters
    ----------
    train, validation, test
        Bins looked at, ascending.
    of_validation, of_test
        (n, k) places in `train`, the nearest first.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    of_validation: NDArray[np.intp]
    of_test: NDArray[np.intp]


def find_neighbours(features: NDArray[Any], split: NDArray[np.integer]) -> Neighbours:
    """Find the 64 nearest training bins of validation and test bins, by Euclidean distance as the latents stand.

    Parameters
    ----------
    features
        (n_bins, n_features).
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    """
    train = _spread(bins_of(split, TRAIN), MAX_TRAIN)
    validation, test = (_spread(bins_of(split, part), MAX_SCORED) for part in (VALIDATION, TEST))
    among = np.asarray(features[train], np.float32)
    centre = among.mean(axis=0)
    among = among - centre  # near the origin, distances lose no digits
    square = np.square(among).sum(axis=1)
    n = min(max(NUMBERS_OF_NEIGHBOURS), train.size)

    def nearest(bins: NDArray[np.intp]) -> NDArray[np.intp]:
        found = np.empty((bins.size, n), np.intp)
        for start in range(0, bins.size, BLOCK):
            own = np.asarray(features[bins[start : start + BLOCK]], np.float32) - centre
            distance = square - 2 * own @ among.T
            near = np.argpartition(distance, n - 1, axis=1)[:, :n]
            order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
            found[start : start + BLOCK] = np.take_along_axis(near, order, axis=1)
        return found

    return Neighbours(train, validation, test, nearest(validation), nearest(test))


def decoding_by_neighbours(
    latents: NDArray[np.floating],
    behavior: Mapping[str, Covariate],
    split: NDArray[np.integer],
    settings: ScoreSettings,
) -> list[Row]:
    """Decode covariates by the mean over the nearest training bins, whose number is chosen on validation bins.

    It finds what a linear map cannot, such as a place on a ring, and depends on how the latents are scaled
    against each other. Scores are those of `alveus.scores.decoding.decoding`; categories go by the majority.

    Parameters
    ----------
    latents
        (n_seeds, n_bins, n_latents), finite.
    behavior
        Covariates by name, in the same bins.
    split
        (n_bins,); parts are contiguous blocks with gaps, or neighbours in time would stand in for the answer.
    settings
        Of floor and interval; the shifts of the covariate behind the floor are dealt out to the seeds.

    Returns
    -------
    list of Row
        A row for each covariate and seed, or one row that says why not; targets end with `NEIGHBOURS`.

    References
    ----------
    Cover & Hart (1967), Nearest neighbor pattern classification; as a decoder of latents, Schneider, Lee & Mathis
    (2023), Learnable latent embeddings for joint behavioural and neural analysis, Nature 617.
    """
    if not behavior:
        return []
    if why := too_few_bins(split):
        return [not_estimable(c.score, why, target=name + NEIGHBOURS) for name, c in behavior.items()]
    found = [find_neighbours(z, split) for z in latents]
    rows = []
    for name, covariate in behavior.items():
        problem = pose_problem(covariate, split, name + NEIGHBOURS)
        if isinstance(problem, Row):
            rows.append(problem)
            continue
        floor = _floor(found, problem, covariate, settings, name)
        rows += [
            _row(neighbours, problem, covariate, settings, name + NEIGHBOURS, seed, floor)
            for seed, neighbours in enumerate(found)
        ]
    return rows


def competitor_by_neighbours(
    features: NDArray[Any],
    behavior: Mapping[str, Covariate],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    competitor: str,
) -> list[Row]:
    """Decode covariates in the same way from something that is no model, (n_bins, n_features); without floor."""
    if not behavior or too_few_bins(split):
        return []
    found = find_neighbours(features, split)
    rows = []
    for name, covariate in behavior.items():
        target = f"{name} from {competitor}{NEIGHBOURS}"
        problem = pose_problem(covariate, split, target)
        rows.append(
            problem if isinstance(problem, Row) else _row(found, problem, covariate, settings, target, None, None)
        )
    return rows


def _floor(
    found: list[Neighbours], problem: Problem, covariate: Covariate, settings: ScoreSettings, name: str
) -> float | None:
    null_values = []
    for i, shift in enumerate(circular_shifts(problem.targets, settings, covariate.score, name)):
        shifted = Problem(np.roll(problem.targets, shift, axis=0), np.roll(problem.known, shift), problem.split)
        if too_little(shifted):
            continue
        over, under, _ = _contributions(found[i % len(found)], shifted, covariate)
        if under.sum() > 0:
            null_values.append(float(over.sum() / under.sum()))
    return floor_of(null_values)


def _row(
    neighbours: Neighbours,
    problem: Problem,
    covariate: Covariate,
    settings: ScoreSettings,
    target: str,
    seed: int | None,
    floor: float | None,
) -> Row:
    over, under, n = _contributions(neighbours, problem, covariate)
    if under.sum() == 0:
        return not_estimable(covariate.score, "constant over the bins looked at", target=target, seed=seed)
    signals = problem.targets[neighbours.test][problem.known[neighbours.test]]
    some = f"{over.size} test bins" if problem.part(TEST).sum() > over.size else ""
    notes = (explanation(covariate, problem), f"{n} neighbours", some)
    return row_of_bins(over, under, signals, covariate, settings, target, seed, floor, *notes)


def _contributions(neighbours: Neighbours, problem: Problem, covariate: Covariate) -> tuple[Floats, Floats, int]:
    """Per scored bin what numerator and denominator get, and how many neighbours were chosen."""
    targets, known = problem.targets[neighbours.train], problem.known[neighbours.train]
    chosen = len(NUMBERS_OF_NEIGHBOURS) // 2
    judges = problem.known[neighbours.validation]
    if judges.any():
        true = problem.targets[neighbours.validation][judges]
        guesses = _means(neighbours.of_validation[judges], targets, known)
        chosen = int(np.argmin([np.square(true - guess).sum() for guess in guesses]))
    scored = problem.known[neighbours.test]
    predicted = _means(neighbours.of_test[scored], targets, known)[chosen]
    over, under = contributions(predicted, problem.targets[neighbours.test][scored], covariate)
    return over, under, min(NUMBERS_OF_NEIGHBOURS[chosen], neighbours.train.size)


def _means(nearest: NDArray[np.intp], targets: Floats, known: NDArray[np.bool_]) -> list[Floats]:
    """Mean of the known targets of the nearest bins, (n, n_targets) for each of the numbers of neighbours."""
    everywhere = targets[known].mean(axis=0) if known.any() else np.zeros(targets.shape[1])
    total, weight = np.zeros((len(nearest), targets.shape[1])), np.zeros((len(nearest), 1))
    means = []
    for rank in range(nearest.shape[1]):
        total += targets[nearest[:, rank]]  # unknown ones are 0
        weight += known[nearest[:, rank], None]
        if rank + 1 in NUMBERS_OF_NEIGHBOURS:
            means.append(np.where(weight > 0, total / np.maximum(weight, 1), everywhere))
    last = np.where(weight > 0, total / np.maximum(weight, 1), everywhere)
    return means + [last] * (len(NUMBERS_OF_NEIGHBOURS) - len(means))


def _spread(bins: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Return at most so many of the bins, evenly spaced."""
    return bins[np.linspace(0, bins.size - 1, min(bins.size, most)).astype(np.intp)]
