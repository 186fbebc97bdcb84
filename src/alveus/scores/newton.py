"""Sums of latents and counts to the weights of all units' Poisson regressions at once."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CONVERGED = 1e-4  # nats over the whole session that the last Newton step of a unit promised
MAX_HALVINGS = 20  # of one step; 2^-20 of a Newton step is standing still
BLOCK_NUMBERS = 1 << 18  # numbers in the largest array of a block of bins: 2 MB, which a cache holds

Floats = NDArray[np.float64]


def newton(z: Floats, projected: Floats, mean_rate: Floats, precision: float, max_steps: int) -> Floats:
    """Lower every unit's loss until a step promises next to nothing.

    Parameters
    ----------
    z
        (n_bins, n_latents) of mean 0.
    projected
        (1 + n_latents, n_units) Σ_t (1, z_t) x_t: all that the fit needs of the counts.
    mean_rate
        (n_units,) where to start, above 0.
    precision
        Of the Gaussian prior of the weights; the intercept is free.
    max_steps
        At the most.

    Returns
    -------
    NDArray
        (1 + n_latents, n_units) intercepts and weights.
    """
    width, n_units = projected.shape
    penalty = np.full((width, 1), precision)
    penalty[0] = 0  # the intercept is free
    best = np.zeros((width, n_units))
    best[0] = np.log(mean_rate)
    active = np.arange(n_units)
    # At the mean rate all units share their derivatives, and no pass over the bins is needed.
    outer = np.zeros((width, width))
    outer[0, 0], outer[1:, 1:] = z.shape[0], z.T @ z
    loss = mean_rate * z.shape[0] - best[0] * projected[0]
    gradient = mean_rate * outer[:, :1] - projected
    hessian = mean_rate[:, None, None] * outer + np.diag(penalty[:, 0])
    for number in range(1, max_steps + 1):
        step = -np.linalg.solve(hessian, gradient.T[..., None])[..., 0].T
        promised = -0.5 * (gradient * step).sum(axis=0)
        before, trial = best[:, active], best[:, active] + step
        curvature = number < max_steps
        tried = _derivatives(z, projected[:, active], trial, penalty, curvature=curvature)
        for _ in range(MAX_HALVINGS):
            worse = np.flatnonzero(~(tried[0] <= loss + CONVERGED / 2))  # also where the loss is not a number
            if not worse.size:
                break
            step[:, worse] /= 2
            trial[:, worse] = before[:, worse] + step[:, worse]
            again = _derivatives(z, projected[:, active[worse]], trial[:, worse], penalty, curvature=curvature)
            tried[0][worse], tried[1][:, worse], tried[2][worse] = again
        better = tried[0] <= loss + CONVERGED / 2
        best[:, active[better]] = trial[:, better]
        going = better & (promised > CONVERGED)
        if not going.any():
            break
        active = active[going]
        loss, gradient, hessian = tried[0][going], tried[1][:, going], tried[2][going]
    return best


def _derivatives(
    z: Floats, projected: Floats, coefficients: Floats, penalty: Floats, *, curvature: bool
) -> tuple[Floats, Floats, Floats]:
    """Loss (n_units,), gradient (1 + n_latents, n_units), Hessian (n_units, 1 + n_latents, 1 + n_latents).

    Without curvature the loss alone is computed, and the other two are empty of meaning.
    """
    width, n_units = coefficients.shape
    rows, columns = np.triu_indices(width if curvature else 1)
    sums = np.zeros((rows.size, n_units))  # Σ_t λ_t (1, z_t)(1, z_t)ᵀ, upper triangle
    with np.errstate(over="ignore", invalid="ignore"):  # an overshooting step is found by its loss, and halved
        for at, _ in blocks_of(np.arange(z.shape[0]), max(rows.size, n_units, width)):
            block = np.column_stack([np.ones(len(z[at])), z[at]])
            sums += (block[:, rows] * block[:, columns]).T @ np.exp(block @ coefficients)
        loss = sums[0] - (coefficients * projected).sum(axis=0) + 0.5 * (penalty * coefficients**2).sum(axis=0)
        gradient = np.zeros_like(coefficients)
        hessian = np.zeros((n_units, width, width))
        if curvature:
            gradient = sums[:width] - projected + penalty * coefficients
            hessian[:, rows, columns] = hessian[:, columns, rows] = sums.T
            hessian += np.diag(penalty[:, 0])
    return loss, gradient, hessian


def blocks_of(bins: NDArray[np.intp], numbers_per_bin: int) -> Iterator[tuple[slice, NDArray[np.intp]]]:
    """Cut bins into blocks of bounded memory: for each, its place among the bins, and the bins."""
    size = max(1, BLOCK_NUMBERS // numbers_per_bin)
    for start in range(0, bins.size, size):
        at = slice(start, min(start + size, bins.size))
        yield at, bins[at]
