"""Posteriors of held-out bins to what latents tell, how they depend on each other and how they leave the prior.

For a prior of independent latents the averaged divergence of the posteriors falls into three parts:
``KL = I(Z;X) + TC + Σ_j KL(q(z_j) ‖ p(z_j))``, where ``q(z)`` is the mixture of the posteriors of all bins.

References
----------
Hoffman & Johnson (2016), ELBO surgery; Chen et al. (2018), Isolating sources of disentanglement in VAEs. Their
estimates from minibatches are biased by about the log of the number of bins; here every sample is weighed by all.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from alveus.scores.aggregate import memory_of
from alveus.scores.conditions import conditions_by_mean
from alveus.scores.information_parts import Parts, Posterior, disagreement, estimate
from alveus.scores.intervals import Interval, mean_interval
from alveus.scores.nulls import SHIFT_FLOOR
from alveus.scores.rows import Row, not_defined, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

INFORMATION, UPPER, DEPENDENCE, MARGINAL = (
    "mutual_information",
    "mutual_information_upper",
    "total_correlation",
    "dimension_kl",
)
SCORES = (INFORMATION, UPPER, DEPENDENCE, MARGINAL)

WIDEST_BRACKET = (
    0.5  # nats; when estimates with and without a bin's own posterior lie farther apart, neither holds
)
BELOW_CAP = 1.0  # nats; n bins cannot show more than log n, and what comes near is cut off by that
FEWEST = 5  # bins independent of each other, as for an interval

NO_POSTERIOR = "the method has no posterior whose divergence from a prior is known bin by bin"
NO_SCALE = "the latents came without the standard deviations of their posterior"
NOT_DIAGONAL = (
    "the posterior is {}: the standard deviations of single latents in single bins do not describe it, and their "
    "mixture would be another one"
)
POSTERIORS = {"full": "of full covariance", "smoothed": "joined over time"}
OVER_TIME = "the prior joins bins: its divergence is one of whole stretches, and does not fall into these parts"
EACH_BIN_ITS_OWN = (
    "the prior depends on the bin, and test bins of one and the same prior are too few for a mixture of their own"
)
NO_FLOOR = "no floor: a code that copies noise carries as much"


def information_rows(
    posterior: Posterior, settings: ScoreSettings, *, names: Sequence[str], seed: int, kind: str = "diagonal"
) -> list[Row]:
    """Estimate the parts of the averaged divergence [nats per bin] on held-out bins.

    ``mutual_information`` weighs samples by the mixture of all bins' posteriors, their own included, and
    is too low on average; ``mutual_information_upper`` leaves out the bins within one autocorrelation length,
    and is too high. ``total_correlation`` and ``dimension_kl`` are of the full mixture, so that the parts add
    up; the interval of the former covers what the bracket leaves open.

    Parameters
    ----------
    posterior
        Of held-out bins.
    settings
        Of intervals and floors.
    names
        Of the latents.
    seed
        Of the fit.
    kind
        ``diagonal``, ``full`` or ``smoothed``.

    Returns
    -------
    list of Row
        One of each score, and of ``dimension_kl`` one a latent. ``not defined`` where the posterior is not
        diagonal, ``not estimable`` where the bracket is wide, or near the log of the number of independent bins.
    """
    if kind != "diagonal":
        return information_not_defined(NOT_DIAGONAL.format(POSTERIORS.get(kind, kind)), seed=seed)
    if not (posterior.scale > 0).all():
        n = int(np.count_nonzero(~(posterior.scale > 0)))
        return information_not_defined(
            f"{n} of {posterior.scale.size} standard deviations are 0: points tell infinitely much", seed=seed
        )
    mean, scale = (np.asarray(values, np.float64) for values in (posterior.mean, posterior.scale))
    near = memory_of(mean, scale)
    groups, given = _groups(posterior, len(mean))
    if (n_apart := len(mean) / (near * len(groups))) < FEWEST:
        told = f" for each of {len(groups)} conditions" if len(groups) > 1 else ""
        why = f"latents forget themselves after {near} bins, so {len(mean)} test bins are {n_apart:.1f}{told}"
        return [not_estimable(score, why, seed=seed) for score in SCORES]
    parts = estimate(posterior, groups, near, settings, seed)
    unlike = disagreement(posterior, parts)
    if unlike:
        return [not_estimable(score, unlike, seed=seed) for score in SCORES]
    return [*_information(parts, settings, seed, given), *_rest(posterior, parts, settings, names, seed, given)]


def information_not_defined(why: str, *, seed: int | None = None) -> list[Row]:
    """Return the row of each score where none makes sense."""
    return [not_defined(score, why, seed=seed) for score in SCORES]


def _groups(posterior: Posterior, n_bins: int) -> tuple[list[NDArray[np.intp]], str]:
    """Sort bins by the prior that holds for them, and say what the parts are given."""
    everything = [np.arange(n_bins)]
    if posterior.prior_mean is None:
        return everything, ""
    found = conditions_by_mean(posterior.prior_mean, posterior.prior_variance)
    if found is None:
        return everything, "covariates"
    return found, "condition"


def _unsure(low: float, high: float, cap: float) -> str:
    """Say why a quantity between two estimates is none to be had; empty where it is."""
    if not high - low <= WIDEST_BRACKET:
        return f"at least {low:.3g} nats with each bin's own posterior in the mixture, {high:.3g} without"
    if low > cap - BELOW_CAP:
        return f"{low:.3g} nats is within 1 of {cap:.3g}, the most that so few independent bins can show"
    return ""


def _information(parts: Parts, settings: ScoreSettings, seed: int, given: str) -> Iterator[Row]:
    low, high = float(parts.information.mean()), float(parts.information_without.mean())
    meant = {"": "", "condition": "I(Z;X|U), given the condition", "covariates": "what covariates tell included"}
    if why := _unsure(low, high, parts.cap):
        yield from (not_estimable(score, why, seed=seed) for score in (INFORMATION, UPPER))
        return
    rest = float(parts.dependence.mean() + parts.marginal.mean(axis=0).sum())
    kl = float(parts.kl.mean())
    adds_up = f"adds up to {low + rest:.3f} of KL {kl:.3f}" if not given else ""
    for score, nats, note in (
        (INFORMATION, parts.information, adds_up),
        (UPPER, parts.information_without, ""),
    ):
        interval = mean_interval(nats, settings, score, seed)
        row = Row(score, "", seed, float(nats.mean()), interval.low, interval.high)
        yield with_note(row, "nats per bin", meant[given], note, NO_FLOOR, interval.note)


def _rest(
    posterior: Posterior, parts: Parts, settings: ScoreSettings, names: Sequence[str], seed: int, given: str
) -> Iterator[Row]:
    if posterior.over_time or given == "covariates":
        why = OVER_TIME if posterior.over_time else EACH_BIN_ITS_OWN
        yield from (not_defined(score, why, seed=seed) for score in (DEPENDENCE, MARGINAL))
        return
    yield _dependence(parts, settings, seed)
    for j, name in enumerate(names):
        yield _marginal(parts, settings, j, name, seed)


def _dependence(parts: Parts, settings: ScoreSettings, seed: int) -> Row:
    if parts.marginal.shape[1] == 1:
        return not_defined(DEPENDENCE, "there is one latent", seed=seed)
    low, high = float(parts.information.mean()), float(parts.information_without.mean())
    if why := _unsure(low, high, parts.cap):
        return not_estimable(DEPENDENCE, f"nor is {INFORMATION}: {why}", seed=seed)
    ends = [
        mean_interval(nats, settings, DEPENDENCE, seed) for nats in (parts.dependence_least, parts.dependence_most)
    ]
    interval = Interval(ends[0].low, ends[1].high, ends[0].note)
    row = Row(
        DEPENDENCE,
        "",
        seed,
        float(parts.dependence.mean()),
        interval.low,
        interval.high,
        parts.floor,
        "" if parts.floor is None else f"{SHIFT_FLOOR} of latents against each other",
    )
    return with_note(row, "nats per bin", parts.no_floor, interval.note)


def _marginal(parts: Parts, settings: ScoreSettings, j: int, name: str, seed: int) -> Row:
    nats, without = parts.marginal[:, j], parts.marginal_without[:, j]
    told = float(parts.latent_information[:, j].mean())
    if why := _unsure(told, told + float((nats - without).mean()), parts.cap):
        return not_estimable(MARGINAL, f"nor is what the latent tells: {why}", target=name, seed=seed)
    interval = mean_interval(nats, settings, MARGINAL, name, seed)
    row = Row(MARGINAL, name, seed, float(nats.mean()), interval.low, interval.high)
    return with_note(row, "nats per bin", "no floor: 0 is a latent spread as its prior", interval.note)
