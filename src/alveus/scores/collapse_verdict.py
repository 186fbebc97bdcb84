"""What is known of every latent to a word for what became of it, and one for the model, each with its sentence."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alveus.scores.active_latents import ACTIVE_SHARE
from alveus.scores.intervals import mean_interval
from alveus.scores.rows import Row
from alveus.scores.settings import ScoreSettings

SCORE = "collapse_verdict"

NEGLIGIBLE_KL = 0.01
"""Nats per bin. The activity and a latent share no more information than the latent's mean KL divergence: below
this no decoder can gain from it."""

LEAST_RETURN = 0.01
"""Part of its KL divergence that a latent must give back in log-likelihood. At β = 1 one that is worth having
gives back all of it and more; with less than this the decoder ignores it, however surely the rest is not 0."""

LEAST_BESIDE_SIDE = 0.01
"""Part of what the decoder loses without its side channel that it must lose without its latents: a channel that
carries all the rest hides their collapse."""

Word = Literal["active", "ignored", "collapsed", "conditionally collapsed"]
ModelWord = Literal[
    "active", "partly collapsed", "ignored", "collapsed", "conditionally collapsed", "bypassed", "seeds disagree"
]

CURES: dict[ModelWord, str] = {
    "active": "",
    "partly collapsed": "spare latents are switched off: fewer would do",
    "ignored": "the posterior moves, but the decoder makes nothing of it: train longer, or use a decoder that "
    "cannot ignore its latents (film)",
    "collapsed": "nothing passes the latents by, so this is a local optimum, or units share nothing: try a "
    "warm-up of beta, a lower beta, or decoder film",
    "conditionally collapsed": "the posterior only repeats what the prior is told: the latents tell nothing of "
    "the activity beyond the covariates",
    "bypassed": "the decoder hears the activity past the latents and needs none: close the gate; a warm-up of "
    "beta or decoder film will not help",
    "seeds disagree": "fits have different fates: look at each seed, and try a warm-up of beta",
}
"""What to make of each word, and to do."""


@dataclass(frozen=True)
class LatentEvidence:
    """What speaks for and against a latent of one fit.

    Parameters
    ----------
    kl
        Mean KL(q ‖ p) [nats per bin].
    share
        Variance of the posterior mean (less the prior's, where that depends on the bin) over the prior's variance.
    surely_moves
        Whether that share is above 0.01 with the whole of its interval.
    prior_share
        The same share of the prior's mean, where it depends on the bin.
    reliance
        Row of `decoder_reliance`; None where it is not known.
    """

    kl: float
    share: float
    surely_moves: bool
    prior_share: float = 0.0
    reliance: Row | None = None


def weigh_latent(
    moved: NDArray[np.floating],
    divergence: NDArray[np.floating],
    prior_variance: float,
    settings: ScoreSettings,
    *,
    prior_mean: NDArray[np.floating] | None = None,
    reliance: Row | None = None,
    names: Sequence[str | int] = (),
) -> LatentEvidence:
    """Collect what is known of one latent.

    Parameters
    ----------
    moved
        (n_bins,) posterior means of held-out bins, less the prior's where it depends on the bin.
    divergence
        (n_bins,) KL divergences [nats].
    prior_variance
        λ.
    settings
        Of the interval.
    prior_mean
        (n_bins,) of a prior that depends on the bin.
    reliance
        Row of `decoder_reliance`.
    names
        For a generator of its own.
    """
    moved = np.asarray(moved, np.float64)
    squares = (moved - moved.mean()) ** 2 / prior_variance
    interval = mean_interval(squares, settings, SCORE, *names)
    # one bin far out moves the variance, and no bound on it: such a latent says nothing of the others
    surely = float(squares.mean()) if interval.low is None else interval.low
    told = 0.0 if prior_mean is None else float(np.var(prior_mean, dtype=np.float64)) / prior_variance
    kl = float(np.mean(divergence, dtype=np.float64))
    return LatentEvidence(kl, float(squares.mean()), surely > ACTIVE_SHARE, told, reliance)


def word_of(latent: LatentEvidence) -> Word:
    """Say what became of a latent.

    ``active``: it tells of the activity, and the decoder makes use of it. ``ignored``: it moves with the activity,
    but the decoder loses nothing without it. ``conditionally collapsed``: it moves only as the covariates say that
    the prior is told. ``collapsed``: its posterior is the same in every bin.
    """
    relied = relied_upon(latent)
    if latent.surely_moves:
        if relied is False:
            return "ignored" if latent.kl > NEGLIGIBLE_KL else "collapsed"
        return "active"
    if latent.prior_share > ACTIVE_SHARE:
        return "conditionally collapsed"
    # a mean that hardly moves can do so by more than the posterior is wide, or the spread can move
    return "active" if relied and latent.kl > NEGLIGIBLE_KL else "collapsed"


def relied_upon(latent: LatentEvidence) -> bool | None:
    """Tell whether the decoder loses more than its floor without a latent; None where that is not known."""
    row, value = latent.reliance, _number(latent.reliance)
    if row is None or value is None:
        return None
    surely = value if row.low is None else row.low
    return surely > 0 and value > max(row.floor or 0.0, LEAST_RETURN * latent.kl)


def verdict_of_latent(latent: LatentEvidence, *, target: str, seed: int) -> Row:
    """Return the word for a latent with its sentence."""
    word = word_of(latent)
    numbers = f"KL {latent.kl:.3g} nats per bin, its mean moves by {latent.share:.3g} of the prior's variance"
    lost = _number(latent.reliance)
    if lost is None:
        loss = "whether the decoder uses it is not known"
    else:
        told = " (with what the covariates tell)" if latent.prior_share > ACTIVE_SHARE else ""
        loss = f"the decoder loses {lost:.3g} nats per bin without it{told}"
    says = {
        "active": "it tells of the activity" + ("" if latent.surely_moves else ", though its mean hardly moves"),
        "ignored": "it moves with the activity, but the decoder ignores it",
        "conditionally collapsed": "it only repeats what the prior is told",
        "collapsed": "its posterior says about the same of every bin"
        + (
            ": what it costs is a mismatch with the prior, or a few bins far out, and tells nothing"
            if latent.kl > NEGLIGIBLE_KL
            else ""
        ),
    }[word]
    return Row(SCORE, target, seed, word, note=f"{says}: {numbers}, {loss}")


def word_of_fit(words: Sequence[Word], side: Row | None = None, of_all: Row | None = None) -> ModelWord:
    """Say what became of the latents of one fit.

    Parameters
    ----------
    words
        Of its latents.
    side
        Row of `skip_reliance`; None without a side channel.
    of_all
        Row of `decoder_reliance` of all latents; None where it is not known.
    """
    counts = Counter(words)
    beside, without = _number(side), _number(of_all)
    hidden = beside is not None and without is not None and without < LEAST_BESIDE_SIDE * beside
    if _heard(side) and (hidden or not counts["active"]):
        return "bypassed"
    if counts["active"]:
        return "active" if counts["active"] == len(words) else "partly collapsed"
    if counts["conditionally collapsed"]:
        return "conditionally collapsed"
    return "ignored" if counts["ignored"] else "collapsed"


def verdict_of_model(
    words: Sequence[Sequence[Word]], sides: Sequence[Row | None], reliance: Sequence[Row | None], *, kl: float
) -> Row:
    """Return the word for a model, which speaks for all its fits, with its sentence.

    Parameters
    ----------
    words
        Of the latents of each fit.
    sides
        Row of `skip_reliance` of each fit; None without a side channel.
    reliance
        Row of `decoder_reliance` of all latents of each fit; None where it is not known.
    kl
        Of all latents together, mean over fits [nats per bin].
    """
    fits = [word_of_fit(*of_fit) for of_fit in zip(words, sides, reliance, strict=True)]
    different = set(fits)
    if len(different) == 1:
        (word,) = different
    else:
        word = "partly collapsed" if different <= {"active", "partly collapsed"} else "seeds disagree"
    active = [sum(w == "active" for w in each) for each in words]
    low, high = min(active), max(active)
    of = f"{low if low == high else f'{low} to {high}'} of {len(words[0])} latents active"
    others = Counter(w for each in words for w in each if w != "active")
    told = f" (others: {', '.join(f'{n} {w}' for w, n in others.most_common())})" if others else ""
    parts = [f"{of} in {len(fits)} {'fit' if len(fits) == 1 else 'fits'}{told}"]
    if len(different) > 1:
        parts.append(", ".join(f"{w} in {n} of {len(fits)}" for w, n in Counter(fits).most_common()))
    parts += [f"their KL is {kl:.3g} nats per bin", _compared(sides, reliance), CURES[word]]
    return Row(SCORE, "", None, word, note="; ".join(part for part in parts if part))


def _heard(side: Row | None) -> bool:
    """Tell whether a side channel is relied upon."""
    value = _number(side)
    if side is None or value is None:
        return False
    return (value if side.low is None else side.low) > 0


def _compared(sides: Sequence[Row | None], reliance: Sequence[Row | None]) -> str:
    """Say what the decoder loses without its latents, and without its side channel, on average over fits."""
    latents, side = _mean(reliance), _mean(sides)
    if latents is None:
        return ""
    beside = "" if side is None else f", {side:.3g} without its side channel"
    return f"the decoder loses {latents:.3g} nats per bin without its latents{beside}"


def _mean(rows: Sequence[Row | None]) -> float | None:
    values = [value for row in rows if (value := _number(row)) is not None]
    return float(np.mean(values)) if values else None


def _number(row: Row | None) -> float | None:
    return row.value if row is not None and isinstance(row.value, float) else None
