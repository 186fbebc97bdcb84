"""Turns training bins into principal components of square-rooted counts, and any bins into their latents."""

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.baseline import Fit, Parameters, Projection
from alveus.baselines.bins import TrainingBins
from alveus.baselines.linear import project_linear, signs
from alveus.baselines.moments import Moments, principal_axes, resampled_moments
from alveus.config.models import Pca


def fit_pca(bins: TrainingBins, settings: Pca, n_seeds: int) -> list[Fit]:
    """Fit principal components on the training bins; seeds are resampled blocks of them.

    Returns
    -------
    One fit per seed: `mean` (unit,), `components` (latent, unit) and `explained_variance` (latent,) of the rooted
    counts, as in scikit-learn. A component points where its largest weight is positive. Activity that is no count
    is divided by each unit's standard deviation first, since its units of measure are arbitrary; `components` are
    the weights of the activity as it is.

    References
    ----------
    Pearson (1901), Phil. Mag. 2:559.
    """
    return [Fit(_components(moments, settings.latents)) for moments in resampled_moments(bins, n_seeds)]


def project_pca(parameters: Parameters, counts: NDArray[np.generic]) -> Projection:
    """Return the latents of bins (n_bins, n_units): a point each."""
    return Projection(project_linear(counts, parameters["mean"], parameters["components"]))


def _components(moments: Moments, n_latents: int) -> Parameters:
    variance, axes = principal_axes(moments.scaled)
    components = axes[:n_latents] * signs(axes[:n_latents])[:, None] / moments.scale
    return {
        "mean": moments.mean.astype(np.float32),
        "components": components.astype(np.float32),
        "explained_variance": variance[:n_latents].clip(0).astype(np.float32),
    }
