"""Latents and counts to one readout for every method: a ridge-penalised Poisson regression per unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from alveus.scores.newton import blocks_of, newton

WEIGHT_SD = 1.0  # prior sd of a weight: log rate per sd of a latent; binds only where spikes are few
RATE_FLOOR = 1e-6  # counts per bin; a rate of 0 would make one spike impossible
MAX_NEWTON_STEPS = 50
NULL_STEPS = 1  # from the mean rate: enough (to 1 % of a floor) where there is next to nothing to fit
LEAST_SD = 1e-12  # a latent that varies less than this carries no number that float32 could hold

Floats = NDArray[np.float64]
Counts = NDArray[np.integer]


@dataclass(frozen=True)
class HeldOutFit:
    """How well rates explain bins that they were not fitted on; every array is (n_bins,).

    Parameters
    ----------
    readout, mean_rate
        Poisson log-likelihood [nats] of a bin, summed over units, under the readout and under each unit's mean
        rate in training.
    spikes
        Spikes in a bin.
    """

    readout: Floats
    mean_rate: Floats
    spikes: Floats

    @property
    def bits_per_spike(self) -> float:
        """Gain over the mean rate [bits per spike]; NaN without a spike."""
        spikes = self.spikes.sum()
        return float((self.readout - self.mean_rate).sum() / (np.log(2) * spikes)) if spikes else np.nan


@dataclass(frozen=True)
class PoissonReadout:
    """Rates ``exp(intercept + z·weights)`` of the units that spiked in training.

    Parameters
    ----------
    offset, scale
        (n_latents,) mean and standard deviation of the latents in training; weights act on standardised latents.
    intercept
        (n_fitted,) log counts per bin.
    weights
        (n_latents, n_fitted).
    mean_rate
        (n_fitted,) counts per bin in training.
    largest
        (n_fitted,) largest count in training; no rate is predicted above it, for far from the training
        latents an exponential says anything.
    units
        (n_fitted,) index of each fitted unit among all.
    n_silent
        Units without a spike in training: left out, for nothing can be fitted to them.
    """

    offset: Floats
    scale: Floats
    intercept: Floats
    weights: Floats
    mean_rate: Floats
    largest: Floats
    units: NDArray[np.intp]
    n_silent: int

    def score(self, latents: NDArray[np.floating], counts: Counts, bins: NDArray[np.intp]) -> HeldOutFit:
        """Log-likelihood of given bins.

        Parameters
        ----------
        latents
            (n_bins, n_latents).
        counts
            (n_bins, n_units) of the same units as in `fit_readout`.
        bins
            Which bins.
        """
        fit = HeldOutFit(*(np.zeros(bins.size) for _ in range(3)))
        low, high = np.log(RATE_FLOOR), np.log(np.maximum(self.largest, RATE_FLOOR))
        log_mean = np.log(np.maximum(self.mean_rate, RATE_FLOOR))
        for at, block in blocks_of(bins, max(1, self.units.size)):
            x = counts[block][:, self.units]
            log_rate = np.clip(self.intercept + self._standardise(latents[block]) @ self.weights, low, high)
            constant = _log_factorials(x).sum(axis=1)
            x = x.astype(np.float64)
            fit.readout[at] = (x * log_rate).sum(axis=1) - np.exp(log_rate).sum(axis=1) - constant
            fit.mean_rate[at] = x @ log_mean - np.exp(log_mean).sum() - constant
            fit.spikes[at] = x.sum(axis=1)
        return fit

    def rates(self, latents: NDArray[np.floating]) -> Floats:
        """Return expected counts of the fitted units, (n_bins, n_fitted)."""
        low, high = np.log(RATE_FLOOR), np.log(np.maximum(self.largest, RATE_FLOOR))
        log_rate = self.intercept + self._standardise(latents) @ self.weights
        return np.asarray(np.exp(np.clip(log_rate, low, high)))

    def _standardise(self, latents: NDArray[np.floating]) -> Floats:
        return np.asarray((latents - self.offset) / self.scale, np.float64)


def mean_rate_log_likelihood(
    counts: Counts, train: NDArray[np.intp], bins: NDArray[np.intp]
) -> tuple[Floats, Floats, int]:
    """Log-likelihood of bins under each unit's mean rate in training, over all units, silent ones too.

    Returns
    -------
    log_likelihood
        (n_bins,) [nats].
    spikes
        (n_bins,).
    surprises
        Spikes of units that were silent in training; they meet the rate floor.
    """
    n_units = counts.shape[1]
    total = np.zeros(n_units)
    for _, block in blocks_of(train, n_units):
        total += counts[block].sum(axis=0)
    log_mean = np.log(np.maximum(total / max(1, train.size), RATE_FLOOR))
    log_likelihood, spikes, surprises = np.zeros(bins.size), np.zeros(bins.size), 0
    for at, block in blocks_of(bins, n_units):
        x = counts[block]
        log_likelihood[at] = x @ log_mean - np.exp(log_mean).sum() - _log_factorials(x).sum(axis=1)
        spikes[at] = x.sum(axis=1)
        surprises += int(x[:, total == 0].sum())
    return log_likelihood, spikes, surprises


def fit_readout(
    latents: NDArray[np.floating],
    counts: Counts,
    train: NDArray[np.intp],
    *,
    weight_sd: float = WEIGHT_SD,
    max_steps: int = MAX_NEWTON_STEPS,
) -> PoissonReadout:
    """Fit the readout of all units at once, by Newton's method with step halving.

    Minimises, for each unit, ``Σ_t (λ_t − x_t log λ_t) + |w|² / (2·weight_sd²)``: scikit-learn's
    ``PoissonRegressor(alpha=1 / (n_bins · weight_sd²))`` on standardised latents.

    Parameters
    ----------
    latents
        (n_bins, n_latents), finite.
    counts
        (n_bins, n_units) whole numbers.
    train
        Bins to fit on.
    weight_sd
        Standard deviation of the Gaussian prior of the weights.
    max_steps
        Newton steps at the most; `NULL_STEPS` are enough where latents and counts are unrelated.

    Returns
    -------
    PoissonReadout

    References
    ----------
    McCullagh & Nelder (1989), Generalized linear models; as the common readout of latents, Pei et al. (2021),
    Neural Latents Benchmark '21.
    """
    z = np.asarray(latents[train], np.float64)
    offset, scale = z.mean(axis=0), z.std(axis=0)
    scale = np.where(scale > LEAST_SD, scale, 1.0)
    z = (z - offset) / scale
    total, largest = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for _, block in blocks_of(train, counts.shape[1]):
        x = counts[block]
        total += x.sum(axis=0)
        largest = np.maximum(largest, x.max(axis=0))
    units = np.flatnonzero(total > 0)
    projected = np.zeros((z.shape[1] + 1, units.size))  # Σ_t (1, z_t) x_t: all that the fit needs of the counts
    for at, block in blocks_of(train, counts.shape[1]):
        x = counts[block][:, units].astype(np.float64)
        projected[0] += x.sum(axis=0)
        projected[1:] += z[at].T @ x
    mean_rate = total[units] / train.size
    coefficients = newton(z, projected, mean_rate, 1 / weight_sd**2, max_steps)
    return PoissonReadout(
        offset,
        scale,
        coefficients[0],
        coefficients[1:],
        mean_rate,
        largest[units],
        units,
        counts.shape[1] - units.size,
    )


def silent_note(n_silent: int) -> str:
    """Say how many units were left out for want of a spike in training; empty for none."""
    return f"units silent in training, left out: {n_silent}" if n_silent else ""


def surprise_note(surprises: int) -> str:
    """Say how many test spikes the mean rate could not foresee; empty for none."""
    return f"{surprises} test spikes of units silent in training count as gain" if surprises else ""


def _log_factorials(counts: Counts) -> Floats:
    table = gammaln(np.arange(int(counts.max(initial=0)) + 1) + 1.0)
    return np.asarray(table[counts])
