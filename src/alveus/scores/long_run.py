"""A series of bins to the standard error of its mean, read off its slowest fluctuations."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

MIN_FREEDOM = 6  # slow fluctuations; an error made of fewer is mostly chance
MAX_FREEDOM = 400  # more make Student's t no narrower, and only reach into faster fluctuations
MIN_BINS = 20
MAX_FALL = 1.2  # the slowest fluctuations may be stronger than those used by this factor, which is corrected for
SINGLE = 16  # coefficients that make a band of their own; faster ones share bands, eight an octave
BANDS_PER_OCTAVE = 8
BAND_WEIGHT = 8  # a band counts as at most so many coefficients: the many fast ones must not decide on the slow
N_TIMES, N_SHARES = 48, 30  # of the grid of correlation times and shares of white noise

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LongRun:
    """Standard error of a mean, and the degrees of freedom of Student's t that goes with it."""

    error: float
    freedom: int


def long_run(series: NDArray[np.floating]) -> LongRun | None:
    """Estimate the standard error of the mean of bins that depend on their neighbours.

    The lowest `freedom` coefficients of a cosine transform are independent of the mean and, for a flat spectrum,
    as variable as it is. How many of them are slow enough is asked of white noise plus one exponentially
    correlated part, averaged over its correlation time and its share by how well they explain the spectrum. The
    mean power is raised by what the spectrum still rises below.

    Parameters
    ----------
    series
        (n,) one contribution per bin.

    Returns
    -------
    LongRun or None
        None where the record is too short for its correlation (as a rule below 25 correlation times).

    References
    ----------
    Müller (2007), A theory of robust long-run variance estimation, J. Econometrics 141; Lazarus, Lewis, Stock &
    Watson (2018), HAR inference: recommendations for practice, J. Bus. Econ. Stat. 36.
    """
    x = np.asarray(series, np.float64)
    n = x.size
    if n < MIN_BINS:
        return None
    centred = x - x.mean()
    if centred.std() <= 1e-12 * np.abs(x).max(initial=0.0):
        return LongRun(0.0, MAX_FREEDOM)
    power = dct(centred, norm="ortho") ** 2
    grid = _grid(n)
    mean_power = np.add.reduceat(power, grid.edges[:-1]) / np.diff(grid.edges)
    scale = grid.inverse @ (grid.weight * mean_power)
    log_likelihood = grid.log_prior - 0.5 * (grid.log_shape + grid.weight.sum() * np.log(scale))
    plausible = np.exp(log_likelihood - log_likelihood.max())
    rise = plausible.sum() / np.tensordot(plausible, grid.flatness, 2)
    usable = np.flatnonzero(rise <= MAX_FALL)
    if not usable.size:
        return None
    freedom = int(grid.freedom[usable[-1]])
    variance = power[1 : freedom + 1].mean() * rise[usable[-1]]
    return LongRun(float(np.sqrt(variance / n)), freedom)


@dataclass(frozen=True)
class _Grid:
    """What depends on the number of bins alone; (share, time, …) for white noise plus one exponential each."""

    edges: NDArray[np.intp]
    weight: Floats
    inverse: Floats
    log_shape: Floats
    log_prior: Floats
    freedom: NDArray[np.intp]
    flatness: Floats


@lru_cache(maxsize=8)
def _grid(n: int) -> _Grid:
    octaves = np.log2(n / SINGLE)
    fast = np.geomspace(SINGLE, n, max(2, int(BANDS_PER_OCTAVE * octaves))).round().astype(int)
    edges = np.unique(np.concatenate([np.arange(1, SINGLE + 1), fast]))
    weight = np.minimum(np.diff(edges), BAND_WEIGHT).astype(np.float64)
    forgotten = 1 - np.exp(-1 / np.geomspace(0.25, n / 8, N_TIMES))[:, np.newaxis]

    def exponential(frequency: Floats) -> Floats:
        """Spectrum of an AR(1) signal, 1 at frequency 0."""
        return np.asarray(
            forgotten**2 / (forgotten**2 + 4 * (1 - forgotten) * np.sin(frequency / 2) ** 2), np.float64
        )

    share = np.concatenate([[0.0], np.geomspace(1e-5, 0.97, N_SHARES), [1.0]])[:, np.newaxis, np.newaxis]
    middle = np.pi * (edges[:-1] + edges[1:] - 1) / (2 * n)
    shape = share + (1 - share) * exponential(middle)
    freedom = np.unique(np.geomspace(MIN_FREEDOM, max(MIN_FREEDOM, min(n // 8, MAX_FREEDOM)), 30).astype(np.intp))
    slow = exponential(np.pi * np.arange(1, freedom[-1] + 1) / n)
    average = np.cumsum(slow, axis=1)[:, freedom - 1] / freedom
    # no slow part at all is as probable beforehand as one of any size and time
    log_prior = np.where(share[..., 0] == 1.0, np.log(N_SHARES + 1), 0.0) + np.zeros(N_TIMES)
    return _Grid(
        edges,
        weight,
        1 / shape,
        np.log(shape) @ weight,
        log_prior,
        freedom,
        share + (1 - share) * average,
    )
