"""Latents and real-valued activity to one readout for every method: a ridge regression per unit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.recording.spread import Spread, spread_of_units
from alveus.scores.newton import blocks_of
from alveus.scores.parts import TEST, TRAIN, VALIDATION, bins_of
from alveus.scores.ridge import DEFAULT_PENALTY, PENALTIES

VARIANCE_FLOOR = 1e-3  # part of a unit's variance in training that is noise at the least, as for the likelihood
LEAST_SD = 1e-12  # a latent that varies less than this carries no number that float32 could hold

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOutErrors:
    """How well latents explain test bins; every array is (n_test_bins,), summed over the units that vary.

    Parameters
    ----------
    error, total
        Squared errors of the readout and of each unit's mean in training, in units of each unit's variance.
    readout, constant
        Gaussian log-likelihood [nats] around the readout and around the mean, variances from training.
    """

    error: Floats
    total: Floats
    readout: Floats
    constant: Floats

    @property
    def r2(self) -> float:
        """1 − error/total; NaN where nothing varies."""
        total = self.total.sum()
        return float(1 - self.error.sum() / total) if total > 0 else np.nan


class Activity:
    """Activity whose units are compared with each other, and what the fits of all latents need of it.

    Parameters
    ----------
    values
        (n_bins, n_units).
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    """

    def __init__(self, values: NDArray[Any], split: NDArray[np.integer]) -> None:
        self._values = values
        self.train, self.validation, self.test = (bins_of(split, part) for part in (TRAIN, VALIDATION, TEST))
        self.spread: Spread = spread_of_units(values, split == TRAIN)
        self.units = np.flatnonzero(self.spread.varies)
        self.n_constant = values.shape[1] - self.units.size
        self._scale = self.spread.training[self.units]
        self._mean = self.spread.mean[self.units]
        # from units of the variance in training, in which readouts are fitted, to those in which errors add up
        self._weight = self.spread.weight[self.units] * self._scale**2

    def block(self, bins: NDArray[np.intp]) -> Floats:
        """Read bins in units of each unit's standard deviation in training, (n, n_units that vary)."""
        return np.asarray((self._values[bins][:, self.units] - self._mean) / self._scale, np.float64)

    def total(self) -> Floats:
        """Squared distance of test bins from the mean in training, (n_test_bins,), as in `HeldOutErrors`."""
        total = np.zeros(self.test.size)
        for at, bins in blocks_of(self.test, max(1, self.units.size)):
            total[at] = np.square(self.block(bins)) @ self._weight
        return total

    def explain(self, latents: NDArray[np.floating]) -> HeldOutErrors:
        """Fit the readout of all units on training bins, and hold test bins against it.

        The penalty, one for all units, is chosen on validation bins.

        Parameters
        ----------
        latents
            (n_bins, n_latents), finite.
        """
        z = np.asarray(latents[self.train], np.float64)
        offset, scale = z.mean(axis=0), z.std(axis=0)
        scale = np.where(scale > LEAST_SD, scale, 1.0)

        def standardised(bins: NDArray[np.intp]) -> Floats:
            return np.asarray((latents[bins] - offset) / scale, np.float64)

        square, cross, _ = self._moments(self.train, standardised(self.train))
        values, vectors = np.linalg.eigh(square)
        rotated = vectors.T @ cross
        path = [vectors @ (rotated / (values.clip(0) + penalty)[:, None]) for penalty in PENALTIES]
        weights = path[self._chosen(path, standardised(self.validation))]
        noise = 1 - 2 * (weights * cross).sum(axis=0) + (weights * (square @ weights)).sum(axis=0)
        noise = noise.clip(VARIANCE_FLOOR)
        found = HeldOutErrors(*(np.zeros(self.test.size) for _ in range(4)))
        constant = np.log(2 * np.pi * self._scale**2)
        for at, bins in blocks_of(self.test, max(1, self.units.size)):
            x = self.block(bins)
            error, total = np.square(x - standardised(bins) @ weights), np.square(x)
            found.error[at], found.total[at] = error @ self._weight, total @ self._weight
            found.readout[at] = -0.5 * (error / noise + np.log(noise) + constant).sum(axis=1)
            found.constant[at] = -0.5 * (total + constant).sum(axis=1)
        return found

    def _chosen(self, path: list[Floats], z: Floats) -> int:
        if not self.validation.size:
            return DEFAULT_PENALTY
        square, cross, _ = self._moments(self.validation, z)
        errors = [((w * (square @ w)).sum(axis=0) - 2 * (w * cross).sum(axis=0)) @ self._weight for w in path]
        return int(np.argmin(errors))

    def _moments(self, bins: NDArray[np.intp], z: Floats) -> tuple[Floats, Floats, int]:
        """Mean over bins of z zᵀ, (n_latents, n_latents), and of z x, (n_latents, n_units); and their number."""
        cross = np.zeros((z.shape[1], self.units.size))
        for at, block in blocks_of(bins, max(1, self.units.size)):
            cross += z[at].T @ self.block(block)
        return z.T @ z / bins.size, cross / bins.size, bins.size


def constant_note(n_constant: int) -> str:
    """Say how many units were left out for want of variance in training; empty for none."""
    return f"units that do not vary in training, left out: {n_constant}" if n_constant else ""
