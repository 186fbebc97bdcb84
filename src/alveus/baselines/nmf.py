"""Turns training bins into non-negative parts of their counts, and any bins into how much of each they hold."""

import warnings

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.baseline import Fit, Parameters, Projection
from alveus.baselines.bins import BLOCK_BINS, TrainingBins, negative_values
from alveus.baselines.convergence import converges
from alveus.config.models import Nmf
from alveus.errors import SettingError

SAMPLED_COUNTS = 20_000_000
"""Numbers (bins times units) that a fit sees at the most; it then takes 230 MB. Of longer recordings it sees bins
spread evenly over the training part. Of 200 000 bins, a twelfth gave squared errors 0.1 to 0.3 % above those of
fits to all, in a tenth of the time; as did ten passes of mini-batches over all of them, which took longer."""

CODING_TOLERANCE = 1e-8
"""Share of the first step's violation of the optimum at which coding stops; latents are then off by about 1e-8."""

CODING_STEPS = 1000
"""Steps of coding at the most; 15 are usual."""


def fit_nmf(bins: TrainingBins, settings: Nmf, n_seeds: int) -> list[Fit]:
    """Fit counts ≈ latents · components, both non-negative, by least squares; seeds are random starts.

    Returns
    -------
    One fit per seed: `components` (latent, unit), each of length 1, in the order of what they explain in training.
    A component that no bin needs is 0. Events have a unit of measure each: they are divided by each unit's `size`
    (unit,), the root of its mean square, and `components` are of these.

    Raises
    ------
    SettingError
        When activity is negative, or all of it 0 in training.

    References
    ----------
    Lee & Seung (1999), Nature 401:788; Cichocki & Phan (2009), IEICE Trans. E92-A:708.
    """
    if negative := negative_values(bins.counts):
        raise SettingError(
            f"{negative}: NMF takes counts or events, which never are; for traces use `method: pca`, "
            "`factor_analysis` or `ica`"
        )
    activity = bins.counts[_sampled(bins)].astype(np.float32)
    if not activity.any():
        raise SettingError(
            f"all {activity.shape[1]} units are silent in the {activity.shape[0]} training bins that NMF would be "
            "fitted on: leave the model out"
        )
    if np.issubdtype(bins.counts.dtype, np.integer):
        return [_fit(activity, settings, seed) for seed in range(n_seeds)]
    size = np.sqrt(np.square(activity, dtype=np.float64).mean(0))
    size = np.where(size > 0, size, 1.0).astype(np.float32)  # float32 squares would vanish below 1e-19
    fits = [_fit(activity / size, settings, seed) for seed in range(n_seeds)]
    return [fit._replace(parameters={**fit.parameters, "size": size}) for fit in fits]


def project_nmf(parameters: Parameters, counts: NDArray[np.generic]) -> Projection:
    """Return the latents of bins (n_bins, n_units): the non-negative least-squares weights of the components."""
    from sklearn.decomposition import non_negative_factorization
    from sklearn.exceptions import ConvergenceWarning

    components = parameters["components"].astype(np.float64)
    latents = np.empty((counts.shape[0], components.shape[0]), np.float32)
    size = parameters.get("size", np.ones(1)).astype(np.float64)
    with warnings.catch_warnings():
        # only components that are nearly parallel: what is left to gain is how to share out a bin between them
        warnings.simplefilter("ignore", ConvergenceWarning)
        for first in range(0, counts.shape[0], BLOCK_BINS):
            block = slice(first, first + BLOCK_BINS)
            latents[block] = non_negative_factorization(
                counts[block].astype(np.float64) / size,
                H=components,
                n_components=components.shape[0],
                update_H=False,
                tol=CODING_TOLERANCE,
                max_iter=CODING_STEPS,
            )[0]
    return Projection(latents)


def _sampled(bins: TrainingBins) -> NDArray[np.intp]:
    """Return the numbers of the training bins to fit on."""
    train = np.flatnonzero(bins.train)
    n = max(1, SAMPLED_COUNTS // bins.counts.shape[1])
    return train if train.size <= n else train[np.linspace(0, train.size - 1, n).astype(np.intp)]


def _fit(activity: NDArray[np.float32], settings: Nmf, seed: int) -> Fit:
    from sklearn.decomposition import NMF

    estimator = NMF(settings.latents, init="random", random_state=seed, max_iter=settings.max_steps)
    latents = np.empty(0)

    def fit() -> None:
        nonlocal latents
        latents = estimator.fit_transform(activity)

    notes = []
    if not converges(fit):
        notes.append(f"NMF did not converge within `max_steps` ({settings.max_steps}): raise it")
    components = estimator.components_.astype(np.float64)
    length = np.linalg.norm(components, axis=1)
    energy = np.square(latents, dtype=np.float64).sum(0) * length**2
    order = np.argsort(-energy)
    components = (components / np.where(energy > 0, length, np.inf)[:, None])[order]
    if n_empty := int((energy == 0).sum()):
        notes.append(f"{n_empty} of {settings.latents} components of NMF are empty: ask for fewer latents")
    return Fit({"components": components.astype(np.float32)}, tuple(notes))
