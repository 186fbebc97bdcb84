"""Contributions of single bins to a 95 % interval of their mean, ratio or difference, by a block bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from alveus.errors import AlveusError
from alveus.scores.long_run import LongRun, long_run
from alveus.scores.nulls import autocorrelation_length, autocovariance
from alveus.scores.settings import ScoreSettings

MIN_BLOCKS = 5  # with fewer stretches that know nothing of each other an interval would be guesswork
MAX_BLOCKS = 1000  # of a resample: longer blocks only make the interval safer
MIN_LENGTHS = 20  # autocorrelation lengths of the signals in a record; measured by validation/coverage.py
MEDIAN_VARIANCE = np.pi / 2  # of a median of normal values, over that of their mean; less for few of them
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
    signals: NDArray[np.floating] | None = None,
) -> Interval:
    """Interval of ``sum(numerator) / sum(denominator)`` over bins that depend on their neighbours.

    Circular blocks of bins are drawn with replacement; parts that lie apart in time are treated as one sequence,
    with their joints in it. Blocks give the interval its shape. Its width they would understate where signals are
    slow, so the percentiles' distances from the estimate are scaled to the standard error of `long_run` times
    Student's t with its degrees of freedom.

    Parameters
    ----------
    numerator, denominator
        (n,) contributions of each bin, in the order of time.
    settings
        Number of resamples, and the seed.
    *names
        Of the score, for a generator of its own.
    signals
        (n,) or (n, k) what the score is of, where its contributions can hide how slow that is: products and counts
        look faster than the signals behind them.

    Returns
    -------
    Interval
        Without ends when the bins make fewer than five blocks or are too few for their correlation time.

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
    length = max(block_length(influence), -(-n // MAX_BLOCKS))
    n_blocks = -(-n // length)
    if n_blocks < MIN_BLOCKS:
        return Interval(None, None, f"no interval: {n} bins are only {n_blocks} independent stretches")
    slow = long_run(influence)
    if slow is None or (signals is not None and n < MIN_LENGTHS * autocorrelation_length(signals)):
        return Interval(None, None, f"no interval: {n} bins are too few for how slowly they change")
    estimate = over.sum() / under.sum()
    if slow.error == 0:
        return Interval(float(estimate), float(estimate))
    sums = [_block_sums(series, length) for series in (over, under)]
    rng = settings.generator("bootstrap", *names)
    starts = rng.integers(n, size=(settings.resamples, n_blocks))
    below = sums[1][starts].sum(axis=1)
    ratios = np.divide(
        sums[0][starts].sum(axis=1), below, out=np.full(settings.resamples, np.nan), where=below != 0
    )
    wanted = float(slow.error / abs(under.mean()))
    low, high = _spread(np.nanpercentile(ratios - estimate, [2.5, 97.5]), float(np.nanstd(ratios)), wanted, slow)
    return Interval(float(estimate + low), float(estimate + high))


def _spread(
    distances: NDArray[np.float64], bootstrapped: float, error: float, slow: LongRun
) -> tuple[float, float]:
    """Scale percentiles' distances from the estimate to an error; one that lies on the wrong side becomes 0."""
    student = float(stdtrit(slow.freedom, 0.975))
    if bootstrapped == 0:
        return -student * error, student * error
    scaled = student / ndtri(0.975) * error / bootstrapped * distances
    return min(0.0, float(scaled[0])), max(0.0, float(scaled[1]))


@dataclass(frozen=True)
class Difference:
    """A score of one model less that of another, with its interval."""

    value: float
    interval: Interval


def paired_difference(
    per_bin_a: NDArray[np.floating],
    per_bin_b: NDArray[np.floating],
    denominator: NDArray[np.floating],
    settings: ScoreSettings,
    *names: str | int,
) -> Difference:
    """Difference of two models' scores over the same bins, each ``sum(per_bin) / sum(denominator)``.

    What makes a bin easy or hard for both models cancels, so that the interval is narrower than that of either.

    Parameters
    ----------
    per_bin_a, per_bin_b
        (n,) numerators of each bin: for co-smoothing the log-likelihood of the held-out units less that under the
        mean rate [nats], for its R² total less error.
    denominator
        (n,) shared by both: ``ln 2`` times the spikes of the held-out units, or their total variance.
    settings, *names
        As for `ratio_interval`.

    Returns
    -------
    Difference
        a − b; above 0 where a is better. Its interval may have no ends, with the reason.

    Raises
    ------
    AlveusError
        If the arrays are not of the same bins, or there is nothing to divide by.
    """
    sizes = [np.shape(x) for x in (per_bin_a, per_bin_b, denominator)]
    if len(set(sizes)) > 1 or len(sizes[0]) != 1:
        raise AlveusError(f"arrays of {sizes[0]}, {sizes[1]} and {sizes[2]} bins cannot be compared bin by bin")
    total = float(np.sum(denominator, dtype=np.float64))
    if total == 0:
        raise AlveusError("the denominators of all bins sum to 0: there are no scores to compare")
    gain = np.asarray(per_bin_a, np.float64) - np.asarray(per_bin_b, np.float64)
    return Difference(float(gain.sum() / total), ratio_interval(gain, denominator, settings, "paired", *names))


def seeds_interval(
    values: NDArray[np.floating], within: NDArray[np.floating], *, median: bool = False
) -> Interval:
    """Interval of the mean or median over seeds that were drawn from all seeds there could be.

    All seeds are scored on the same bins, whose chance they share and which averaging over seeds does not remove:
    the variance is that between seeds, over their number, plus that of the seeds' mean over bins (`long_run`).
    Degrees of freedom follow Satterthwaite (1946). Noise that each seed has of its own is counted in both parts:
    the interval is a little too wide rather than too narrow.

    Parameters
    ----------
    values
        (n_seeds,) one score a seed.
    within
        (n_bins,) influence of each bin on the mean over seeds: its mean is that score's mean.
    median
        Whether the interval is of the median over seeds.

    Returns
    -------
    Interval
        Without ends for a single seed, or too few bins for their correlation time.
    """
    scores = np.asarray(values, np.float64)
    k = scores.size
    if k < 2:
        return Interval(None, None, f"no interval: {k} seed says nothing of others")
    slow = long_run(within)
    if slow is None:
        return Interval(None, None, f"no interval: {len(within)} bins are too few for how slowly they change")
    between = scores.var(ddof=1) / k * (MEDIAN_VARIANCE if median and k > 2 else 1.0)
    variance = between + slow.error**2
    centre = float(np.median(scores) if median else scores.mean())
    if variance == 0:
        return Interval(centre, centre)
    freedom = variance**2 / (between**2 / (k - 1) + slow.error**4 / slow.freedom)
    reach = float(stdtrit(freedom, 0.975) * np.sqrt(variance))
    return Interval(centre - reach, centre + reach)


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


def mean_interval(
    values: NDArray[np.floating],
    settings: ScoreSettings,
    *names: str | int,
    signals: NDArray[np.floating] | None = None,
) -> Interval:
    """Interval of the mean over bins that depend on their neighbours; see `ratio_interval`."""
    return ratio_interval(values, np.ones(len(values)), settings, *names, signals=signals)


def _block_sums(series: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Sum of the `length` bins from each bin on, going round at the end."""
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[: length - 1]]))])
    return np.asarray(total[length:] - total[: len(series)])
