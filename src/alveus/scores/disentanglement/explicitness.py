"""Latents and factors to how plainly, by straight lines through all latents, a factor can be read.

Ridgeway & Mozer (2018), Learning deep disentangled embeddings with the F-statistic loss.

The paper asks one-against-rest classifiers for each category. Levels of a continuous factor are no categories: no
straight line tells the middle one from both sides. Here such a factor is asked whether it is above each of five
quantiles, and an angle on which side of each of four diameters it is, so that a factor among the latents has 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from alveus.scores.disentanglement.discretise import winsorise
from alveus.scores.disentanglement.factors import Factor, Factors
from alveus.scores.disentanglement.relation import spread_over

CUTS = 5  # quantiles of a continuous factor
DIAMETERS = 4  # of a circular one
PENALTY = 1e-3  # per bin, on latents of unit variance

Floats = NDArray[np.float64]
Questions = NDArray[np.bool_]


@dataclass(frozen=True)
class Explicitness:
    """Area under the curve of straight classifiers, from 0 at chance to 1.

    Parameters
    ----------
    values
        (n_factors,).
    shares
        (n_factors, n_test_bins) with the values as means.
    shifted
        (n_shifts, n_factors).
    """

    values: Floats
    shares: Floats
    shifted: Floats


def explicitness(latents: NDArray[np.floating], factors: Factors) -> Explicitness:
    """Fit on training bins, score on test bins: 2·AUC − 1, mean over the questions about a factor.

    The classifiers are Fisher's linear discriminant, by ridge regression of each question's answer: logistic
    regression gives nearly the same order of bins, which is all that an area under the curve sees.

    Parameters
    ----------
    latents
        (n_bins, n_latents), finite.
    factors
        What to read.

    Returns
    -------
    Explicitness
    """
    z = winsorise(latents, factors.train)
    inputs, held_out = (np.column_stack([z[part], np.ones(part.size)]) for part in (factors.train, factors.test))
    n_factors = len(factors.items)
    values, shares = np.zeros(n_factors), np.zeros((n_factors, factors.test.size))
    shifted = np.zeros((len(factors.shifts), n_factors))
    for k, factor in enumerate(factors.items):
        asked = questions(factor)
        for s, shift in enumerate(factors.shifts):
            scores, answers = _read(inputs, held_out, factor, asked, factors, shift)
            shifted[s, k] = np.mean([2 * auc(*pair) - 1 for pair in zip(scores.T, answers.T, strict=True)] or [0])
        scores, answers = _read(inputs, held_out, factor, asked, factors, 0)
        influences = [auc_influence(*pair) for pair in zip(scores.T, answers.T, strict=True)]
        values[k] = np.mean([2 * auc(*pair) - 1 for pair in zip(scores.T, answers.T, strict=True)])
        shares[k] = spread_over(factor.known[factors.test], values[k], 2 * np.mean(influences, axis=0))
    return Explicitness(values, shares, shifted)


def questions(factor: Factor) -> Questions:
    """Yes or no about each bin (n_bins, n_questions); without meaning where the factor is missing."""
    if factor.kind == "categorical":
        return np.asarray(factor.targets > 0)
    if factor.kind == "circular":
        middles = np.arange(DIAMETERS) / (2 * DIAMETERS)
        return np.asarray(np.cos(2 * np.pi * (factor.values[:, None] - middles)) > 0)
    known = factor.values[factor.known]
    cuts = np.unique(np.quantile(known, np.arange(1, CUTS + 1) / (CUTS + 1)))
    return np.asarray(factor.values[:, None] > cuts)


def auc(scores: Floats, answers: Questions) -> float:
    """Area under the receiver operating characteristic.

    Parameters
    ----------
    scores
        (n,) higher where yes is likelier.
    answers
        (n,) both yes and no among them.

    Returns
    -------
    float
        Probability that a bin of yes has a higher score than one of no, ties counting half.
    """
    n_yes = int(answers.sum())
    above = float(rankdata(scores)[answers].sum()) - n_yes * (n_yes + 1) / 2
    return above / (n_yes * (answers.size - n_yes))


def auc_influence(scores: Floats, answers: Questions) -> Floats:
    """Influence (n,) of each bin on the area, of mean 0.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more correlated receiver operating
    characteristic curves, Biometrics 44.
    """
    n_yes = int(answers.sum())
    n_no = answers.size - n_yes
    ranks = rankdata(scores)
    beaten = np.empty(answers.size)
    beaten[answers] = (ranks[answers] - rankdata(scores[answers])) / n_no
    beaten[~answers] = 1 - (ranks[~answers] - rankdata(scores[~answers])) / n_yes
    weight = np.where(answers, answers.size / n_yes, answers.size / n_no)
    return np.asarray((beaten - beaten[answers].mean()) * weight)


def _read(
    inputs: Floats, held_out: Floats, factor: Factor, asked: Questions, factors: Factors, shift: int
) -> tuple[Floats, Questions]:
    """Scores and answers (n_known, n_questions) of test bins, of questions that some answer yes and some no."""
    n_bins = len(factor.known)
    fit_on, score_on = ((part + shift) % n_bins for part in (factors.train, factors.test))
    known_there, known = factor.known[fit_on], factor.known[score_on]
    x, y = inputs[known_there], asked[fit_on][known_there].astype(np.float64)
    answers = asked[score_on][known]
    if not len(x) or not len(answers):
        return np.zeros((0, 0)), answers[:0, :0]
    penalty = PENALTY * len(x) * np.eye(x.shape[1])
    penalty[-1, -1] = 1e-12 * len(x)  # the intercept is free
    both = answers.any(axis=0) & ~answers.all(axis=0)
    weights = np.linalg.solve(x.T @ x + penalty, x.T @ y[:, both])
    return held_out[known] @ weights, answers[:, both]
