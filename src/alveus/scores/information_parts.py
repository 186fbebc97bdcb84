"""Posteriors of held-out bins to the contributions of single bins to the parts of their divergence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.scores.aggregate import Components, Densities, Sampling, densities, log_mixture
from alveus.scores.nulls import floor_of
from alveus.scores.settings import ScoreSettings

FLOOR_SAMPLES = 512  # of the mixture for each shifted set of latents
STANDARD_ERRORS = 5  # that the parts may miss their sum by
ROUNDING = 2e-3  # nats, and part of the divergence: float32 means, scales and divergences

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """What one fit says of the held-out bins, each N(mean, diag scale²).

    Parameters
    ----------
    mean, scale, kl
        (n_bins, n_latents) and the divergence of each latent from the prior [nats].
    bins
        (n_bins,) their numbers in the recording, rising.
    prior_variance
        (n_latents,) of the prior, whose mean is 0 unless the next says otherwise.
    prior_mean
        (n_bins, n_latents) of a prior that depends on the bin.
    over_time
        Whether the prior joins bins.
    """

    mean: NDArray[np.floating]
    scale: NDArray[np.floating]
    kl: NDArray[np.floating]
    bins: NDArray[np.intp]
    prior_variance: NDArray[np.floating]
    prior_mean: NDArray[np.floating] | None = None
    over_time: bool = False


@dataclass(frozen=True)
class Parts:
    """What single bins add to each part [nats], in the order of time; `_without` their own neighbourhood."""

    information: Floats
    information_without: Floats
    dependence: Floats
    dependence_least: Floats
    dependence_most: Floats
    marginal: Floats
    marginal_without: Floats
    latent_information: Floats
    gap: Floats
    kl: Floats
    cap: float
    floor: float | None
    no_floor: str


def estimate(
    posterior: Posterior, groups: list[NDArray[np.intp]], near: int, settings: ScoreSettings, seed: int
) -> Parts:
    """Estimate the parts in each group of bins of one prior, and put the bins in order again."""
    rng = settings.generator("information", seed)
    sampling = Sampling.of(len(posterior.bins))
    found, order, caps = [], [], []
    floor: tuple[float | None, str] = None, "no floor: bins of one condition are no stretch of time"
    for group in groups:
        components = Components(
            np.asarray(posterior.mean[group], np.float64),
            np.asarray(posterior.scale[group], np.float64),
            posterior.bins[group],
        )
        thin = sampling.thin(components)
        if len(thin.bins) <= sampling.stride // 2:  # too few for a sample, and so for any weight
            continue
        weighed = densities(thin, sampling, near, rng)
        place = np.searchsorted(posterior.bins, thin.bins[weighed.sampled])
        found.append(_contributions(posterior, weighed, place))
        order.append(place)
        caps.append(len(group) * np.log(max(1.0, min(len(thin.bins), len(group) / near))))
        if len(groups) == 1:
            floor = _floor(thin, weighed, sampling.stride, near, settings, seed)
    in_time = np.argsort(np.concatenate(order))
    arrays = {name: np.concatenate([part[name] for part in found])[in_time] for name in found[0]}
    return Parts(**arrays, cap=sum(caps) / len(posterior.bins), floor=floor[0], no_floor=floor[1])


def _contributions(posterior: Posterior, weighed: Densities, place: NDArray[np.intp]) -> dict[str, Floats]:
    """Return the fields of `Parts` that are of single bins; `place` of the sampled ones."""
    own = weighed.own.sum(axis=-1)
    latent, latent_without = weighed.latent.sum(axis=-1), weighed.latent_without.sum(axis=-1)
    kl = np.asarray(posterior.kl[place], np.float64)
    told = weighed.own - weighed.latent  # of each latent alone
    if posterior.prior_mean is None:
        variance = np.asarray(posterior.prior_variance, np.float64)
        points = posterior.mean[place, None] + posterior.scale[place, None] * weighed.noise
        prior = -0.5 * (np.square(points) / variance + np.log(2 * np.pi * variance))
        marginal = weighed.latent - prior
    else:  # the prior's own variance in each bin is not kept, but what the divergence leaves over is the same
        marginal = kl[:, None] - told
    # what is known to average to nothing is taken away where it accounts for chance
    information = _steadied(own - weighed.joint, weighed.noise)
    without = information + weighed.joint - weighed.joint_without
    dependence = weighed.joint - latent
    total = information + dependence + marginal.sum(axis=-1)
    return {
        "information": information.mean(axis=1),
        "information_without": without.mean(axis=1),
        "dependence": dependence.mean(axis=1),
        "dependence_least": (weighed.joint_without - latent).mean(axis=1),
        "dependence_most": (weighed.joint - latent_without).mean(axis=1),
        "marginal": marginal.mean(axis=1),
        "marginal_without": (marginal + weighed.latent_without - weighed.latent).mean(axis=1),
        "latent_information": told.mean(axis=1),
        "gap": total.mean(axis=1) - kl.sum(axis=-1),
        "kl": kl.sum(axis=-1),
    }


def _steadied(nats: Floats, noise: Floats) -> Floats:
    """Take from samples (n, draw) what the squares of their noise explain, which are 1 on average."""
    excess = np.square(noise).reshape(-1, noise.shape[-1]) - 1
    explained, *_ = np.linalg.lstsq(excess, (nats - nats.mean()).ravel(), rcond=None)
    return np.asarray(nats - (excess @ explained).reshape(nats.shape))


def _floor(
    components: Components, weighed: Densities, stride: int, near: int, settings: ScoreSettings, seed: int
) -> tuple[float | None, str]:
    """Total correlation of latents that were shifted in time against each other, or why there is none.

    Each latent keeps its own posteriors, and so its part of the mixture; what they have in common is gone.
    """
    n, n_latents = components.mean.shape
    n_sampled = len(weighed.sampled)
    spacing = n_sampled // (2 * n_latents)
    span = components.bins[-1] - components.bins[0] + 1
    if n_latents == 1 or spacing * stride * (span / n) < near or spacing < 1:
        return (
            None,
            f"no floor: shifts of {n_latents} latents against each other would be shorter than their memory",
        )
    rng = settings.generator("shift", "total_correlation", seed)
    rows = np.arange(0, n_sampled, max(1, n_sampled // FLOOR_SAMPLES))
    points = components.mean[weighed.sampled] + components.scale[weighed.sampled] * weighed.noise[:, 0]
    columns = np.arange(n_latents)
    nulls = []
    for _ in range(settings.shifts):
        shift = 2 * spacing * rng.permutation(n_latents) + rng.integers(0, spacing + 1, n_latents)
        at = (np.arange(n)[:, None] + stride * shift) % n
        shifted = Components(
            np.take_along_axis(components.mean, at, 0),
            np.take_along_axis(components.scale, at, 0),
            components.bins,
        )
        taken = (rows[:, None] + shift) % n_sampled, columns
        joint = log_mixture(points[taken], shifted)
        nulls.append(float((joint - weighed.latent[:, 0][taken].sum(axis=1)).mean()))
    return floor_of(nulls), ""


def disagreement(posterior: Posterior, parts: Parts) -> str:
    """Say by how much the parts miss the averaged divergence; empty where they add up to it."""
    if posterior.over_time:
        return ""
    scale = np.asarray(posterior.scale, np.float64)
    kl, missed = float(parts.kl.mean()), float(parts.gap.mean())
    allowed = ROUNDING * (1 + kl)
    if posterior.prior_mean is None:
        ratio = (np.square(scale) + np.square(np.asarray(posterior.mean, np.float64))) / posterior.prior_variance
        exact = 0.5 * (ratio - 1 - 2 * np.log(scale) + np.log(posterior.prior_variance))
        off = float(np.abs(exact - posterior.kl).sum(axis=1).mean())
        if off > allowed:
            return (
                f"means and standard deviations give divergences that are {off:.3g} nats off those of the model "
                "on average: they are not of one posterior"
            )
    if abs(missed) > STANDARD_ERRORS * float(parts.gap.std()) / np.sqrt(len(parts.gap)) + allowed:
        return f"the parts add up to {kl + missed:.4g} nats, but the averaged divergence is {kl:.4g}"
    return ""
