"""Latents and the true ones of a simulation to how much of the truth was found."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from alveus.scores.intervals import mean_interval
from alveus.scores.nulls import SHIFT_FLOOR, circular_shifts, floor_of, haar_rotations
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

ROTATIONS = 200  # random ones behind the expected MCC of a rotated truth

Floats = NDArray[np.float64]


def truth_r2(
    latents: NDArray[np.floating],
    truth: NDArray[np.floating],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    target: str = "mean over true latents",
    seed: int | None = None,
) -> Row:
    """R² of the true latents predicted by an affine map of the inferred ones, mean over true latents.

    The map is fitted on training bins and scored on test bins; R² = 1 − SSE/SST about the mean of the test bins.

    Parameters
    ----------
    latents
        (n_bins, n_latents).
    truth
        (n_bins, n_true_latents).
    split
        (n_bins,).
    settings
        Of floor and interval.
    target, seed
        What the latents are.

    Returns
    -------
    Row
    """
    score = "truth_r2"
    if why := too_few_bins(split):
        return not_estimable(score, why, target=target, seed=seed)
    train, test = bins_of(split, TRAIN), bins_of(split, TEST)
    shares = _explained(latents, truth, train, test)
    null_values = [
        float(_explained(np.roll(latents, shift, axis=0), truth, train, test).mean())
        for shift in circular_shifts(latents, settings, score)
    ]
    row = r2_row(shares, settings, score, target, seed)
    return _with_floor(row, floor_of(null_values))


def r2_row(shares: Floats, settings: ScoreSettings, score: str, target: str, seed: int | None) -> Row:
    """Make a row of the shares of bins that `shares_of_r2` returns."""
    interval = mean_interval(shares, settings, score, target, str(seed))
    row = Row(score, target, seed, float(shares.mean()), interval.low, interval.high)
    return with_note(row, "1 - SSE/SST", interval.note)


def shares_of_r2(true: Floats, predicted: Floats) -> Floats:
    """Share out the mean R² over latents to bins.

    Parameters
    ----------
    true, predicted
        (n_bins, n_latents).

    Returns
    -------
    NDArray
        (n_bins,), with the score as its mean and each bin's influence on it as deviation from that. A true latent
        that is constant adds 0.
    """
    spread = (true - true.mean(axis=0)) ** 2
    scale = np.maximum(spread.mean(axis=0), np.finfo(float).tiny)
    gain = spread - (true - predicted) ** 2
    r2 = gain.mean(axis=0) / scale
    return np.asarray((r2 + (gain - r2 * spread) / scale).mean(axis=1))


def truth_mcc(
    latents: NDArray[np.floating],
    truth: NDArray[np.floating],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    target: str = "mean over true latents",
    seed: int | None = None,
) -> Row:
    """Mean |Pearson correlation| of true latents with the inferred latents assigned to them, over test bins.

    Parameters
    ----------
    latents
        (n_bins, n_latents); a true latent for which none is left counts 0.
    truth
        (n_bins, n_true_latents).
    split
        (n_bins,).
    settings
        Of the floor.
    target, seed
        What the latents are.

    Returns
    -------
    Row
        Its note says what a random rotation of the truth itself would score, on average.

    References
    ----------
    Hyvärinen & Morioka (2016), Unsupervised feature extraction by time-contrastive learning and nonlinear ICA.
    """
    score = "truth_mcc"
    if why := too_few_bins(split):
        return not_estimable(score, why, target=target, seed=seed)
    test = bins_of(split, TEST)
    null_values = [
        float(shares_of_mcc(latents[(test - shift) % len(latents)], truth[test]).mean())
        for shift in circular_shifts(latents, settings, score)
    ]
    shares = shares_of_mcc(latents[test], truth[test])
    interval = mean_interval(shares, settings, score, target, str(seed))
    row = Row(score, target, seed, float(shares.mean()), interval.low, interval.high)
    rotated = f"a random rotation of the truth scores {rotation_mcc(truth.shape[1], settings):.2f}"
    return _with_floor(with_note(row, rotated, interval.note), floor_of(null_values))


def shares_of_mcc(latents: NDArray[np.floating], truth: NDArray[np.floating]) -> Floats:
    """Share out the mean |correlation| after the best assignment of inferred to true latents.

    Parameters
    ----------
    latents
        (n_bins, n_latents).
    truth
        (n_bins, n_true_latents).

    Returns
    -------
    NDArray
        (n_bins,), with the score as its mean and each bin's influence on it as deviation from that.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((50, 3))
    >>> round(float(shares_of_mcc(z[:, [2, 0, 1]] * [-1, 2, 3], z).mean()), 12)
    1.0
    """
    a, b = _standardised(latents), _standardised(truth)
    correlation = a.T @ b / len(b)
    rows, columns = linear_sum_assignment(-np.abs(correlation))
    r = correlation[rows, columns]
    a, b = a[:, rows] * np.sign(r), b[:, columns]
    influence = a * b - np.abs(r) * (a**2 + b**2) / 2
    # the mean of a² + b² is 2, or less for a constant, whose r is 0
    return np.asarray((influence + np.abs(r)).sum(axis=1) / truth.shape[1])


def rotation_mcc(n_latents: int, settings: ScoreSettings) -> float:
    """Estimate the MCC of white latents with a Haar-random rotation of themselves: 0.90 for two, 0.73 for five."""
    rng = settings.generator("rotation", n_latents)
    total = 0.0
    for rotation in np.abs(haar_rotations(n_latents, ROTATIONS, rng)):
        total += rotation[linear_sum_assignment(-rotation)].mean()
    return total / ROTATIONS


def _explained(
    latents: NDArray[np.floating],
    truth: NDArray[np.floating],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> Floats:
    offset = latents[train].mean(axis=0, dtype=np.float64)
    inputs = [np.column_stack([latents[part] - offset, np.ones(part.size)]) for part in (train, test)]
    weights = np.linalg.lstsq(inputs[0], truth[train], rcond=None)[0]
    return shares_of_r2(np.asarray(truth[test], np.float64), inputs[1] @ weights)


def _standardised(x: NDArray[np.floating]) -> Floats:
    """Columns of mean 0 and sd 1; constant ones stay 0 and correlate with nothing."""
    centred = np.asarray(x, np.float64) - x.mean(axis=0, dtype=np.float64)
    sd = centred.std(axis=0)
    return np.asarray(centred / np.where(sd > 1e-12 * np.abs(x).max(axis=0, initial=1e-300), sd, np.inf))


def _with_floor(row: Row, floor: float | None) -> Row:
    return row if floor is None else replace(row, floor=floor, floor_name=SHIFT_FLOOR)
