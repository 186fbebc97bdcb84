"""Real-valued activity to its log-likelihood under the model without latents: one density for each unit."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

from alveus.recording.events import SMALLEST_SHAPE, EventStatistics, RunningEvents
from alveus.recording.spread import LEAST_SPREAD, spread_of_units
from alveus.scores.newton import blocks_of

CONSTANT_DENSITY = "one density for each unit, from training"
SHAPE_STEPS = 50  # of Newton's method, at the most; five are usual

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]
"""From activity (n_bins, n_units) to log densities of the same shape [nats]."""


def constant_log_likelihood(
    activity: NDArray[Any], train: NDArray[np.intp], bins: NDArray[np.intp], likelihood: str
) -> Floats:
    """Log-likelihood of bins when every unit has one and the same distribution in all of them.

    Parameters
    ----------
    activity
        (n_bins, n_units).
    train
        Bins that each unit's distribution is fitted on by maximum likelihood.
    bins
        To score.
    likelihood
        ``gaussian`` or ``zero_inflated_gamma``.

    Returns
    -------
    NDArray
        (bins.size,), summed over units [nats]. A density of real numbers has a unit of measure: these numbers
        compare with those of the same likelihood of the same activity alone.
    """
    log_density = FITS[likelihood](activity, train)
    nats = np.zeros(bins.size)
    for at, block in blocks_of(bins, max(1, activity.shape[1])):
        nats[at] = log_density(activity[block].astype(np.float64)).sum(axis=1)
    return nats


def _gaussian(activity: NDArray[Any], train: NDArray[np.intp]) -> LogDensity:
    chosen = np.zeros(activity.shape[0], bool)
    chosen[train] = True
    spread = spread_of_units(activity, chosen)
    least = LEAST_SPREAD * np.abs(spread.mean)  # as the likelihood has it for units that do not vary
    sd = np.maximum(spread.training, np.where((least == 0) & (spread.training == 0), 1.0, least))
    return lambda x: -0.5 * np.square((x - spread.mean) / sd) - np.log(sd) - 0.5 * np.log(2 * np.pi)


def _zero_inflated_gamma(activity: NDArray[Any], train: NDArray[np.intp]) -> LogDensity:
    def blocks() -> Iterator[Floats]:
        for _, block in blocks_of(train, max(1, activity.shape[1])):
            yield activity[block].astype(np.float64)

    running = RunningEvents()
    for block in blocks():
        running.add(block)
    found = running.statistics()
    log_mean = np.zeros(activity.shape[1])
    for block in blocks():
        above = block > found.location
        relative = np.where(above, (block - found.location) / found.size, 1.0)
        log_mean += np.log(relative).sum(axis=0)
    shape = gamma_shape(found.shape, -log_mean / np.maximum(found.n_events, 1))
    return lambda x: _log_events(x, found, shape.clip(SMALLEST_SHAPE, found.largest_shape))


def gamma_shape(start: Floats, gap: Floats) -> Floats:
    """Return the shape of the gamma distribution of largest likelihood, by Newton's method.

    Parameters
    ----------
    start
        Where to begin.
    gap
        Log of the mean less the mean of the log, of what is gamma-distributed; 0 where all values are alike.

    References
    ----------
    Minka (2002), Estimating a Gamma distribution.

    >>> float(gamma_shape(np.ones(1), np.log(np.full(1, 2.5)) - digamma(2.5))[0].round(6))
    2.5
    """
    shape, gap = np.array(start, np.float64), np.maximum(gap, 1e-12)
    for _ in range(SHAPE_STEPS):
        slope = 1 / shape - polygamma(1, shape)
        step = (np.log(shape) - digamma(shape) - gap) / (shape**2 * slope)
        new = 1 / np.maximum(1 / shape + step, 1e-9)
        if np.allclose(new, shape, rtol=1e-10):
            break
        shape = new
    return shape


def _log_events(x: Floats, found: EventStatistics, shape: Floats) -> Floats:
    above = x > found.location
    relative = np.where(above, (x - found.location) / found.size, 1.0)
    gamma = shape * np.log(shape) - gammaln(shape) + (shape - 1) * np.log(relative) - shape * relative
    with np.errstate(divide="ignore", invalid="ignore"):  # of units that have no location, and nothing below it
        below = np.log(found.slip) - np.log(found.location)
    amount = np.where(above, gamma - np.log(found.size) + np.log1p(-found.slip), below)
    return np.where(x > 0, np.log(found.chance) + amount, np.log1p(-found.chance))


FITS: dict[str, Callable[[NDArray[Any], NDArray[np.intp]], LogDensity]] = {
    "gaussian": _gaussian,
    "zero_inflated_gamma": _zero_inflated_gamma,
}
