"""Turns training bins into independent components of square-rooted counts, and any bins into their latents."""

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.baseline import Fit, Parameters, Projection
from alveus.baselines.bins import TrainingBins, root
from alveus.baselines.convergence import converges
from alveus.baselines.linear import project_linear, signs
from alveus.baselines.moments import Moments, principal_axes, refuse_low_rank, resampled_moments
from alveus.config.models import Ica


def fit_ica(bins: TrainingBins, settings: Ica, n_seeds: int) -> list[Fit]:
    """Fit FastICA on the leading principal components of the training bins; seeds are random starts.

    Needs the memory of the latents of the training bins, twice, whatever the number of units and seeds.

    Returns
    -------
    One fit per seed: `mean` (unit,) and the unmixing weights `components` (latent, unit) of the rooted counts.
    Latents have a variance of 1 in training, come in the order of the variance they explain, and point where the
    largest weight of their mixing is positive: ICA itself knows no order, sign or scale. Activity that is no count
    is divided by each unit's standard deviation before its principal components are taken.

    Raises
    ------
    SettingError
        When the activity varies along fewer axes than there are latents.

    References
    ----------
    Hyvärinen (1999), IEEE Trans. Neural Netw. 10:626.
    """
    moments = resampled_moments(bins, 1)[0]
    variance, axes = principal_axes(moments.scaled)
    refuse_low_rank(variance, moments, settings.latents)
    spread, axes = np.sqrt(variance[: settings.latents])[:, None], axes[: settings.latents]
    white = _training_latents(bins, moments.mean, axes / spread / moments.scale)
    return [_fit(white, moments, axes, spread, settings, seed) for seed in range(n_seeds)]


def project_ica(parameters: Parameters, counts: NDArray[np.generic]) -> Projection:
    """Return the latents of bins (n_bins, n_units): a point each."""
    return Projection(project_linear(counts, parameters["mean"], parameters["components"]))


def _training_latents(
    bins: TrainingBins, mean: NDArray[np.float64], axes: NDArray[np.float64]
) -> NDArray[np.float32]:
    latents = np.empty((int(bins.train.sum()), axes.shape[0]), np.float32)
    done = 0
    for block in bins.blocks():
        n = block.stop - block.start
        latents[done : done + n] = (root(bins.counts[block]) - mean) @ axes.T
        done += n
    return latents


def _fit(
    white: NDArray[np.float32],
    moments: Moments,
    axes: NDArray[np.float64],
    spread: NDArray[np.float64],
    settings: Ica,
    seed: int,
) -> Fit:
    from sklearn.decomposition import FastICA

    estimator = FastICA(whiten=False, max_iter=settings.max_steps, random_state=seed)
    converged = converges(lambda: estimator.fit(white))
    rotation = estimator.components_.astype(np.float64)  # orthonormal, since the latents are white
    mixing = rotation @ (axes * spread)
    order = np.argsort(-(mixing**2).sum(1))
    components = (rotation @ (axes / spread) * signs(mixing)[:, None])[order] / moments.scale
    note = (
        f"FastICA did not converge within `max_steps` ({settings.max_steps}): sources that are nearly Gaussian "
        "cannot be told apart; ask for fewer latents, or raise it"
    )
    parameters = {"mean": moments.mean.astype(np.float32), "components": components.astype(np.float32)}
    return Fit(parameters, () if converged else (note,))
