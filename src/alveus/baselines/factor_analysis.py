"""Turns training bins into loadings and noise variances of square-rooted counts, any bins into their posterior."""

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.baseline import Fit, Parameters, Projection
from alveus.baselines.bins import TrainingBins
from alveus.baselines.convergence import converges
from alveus.baselines.linear import project_linear, signs
from alveus.baselines.moments import Moments, principal_axes, refuse_low_rank, resampled_moments
from alveus.config.models import FactorAnalysis

TOLERANCE = 0.01
"""Gain in log-likelihood [nats, over all training bins] below which a step is the last, as in scikit-learn."""


def fit_factor_analysis(bins: TrainingBins, settings: FactorAnalysis, n_seeds: int) -> list[Fit]:
    """Fit x = mean + loadings·z + noise, z ~ N(0, I), by maximum likelihood; seeds are resampled blocks of bins.

    The likelihood knows the data by their mean and covariance only, so scikit-learn is given a few made-up bins
    that have exactly these. Units are brought to unit variance before and back after it, which changes no maximum
    and makes the scale of a trace irrelevant.

    Returns
    -------
    One fit per seed: `mean` (unit,), loadings `components` (latent, unit) and `noise_variance` (unit,) of the
    rooted counts. Latents come in the order of how well the activity tells them, and point where their largest
    loading is positive. A unit that is constant in training has loadings and a noise variance of 0, and no say.

    Raises
    ------
    SettingError
        When the activity varies along fewer axes than there are latents.

    References
    ----------
    Rubin & Thayer (1982), Psychometrika 47:69; Barber (2012), Bayesian Reasoning and Machine Learning, 21.
    """
    return [_fit(moments, settings) for moments in resampled_moments(bins, n_seeds)]


def project_factor_analysis(parameters: Parameters, counts: NDArray[np.generic]) -> Projection:
    """Return mean and standard deviation of the posterior of bins (n_bins, n_units); the latter is one for all."""
    loadings = parameters["components"].astype(np.float64)
    noise = parameters["noise_variance"].astype(np.float64)
    weights = np.divide(loadings, noise, out=np.zeros_like(loadings), where=noise > 0)
    precision = np.eye(loadings.shape[0]) + weights @ loadings.T
    size = np.sqrt(precision.diagonal())  # up to 1e6, where a unit has hardly any noise of its own
    covariance = np.linalg.inv(precision / np.outer(size, size)) / np.outer(size, size)
    mean = project_linear(counts, parameters["mean"], covariance @ weights)
    return Projection(mean, np.sqrt(covariance.diagonal()).astype(np.float32))


def surrogate_bins(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make bins (n_units + 1, n_units) with a mean of 0 and this covariance (over their number).

    >>> bins = surrogate_bins(np.array([[2.0, 1.0], [1.0, 3.0]]))
    >>> np.allclose(np.cov(bins.T, ddof=0), [[2, 1], [1, 3]]), np.allclose(bins.mean(0), 0)
    (True, True)
    """
    from scipy.linalg import helmert  # an orthonormal basis of what sums to 0

    variance, axes = principal_axes(covariance)
    n = variance.size + 1
    return np.asarray(np.sqrt(n) * helmert(n).T @ (np.sqrt(variance.clip(0))[:, None] * axes))


def _fit(moments: Moments, settings: FactorAnalysis) -> Fit:
    from sklearn import decomposition

    varies = moments.varies
    covariance = moments.covariance[np.ix_(varies, varies)] * (moments.n_bins - 1) / moments.n_bins
    sd = np.sqrt(covariance.diagonal())
    correlation = covariance / np.outer(sd, sd)
    refuse_low_rank(principal_axes(correlation)[0], moments, settings.latents)
    surrogate = surrogate_bins(correlation)
    estimator = decomposition.FactorAnalysis(
        settings.latents,
        tol=TOLERANCE * surrogate.shape[0] / moments.n_bins,  # of all bins; scikit-learn sees fewer
        max_iter=settings.max_steps,
        svd_method="lapack",  # the other one stops short of the maximum, and few bins make this one quick
    )
    converged = converges(lambda: estimator.fit(surrogate))
    loadings = np.zeros((settings.latents, varies.size))
    loadings[:, varies] = estimator.components_ * sd
    noise = np.zeros(varies.size)
    noise[varies] = estimator.noise_variance_ * sd**2
    parameters = {
        "mean": moments.mean.astype(np.float32),
        "components": (loadings * signs(loadings / moments.scale)[:, None]).astype(np.float32),
        "noise_variance": noise.astype(np.float32),
    }
    note = (
        f"factor analysis did not converge within `max_steps` ({settings.max_steps}): raise it, "
        "or ask for fewer latents"
    )
    return Fit(parameters, () if converged else (note,))
