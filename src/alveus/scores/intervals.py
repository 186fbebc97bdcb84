"""Contributions of single bins to a 95 % interval of their mean or ratio, by a block bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from alveus.scores.nulls import autocovariance
from alveus.scores.settings import ScoreSettings

MIN_BLOCKS = 5  # with fewer stretches that know nothing of each other an interval would be guesswork
CORRELATION_BAND = 2.0  # a lag counts as uncorrelated within this many sqrt(log10(n) / n) (Politis & White's c)


@dataclass(frozen=True)
class Interval:
    """Ends of a 95 % interval.

    Parameters
    ----------
    low, high
        Its ends; None where none can be given.
    note
        Why not.
    """

    low: float | None
    high: float | None
    note: str = ""


def block_length(series: NDArray[np.floating]) -> int:
    """Length of blocks that suits the autocorrelation of a series.

    Parameters
    ----------
    series
        (n,) one contribution per bin.

    Returns
    -------
    int
        Bins in a block, from 1 to the smaller of 3·sqrt(n) and n/3.

    References
    ----------
    Politis & White (2004), Automatic block-length selection for the dependent bootstrap, Econometric Reviews 23,
    with the correction of Patton, Politis & White (2009), for circular blocks.
    """
    n = len(series)
    covariance = autocovariance(series)
    if n < 3 or covariance[0] <= 0:
        return 1
    correlation = covariance / covariance[0]
    longest = max(1, int(np.ceil(min(3 * np.sqrt(n), n / 3))))
    quiet_lags = max(5, int(np.sqrt(np.log10(n))))
    last = min(n - 1, int(np.ceil(np.sqrt(n))) + quiet_lags)
    loud = np.abs(correlation[1 : last + 1]) >= CORRELATION_BAND * np.sqrt(np.log10(n) / n)
    quiet_runs = np.convolve(~loud, np.ones(quiet_lags), mode="valid") == quiet_lags
    # the last lag that matters: before the first run of quiet lags, else the last loud lag of all
    if quiet_runs.any():
        matters = max(1, int(np.argmax(quiet_runs)))
    else:
        matters = int(np.flatnonzero(loud)[-1]) + 1 if loud.any() else 1
    bandwidth = min(2 * matters, n - 1)
    lags = np.arange(1, bandwidth + 1)
    window = np.minimum(1.0, 2 * (1 - lags / bandwidth))  # flat top, then linear to zero
    spectrum = covariance[0] + 2 * np.sum(window * covariance[lags])
    slope = 2 * np.sum(window * lags * covariance[lags])
    if spectrum <= 0:
        return 1
    best = (2 * slope**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * n ** (1 / 3)
    return int(np.clip(np.ceil(best), 1, longest))


def ratio_interval(
    numerator: NDArray[np.floating],
    denominator: NDArray[np.floating],
    settings: ScoreSettings,
    *names: str | int,
) -> Interval:
    """Interval of ``sum(numerator) / sum(denominator)`` over bins that depend on their neighbours.

    Circular blocks of bins are drawn with replacement; parts that lie apart in time are treated as one sequence,
    with their joints in it. The percentiles' distances from the estimate are widened by Student's t over the
    normal quantile with as many degrees of freedom as there are blocks less one, since a handful of blocks
    otherwise makes intervals that are too narrow.

    Parameters
    ----------
    numerator, denominator
        (n,) contributions of each bin, in the order of time.
    settings
        Number of resamples, and the seed.
    *names
        Of the score, for a generator of its own.

    Returns
    -------
    Interval
        Without ends when the bins make fewer than five blocks.

    References
    ----------
    Politis & Romano (1992), A circular block-resampling procedure for stationary data.
    """
    n = len(numerator)
    over = np.asarray(numerator, np.float64)
    under = np.asarray(denominator, np.float64)
    if n == 0 or under.sum() == 0:
        return Interval(None, None, "no interval: nothing to divide by")
    influence = over - over.sum() / under.sum() * under
    length = block_length(influence)
    n_blocks = -(-n // length)
    if n_blocks < MIN_BLOCKS:
        return Interval(None, None, f"no interval: {n} bins are only {n_blocks} independent stretches")
    sums = [_block_sums(series, length) for series in (over, under)]
    rng = settings.generator("bootstrap", *names)
    ratios = np.empty(settings.resamples)
    for resample in range(settings.resamples):
        starts = rng.integers(n, size=n_blocks)
        below = sums[1][starts].sum()
        ratios[resample] = sums[0][starts].sum() / below if below != 0 else np.nan
    estimate = over.sum() / under.sum()
    freedom = n_blocks - 1
    widening = stdtrit(freedom, 0.975) / ndtri(0.975) * np.sqrt(n_blocks / freedom)
    low, high = estimate + widening * (np.nanpercentile(ratios, [2.5, 97.5]) - estimate)
    return Interval(float(low), float(high))


def share_interval(share: float, n: float) -> Interval:
    """Interval of a share of `n` independent items, which need not be a whole number.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22.

    >>> found = share_interval(1.0, 10)
    >>> round(found.low, 3), round(found.high, 3)
    (0.722, 1.0)
    """
    z = ndtri(0.975)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(float(max(0.0, middle - reach)), float(min(1.0, middle + reach)))


def mean_interval(values: NDArray[np.floating], settings: ScoreSettings, *names: str | int) -> Interval:
    """Interval of the mean over bins that depend on their neighbours; see `ratio_interval`."""
    return ratio_interval(values, np.ones(len(values)), settings, *names)


def _block_sums(series: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Sum of the `length` bins from each bin on, going round at the end."""
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[: length - 1]]))])
    return np.asarray(total[length:] - total[: len(series)])
