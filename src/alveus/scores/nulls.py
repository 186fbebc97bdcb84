"""Signals to circular shifts or rotations that break their relation to everything else, and what those score."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alveus.scores.settings import ScoreSettings

E_FOLD = 1 / np.e  # a signal is taken to have forgotten itself when its autocorrelation falls below this
MIN_LENGTHS = 3  # autocorrelation lengths to shift by: what is left of an exponential is 5 %
MIN_SHARE = 0.05  # of all bins: a shift by less could leave slow covariates in place
MAX_SHARE = 0.25  # of all bins: slower signals must leave some shifts to choose from
PERCENTILE = 95
SHIFT_FLOOR = "95th percentile of circular shifts"


def autocovariance(signals: NDArray[np.floating]) -> NDArray[np.float64]:
    """Autocovariance at every lag, with the divisor n.

    Parameters
    ----------
    signals
        (n,) or (n, k); NaN counts as the mean.

    Returns
    -------
    NDArray
        Of the same shape, lag by lag.
    """
    x = np.asarray(signals, np.float64)
    n = x.shape[0]
    if np.isnan(x).any():
        x = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    x = x - x.mean(axis=0)
    spectrum = np.fft.rfft(x, 1 << (2 * n - 1).bit_length(), axis=0)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:n] / n)


def autocorrelation_length(signals: NDArray[np.floating]) -> int:
    """Bins until the autocorrelation first falls below 1/e, of the slowest of the signals.

    Parameters
    ----------
    signals
        (n,) or (n, k).

    Returns
    -------
    int
        At least 1; 1 for constant signals.
    """
    longest = 1
    columns = np.asarray(signals).reshape(len(signals), -1)
    for column in range(columns.shape[1]):
        covariance = autocovariance(columns[:, column])
        below = np.flatnonzero(covariance < E_FOLD * covariance[0])
        if covariance[0] > 0 and below.size:
            longest = max(longest, int(below[0]))
    return longest


def circular_shifts(signals: NDArray[np.floating], settings: ScoreSettings, *names: str | int) -> list[int]:
    """Draw shifts [bins] to use with `numpy.roll`, spread over all that go far enough.

    Data of many short segments are shifted as one sequence: within segments a shift would leave what differs
    between trials in place, and so break nothing that matters.

    Parameters
    ----------
    signals
        (n,) or (n, k) the signals to be shifted; a shift is at least three times their autocorrelation length and
        at least a twentieth of all bins, either way round, but need not be more than a quarter of them.
    settings
        How many, and the seed.
    *names
        Of the score, for a generator of its own.

    Returns
    -------
    list of int
        Distinct; fewer than asked for, or none, when there are few bins.
    """
    n = len(signals)
    nearest = max(MIN_LENGTHS * autocorrelation_length(signals), int(np.ceil(MIN_SHARE * n)))
    nearest = max(1, min(nearest, int(MAX_SHARE * n)))
    room = n - 2 * nearest + 1
    if room < 1:
        return []
    strata = np.linspace(0, room, min(settings.shifts, room) + 1)
    draws = settings.generator("shift", *names).uniform(strata[:-1], strata[1:])
    return sorted({nearest + min(int(draw), room - 1) for draw in draws})


def shifts_go_far(signals: NDArray[np.floating]) -> bool:
    """Whether a record is long enough for `circular_shifts` to make a signal forget itself.

    Where it is not, shifts give a floor but no p-value: too few of them know nothing of each other.
    """
    return MIN_LENGTHS * autocorrelation_length(signals) <= MAX_SHARE * len(signals)


def floor_of(null_values: list[float], *, method: Literal["higher", "linear"] = "higher") -> float | None:
    """95th percentile of what shifted data score; None without any.

    Between two values the higher one is taken: of 20 it is the largest, which one more of their kind exceeds with
    probability 1/21, where an interpolated one would be exceeded nearly twice as often.
    """
    finite = [value for value in null_values if np.isfinite(value)]
    return float(np.percentile(finite, PERCENTILE, method=method)) if finite else None


def p_value(value: float, null_values: list[float]) -> float | None:
    """Probability of a score as high as this without merit: ``(r + 1) / (n + 1)`` with r of n nulls as high.

    None without any null. With n nulls it is never below ``1 / (n + 1)``.

    References
    ----------
    Phipson & Smyth (2010), Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9.

    >>> p_value(0.5, [0.1] * 19)
    0.05
    """
    finite = [null for null in null_values if np.isfinite(null)]
    return (sum(null >= value for null in finite) + 1) / (len(finite) + 1) if finite else None


def haar_rotations(n_latents: int, n_rotations: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw orthogonal matrices, rotations and reflections, of which none is likelier than another.

    Parameters
    ----------
    n_latents, n_rotations
        Size and number of the matrices.
    rng
        Source of the draws.

    Returns
    -------
    NDArray
        (n_rotations, n_latents, n_latents).

    References
    ----------
    Mezzadri (2007), How to generate random matrices from the classical compact groups, Notices AMS 54: without the
    signs of R's diagonal the factors Q are not uniform.
    """
    q, r = np.linalg.qr(rng.standard_normal((n_rotations, n_latents, n_latents)))
    return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, np.newaxis, :])
