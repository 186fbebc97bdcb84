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
    seeds = range(mean.shape[0])
    rows: list[Row] = []
    of_decoder: dict[tuple[int, str], Row] = {}
    if reliance is None:
        why = NO_LIKELIHOOD if kl is None else NOT_ENCODED
        rows += [not_defined(score, why) for score in (RELIANCE, "skip_reliance")]
    else:
        found = [row for seed in seeds for row in decoder_reliance(reliance, settings, names=names, seed=seed)]
        of_decoder = {(row.seed or 0, row.target): row for row in found}
        rows += found
    sides: list[Row | None] = [None for _ in seeds]
    if reliance is not None and reliance.side_lost is None:
        rows.append(not_defined("skip_reliance", NO_SIDE))
    elif reliance is not None:
        with_side = [skip_reliance(reliance, settings, seed=seed) for seed in seeds]
        rows += with_side
        sides = list(with_side)
    rows += [not_defined("gate", NO_SIDE)] if openings is None else [gate(openings, seed=seed) for seed in seeds]
    if kl is None or prior_variance is None:
        return [*rows, not_defined(VERDICT, NO_POSTERIOR)]
    if why := too_few_bins(split):
        return [*rows, not_estimable(VERDICT, why)]
    test = bins_of(split, TEST)
    words: list[list[Word]] = []
    verdicts: list[Row] = []
    for seed in seeds:
        told = None if prior_mean is None else prior_mean[seed, test]
        moved = mean[seed, test] if told is None else mean[seed, test] - told
        latents = [
            weigh_latent(
                moved[:, j],
                kl[seed, test, j],
                float(prior_variance[seed, j]),
                settings,
                prior_mean=None if told is None else told[:, j],
                reliance=of_decoder.get((seed, name)),
                names=(name, seed),
            )
            for j, name in enumerate(names)
        ]
        words.append([word_of(latent) for latent in latents])
        verdicts += [
            verdict_of_latent(latent, target=name, seed=seed) for latent, name in zip(latents, names, strict=True)
        ]
    of_all = [of_decoder.get((seed, ALL)) for seed in seeds]
    return [*rows, verdict_of_model(words, sides, of_all), *verdicts]
