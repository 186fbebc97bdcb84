"""Simulated autocorrelated data to how often 95 % intervals hold the truth and p-values raise a false alarm.

``OMP_NUM_THREADS=1 python validation/coverage.py [SETS]`` prints the tables of docs/guide/validation.md. Signals
are AR(1) with coefficient rho; every number is of 200 simulated sets.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from alveus.scores.intervals import Interval, mean_interval, paired_difference, ratio_interval
from alveus.scores.nulls import circular_shifts, p_value, shifts_go_far
from alveus.scores.ridge import of_array, predict_held_out, ridge_path
from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import shares_of_mcc

RHOS = (0.0, 0.9, 0.97, 0.99, 0.999)
SIZES = (500, 1000, 5000, 20_000)
N_FEATURES = 3
ALPHA = 0.05

Floats = NDArray[np.float64]
Found = tuple[Interval, float]


def ar1(rho: float, n: int, rng: np.random.Generator, columns: int = 1) -> Floats:
    """Draw stationary signals (n, columns) of unit variance."""
    drawn = rng.standard_normal((n, columns))
    drawn[1:] *= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], drawn, axis=0))


def mean(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> Found:
    """Mean of a signal, in truth 0."""
    return mean_interval(ar1(rho, n, rng)[:, 0], settings), 0.0


def difference(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> Found:
    """Difference of two models whose bins share most of their difficulty, in truth 0.1."""
    shared, own_a, own_b = ar1(rho, n, rng, 3).T
    found = paired_difference(shared + 0.3 * own_a + 0.1, shared + 0.3 * own_b, np.ones(n), settings)
    return found.interval, 0.1


def correlation(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> Found:
    """Correlation of a latent with its truth, in truth 0.6."""
    x, noise = ar1(rho, n, rng, 2).T
    shares = shares_of_mcc((0.6 * x + 0.8 * noise)[:, None], x[:, None])
    return mean_interval(shares, settings, signals=x), 0.6


def co_smoothing_ratio(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> Found:
    """Bits per spike of the true rates exp(x / 2 − 1/8), in truth (1/8) / ln 2."""
    log_rate = ar1(rho, n, rng)[:, 0] / 2 - 1 / 8
    spikes = rng.poisson(np.exp(log_rate))
    gain = spikes * log_rate - np.exp(log_rate) + 1.0
    return ratio_interval(gain, np.log(2) * spikes, settings, signals=log_rate), 1 / 8 / np.log(2)


def ridge_r2(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> Found:
    """R² on the second half of a ridge decoder fitted on the first, for that decoder as it came out."""
    x, noise = ar1(rho, 2 * n, rng, N_FEATURES), ar1(rho, 2 * n, rng)
    weights = np.full((N_FEATURES, 1), 0.5)
    y = x @ weights + noise
    predicted, offset, found = _decode(x, y, n)
    true = y[n:]
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=1)
    over = total - ((true - predicted) ** 2).sum(axis=1)
    variance = float(np.sum(weights**2)) + 1.0
    error = float(np.sum((found - weights) ** 2)) + 1.0 + offset**2
    return ratio_interval(over, total, settings, signals=true), 1 - error / variance


def null_correlation(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> float | None:
    """p-value of the correlation of two signals that have nothing to do with each other."""
    x, y = ar1(rho, n, rng, 2).T
    if not shifts_go_far(x):
        return None
    nulls = [abs(_pearson(np.roll(x, shift), y)) for shift in circular_shifts(x, settings)]
    return p_value(abs(_pearson(x, y)), nulls)


def null_r2(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> float | None:
    """p-value of R² of decoding a signal that the features know nothing of."""
    x, y = ar1(rho, 2 * n, rng, N_FEATURES), ar1(rho, 2 * n, rng)

    if not shifts_go_far(y):
        return None

    def r2(target: Floats) -> float:
        predicted, _, _ = _decode(x, target, n)
        true = target[n:]
        return float(1 - ((true - predicted) ** 2).sum() / ((true - true.mean(axis=0)) ** 2).sum())

    return p_value(r2(y), [r2(np.roll(y, shift, axis=0)) for shift in circular_shifts(y, settings)])


def null_difference(rho: float, n: int, rng: np.random.Generator, settings: ScoreSettings) -> float | None:
    """0 where the interval of the difference of two equal models leaves out 0, else 1; None without interval."""
    shared, own_a, own_b = ar1(rho, n, rng, 3).T
    found = paired_difference(shared + 0.3 * own_a, shared + 0.3 * own_b, np.ones(n), settings).interval
    return None if found.low is None or found.high is None else float(found.low <= 0 <= found.high)


INTERVALS: dict[str, Callable[..., Found]] = {
    "mean": mean,
    "paired difference": difference,
    "correlation": correlation,
    "co-smoothing": co_smoothing_ratio,
    "R² of ridge decoding": ridge_r2,
}
NULLS: dict[str, Callable[..., float | None]] = {
    "paired difference": null_difference,
    "correlation": null_correlation,
    "R² of ridge decoding": null_r2,
}


def cover(statistic: str, rho: float, n: int, sets: int) -> tuple[int, int]:
    """Count the sets with an interval, and those whose interval holds the truth."""
    given = held = 0
    for rng, settings in _sets(n, rho, sets):
        interval, truth = INTERVALS[statistic](rho, n, rng, settings)
        if interval.low is not None and interval.high is not None:
            given += 1
            held += interval.low <= truth <= interval.high
    return given, held


def alarm(statistic: str, rho: float, n: int, sets: int) -> tuple[int, int]:
    """Count the sets with a p-value, and those in which it is below 0.05 although there is nothing."""
    p = [NULLS[statistic](rho, n, rng, settings) for rng, settings in _sets(n, rho, sets)]
    known = [x for x in p if x is not None]
    return len(known), sum(x < ALPHA for x in known)


def main(sets: int) -> None:
    """Print both tables."""
    heads = " | ".join(f"n = {n}" for n in SIZES)
    for title, count, names in (
        ("95 % intervals that hold the truth (of how many sets an interval was given)", cover, INTERVALS),
        ("p < 0.05 where there is nothing", alarm, NULLS),
    ):
        print(f"\n{title}\n\n| statistic | rho | {heads} |\n|---|---|{'---|' * len(SIZES)}")
        for name in names:
            for rho in RHOS:
                cells = " | ".join(_cell(*count(name, rho, n, sets), sets) for n in SIZES)
                print(f"| {name} | {rho:g} | {cells} |", flush=True)


def _cell(given: int, counted: int, sets: int) -> str:
    if given < 0.05 * sets:
        return "not estimable" if given == 0 else f"not estimable ({counted} of {given})"
    share = f"{counted / given:.1%}"
    return share if given == sets else f"{share} (of {given / sets:.0%})"


def _sets(n: int, rho: float, sets: int) -> list[tuple[np.random.Generator, ScoreSettings]]:
    return [
        (np.random.default_rng([k, n, int(rho * 1000)]), ScoreSettings(seed=k, resamples=200)) for k in range(sets)
    ]


def _decode(x: Floats, y: Floats, n: int) -> tuple[Floats, float, Floats]:
    """Predict the second half; return the decoder's offset and weights too, read off at 0 and at unit vectors."""
    probes = np.vstack([np.zeros((1, x.shape[1])), np.eye(x.shape[1])])
    features, targets = np.vstack([x, probes]), np.vstack([y, np.zeros((len(probes), 1))])
    bins = np.arange(len(features))
    train, validation = bins < 0.85 * n, (bins >= 0.9 * n) & (bins < n)
    predicted = predict_held_out(
        of_array(features), x.shape[1], targets, train, validation, bins >= n, ridge_path, None
    )
    inside, at = predicted[: -len(probes)], predicted[-len(probes) :]
    return inside, float(at[0, 0]), at[1:] - at[0]


def _pearson(x: Floats, y: Floats) -> float:
    return float(np.corrcoef(x, y)[0, 1])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
