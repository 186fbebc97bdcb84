"""Posteriors of all bins to the density of their mixture at samples of it, with and without what lies nearby."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.scores.nulls import autocorrelation_length

N_SAMPLES = 2048  # at least so many samples of the mixture; their error is below that of the bins
MAX_COMPONENTS = 16_384  # of the mixture; of more bins every second, third, … is taken, as if no other were there
BLOCK_NUMBERS = 1 << 16  # log densities held at a time: half a megabyte, which stays in the cache
INFORMED = 0.01  # of the posterior's variance; a mean that varies by less carries less than 0.005 nat

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Posteriors of single bins, N(mean, diag scale²), whose equal mixture is the aggregate posterior.

    Parameters
    ----------
    mean, scale
        (n, n_latents).
    bins
        (n,) their numbers in the recording, rising.
    """

    mean: Floats
    scale: Floats
    bins: NDArray[np.intp]


@dataclass(frozen=True)
class Sampling:
    """How many components and samples there are, the same for all bins of a recording.

    Parameters
    ----------
    step
        Of so many bins one is a component.
    stride
        Of so many components one is sampled.
    n_draws
        Samples of each.
    """

    step: int
    stride: int
    n_draws: int

    @classmethod
    def of(cls, n_bins: int) -> "Sampling":
        """Choose for a number of bins."""
        step = -(-n_bins // MAX_COMPONENTS)
        n = -(-n_bins // step)
        stride = max(1, n // N_SAMPLES)
        return cls(step, stride, max(1, -(-N_SAMPLES * stride // n)))

    def thin(self, components: Components) -> Components:
        """Return one in `step`, a whole multiple of `stride`."""
        kept = np.arange(0, len(components.bins), self.step)
        kept = kept[: len(kept) - len(kept) % self.stride]
        return Components(components.mean[kept], components.scale[kept], components.bins[kept])


@dataclass(frozen=True)
class Densities:
    """Log densities at samples of the aggregate posterior [nats], in the order of time.

    Parameters
    ----------
    sampled
        (n_sampled,) the bin that each row of samples is of, by its place among the components.
    own
        (n_sampled, n_draws, n_latents) of each latent under the posterior that the sample was drawn from.
    noise
        (n_sampled, n_draws, n_latents) how many standard deviations it lies from that posterior's mean.
    joint, latent
        (n_sampled, n_draws) and (n_sampled, n_draws, n_latents) under the mixture of all components.
    joint_without, latent_without
        The same under the mixture of those that do not lie near the bin.
    """

    sampled: NDArray[np.intp]
    own: Floats
    noise: Floats
    joint: Floats
    latent: Floats
    joint_without: Floats
    latent_without: Floats


def memory_of(mean: Floats, scale: Floats) -> int:
    """Bins until the latents have forgotten themselves; latents that tell of nothing are left out.

    Parameters
    ----------
    mean, scale
        (n_bins, n_latents) in the order of time.

    Returns
    -------
    int
        1 where bins are independent.
    """
    informed = mean.var(axis=0) > INFORMED * np.square(scale).mean(axis=0)
    return autocorrelation_length(mean[:, informed])


def densities(components: Components, sampling: Sampling, near: int, rng: np.random.Generator) -> Densities:
    """Draw samples of the mixture, evenly over time, and weigh them by all components.

    Parameters
    ----------
    components
        As `Sampling.thin` gives them. Every sample is weighed by all: a minibatch of them has another density.
    sampling
        Which components are sampled.
    near
        Bins less than this apart are left out together: 1 leaves out each sample's own alone.
    rng
        Of the samples.

    Returns
    -------
    Densities
        ``-inf`` without the near ones where there are no others.
    """
    n, n_latents = components.mean.shape
    sampled, n_draws = np.arange(sampling.stride // 2, n, sampling.stride), sampling.n_draws
    noise = rng.standard_normal((len(sampled), n_draws, n_latents))
    mean, scale = (values[sampled, None] for values in (components.mean, components.scale))
    own = -0.5 * (np.square(noise) + np.log(2 * np.pi)) - np.log(scale)
    first = np.searchsorted(components.bins, components.bins[sampled] - near, side="right")
    last = np.searchsorted(components.bins, components.bins[sampled] + near, side="left")
    found = _weighed(
        (mean + scale * noise).reshape(-1, n_latents),
        components,
        np.repeat(first, n_draws),
        np.repeat(last, n_draws),
    )
    shape = (len(sampled), n_draws, n_latents + 1)
    everything, without = (values.reshape(shape) for values in found)
    return Densities(
        sampled, own, noise, everything[..., -1], everything[..., :-1], without[..., -1], without[..., :-1]
    )


def log_mixture(points: Floats, components: Components) -> Floats:
    """Log density of the mixture at points (n, n_latents), (n,) [nats]."""
    n, n_latents = components.mean.shape
    center = components.mean.mean(axis=0)
    mean, precision = components.mean - center, np.square(1 / components.scale)
    constant = 0.5 * np.square(mean / components.scale) + np.log(components.scale)
    # ½ (z − μ)²/σ² as one matrix product; rounding stays below 1e-5 up to 50 sd of a mean and a scale of 1e-4
    terms = np.concatenate([0.5 * precision, -mean * precision], axis=1).T
    offset = constant.sum(axis=1) + 0.5 * n_latents * np.log(2 * np.pi)
    points = points - center
    result = np.empty(len(points))
    step = max(1, BLOCK_NUMBERS // n)
    for start in range(0, len(points), step):
        block = points[start : start + step]
        surprise = np.concatenate([np.square(block), block], axis=1) @ terms
        surprise += offset
        result[start : start + step] = _log_sum(surprise)
    return np.asarray(result - np.log(n))


def _weighed(
    points: Floats,
    components: Components,
    first: NDArray[np.intp],
    last: NDArray[np.intp],
) -> tuple[Floats, Floats]:
    """Return log densities (point, latent and joint) under all components, and without those from first to last.

    Of blocks of points, since all log densities at once would be as many as points times components.
    """
    n, n_latents = components.mean.shape
    center = components.mean.mean(axis=0)
    precision = np.ascontiguousarray((np.sqrt(0.5) / components.scale).T)
    place = (components.mean - center).T * precision
    log_scale = np.ascontiguousarray((np.log(components.scale) + 0.5 * np.log(2 * np.pi)).T)
    points = points - center
    result = np.zeros((2, len(points), n_latents + 1))
    step = max(1, BLOCK_NUMBERS // n)
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        lacking = _Near(first[rows], last[rows], n)
        joint = np.zeros((len(points[rows]), n))
        for j in range(n_latents):
            surprise = points[rows, j, None] * precision[j]
            surprise -= place[j]
            np.square(surprise, out=surprise)
            surprise += log_scale[j]
            joint += surprise
            result[:, rows, j] = lacking.log_means(surprise)
        result[:, rows, -1] = lacking.log_means(joint)
    return result[0], result[1]


class _Near:
    """Components from `first` to `last` of each row, apart from the rest of `n`."""

    def __init__(self, first: NDArray[np.intp], last: NDArray[np.intp], n: int) -> None:
        self.n = n
        self.count = last - first
        widest = np.arange(self.count.max(initial=0))
        self.inside = widest < self.count[:, None]
        self.columns = np.where(self.inside, first[:, None] + widest, first[:, None])  # those outside repeat

    def log_means(self, surprise: Floats) -> tuple[Floats, Floats]:
        """Turn minus log densities (row, component), which are overwritten, to log means: of all, of the far."""
        near = np.full(len(surprise), -np.inf)
        if self.inside.size:
            held = np.where(self.inside, np.take_along_axis(surprise, self.columns, axis=1), np.inf)
            near = _log_sum(held)
            np.put_along_axis(surprise, self.columns, np.inf, axis=1)
        far = _log_sum(surprise)
        n_far = np.log(np.maximum(self.n - self.count, 1))  # without any the log density is -inf anyway
        return np.logaddexp(near, far) - np.log(self.n), far - n_far


def _log_sum(surprise: Floats) -> Floats:
    """Return log Σ exp(−surprise) of each row, and overwrite it."""
    least = surprise.min(axis=1)
    shift = np.where(np.isfinite(least), least, 0.0)
    np.subtract(shift[:, None], surprise, out=surprise)
    np.exp(surprise, out=surprise)
    with np.errstate(divide="ignore"):  # a row of nothing
        return np.asarray(np.log(surprise.sum(axis=1)) - shift)
