"""Posteriors, their prior and what the decoder loses without them to all rows about collapse."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alveus.recording.reliance import Reliance
from alveus.scores.collapse_verdict import SCORE as VERDICT
from alveus.scores.collapse_verdict import Word, verdict_of_latent, verdict_of_model, weigh_latent, word_of
from alveus.scores.decoder_reliance import ALL, decoder_reliance
from alveus.scores.decoder_reliance import SCORE as RELIANCE
from alveus.scores.parts import TEST, bins_of, too_few_bins
from alveus.scores.rows import Row, not_defined, not_estimable
from alveus.scores.settings import ScoreSettings
from alveus.scores.skip_reliance import NO_SIDE, gate, skip_reliance

NO_LIKELIHOOD = "the method has no decoder with a likelihood of its own"
NO_POSTERIOR = "the method has no posterior that could collapse"
NOT_ENCODED = "the latents came without what the decoder loses when they are exchanged"


def collapse_rows(
    mean: NDArray[np.floating],
    kl: NDArray[np.floating] | None,
    prior_variance: NDArray[np.floating] | None,
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    names: Sequence[str],
    prior_mean: NDArray[np.floating] | None = None,
    reliance: Reliance | None = None,
    openings: NDArray[np.floating] | None = None,
) -> list[Row]:
    """Tell what became of every latent, and what the decoder makes of it.

    Parameters
    ----------
    mean
        (n_seeds, n_bins, n_latents) posterior means.
    kl
        (n_seeds, n_bins, n_latents) divergences from the prior [nats]; None for methods without a posterior.
    prior_variance
        (n_seeds, n_latents); None likewise.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of intervals.
    names
        Of the latents.
    prior_mean
        (n_seeds, n_bins, n_latents) of a prior that depends on the bin.
    reliance
        What the decoder loses when latents come from other bins.
    openings
        (n_seeds,) of a skip decoder's gate.

    Returns
    -------
    list of Row
        Of `decoder_reliance`, `skip_reliance`, `gate` and `collapse_verdict`: the model's, then each latent's.
    """
    n_seeds = mean.shape[0]
    opened = (
        [not_defined("gate", NO_SIDE)] if openings is None else [gate(openings, seed=k) for k in range(n_seeds)]
    )
    if why := too_few_bins(split):
        return [*opened, *(not_estimable(score, why) for score in (RELIANCE, "skip_reliance", VERDICT))]
    unknown = NO_LIKELIHOOD if kl is None else NOT_ENCODED
    of_decoder, of_side = _reliance_rows(reliance, settings, names, n_seeds, unknown)
    if kl is None or prior_variance is None:
        verdicts = [not_defined(VERDICT, NO_POSTERIOR)]
    else:
        test = bins_of(split, TEST)
        told = None if prior_mean is None else prior_mean[:, test]
        moved = mean[:, test] if told is None else mean[:, test] - told
        verdicts = _verdicts(
            moved, kl[:, test], prior_variance, told, [*of_decoder, *of_side], settings=settings, names=names
        )
    return [*of_decoder, *of_side, *opened, *verdicts]


def _reliance_rows(
    reliance: Reliance | None, settings: ScoreSettings, names: Sequence[str], n_seeds: int, why: str
) -> tuple[list[Row], list[Row]]:
    """Return the rows of what the decoder loses without its latents, and without its side channel."""
    if reliance is None:
        return [not_defined(RELIANCE, why)], [not_defined("skip_reliance", why)]
    of_latents = [
        row for seed in range(n_seeds) for row in decoder_reliance(reliance, settings, names=names, seed=seed)
    ]
    if reliance.side_lost is None:
        return of_latents, [not_defined("skip_reliance", NO_SIDE)]
    return of_latents, [skip_reliance(reliance, settings, seed=seed) for seed in range(n_seeds)]


def _verdicts(
    moved: NDArray[np.floating],
    kl: NDArray[np.floating],
    prior_variance: NDArray[np.floating],
    told: NDArray[np.floating] | None,
    known: Sequence[Row],
    *,
    settings: ScoreSettings,
    names: Sequence[str],
) -> list[Row]:
    """Return the model's verdict and that of every latent, from arrays of held-out bins and rows of reliance."""
    rows = {(row.score, row.seed, row.target): row for row in known}
    words: list[list[Word]] = []
    verdicts: list[Row] = []
    for seed in range(moved.shape[0]):
        latents = [
            weigh_latent(
                moved[seed, :, j],
                kl[seed, :, j],
                float(prior_variance[seed, j]),
                settings,
                prior_mean=None if told is None else told[seed, :, j],
                reliance=rows.get((RELIANCE, seed, name)),
                names=(name, seed),
            )
            for j, name in enumerate(names)
        ]
        words.append([word_of(latent) for latent in latents])
        verdicts += [
            verdict_of_latent(latent, target=name, seed=seed) for latent, name in zip(latents, names, strict=True)
        ]
    seeds = range(moved.shape[0])
    of_side = [rows.get(("skip_reliance", seed, "")) for seed in seeds]
    of_all = [rows.get((RELIANCE, seed, ALL)) for seed in seeds]
    cost = float(kl.sum(axis=2, dtype=np.float64).mean())
    return [verdict_of_model(words, of_side, of_all, kl=cost), *verdicts]
