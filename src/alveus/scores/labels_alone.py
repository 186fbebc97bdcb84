"""The mean of a conditional prior to the scores that labels have without any neuron."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.scores.covariate import Covariate
from alveus.scores.decoding import decoding_competitor
from alveus.scores.intervals import ratio_interval
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.readout import fit_readout
from alveus.scores.rows import Row, with_note
from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import truth_mcc, truth_r2

LABELS = "labels alone"
HOW = "the prior's mean of seed 0, which has seen no neuron"


def labels_alone(
    prior_mean: NDArray[np.floating] | None,
    counts: NDArray[Any] | None,
    behavior: Mapping[str, Covariate],
    truth_latents: NDArray[np.floating] | None,
    split: NDArray[np.integer],
    settings: ScoreSettings,
) -> list[Row]:
    """Score what a model's prior makes of the labels it is given, as if it were latents.

    A model that was shown labels must beat these rows, or its latents are the labels.

    Parameters
    ----------
    prior_mean
        (n_seeds, n_bins, n_latents) of a conditional prior; None: the model saw no labels.
    counts
        (n_bins, n_units), where the activity is counts.
    behavior
        Covariates by name.
    truth_latents
        (n_bins, n_true_latents) of a simulation.
    split
        (n_bins,).
    settings
        Of the intervals.

    Returns
    -------
    list of Row
        Without floors; none for a model that saw no labels.

    References
    ----------
    Zhou & Wei (2020), Learning identifiable and interpretable latent models of high-dimensional neural activity
    using pi-VAE, whose test has this floor at R² 0.90.
    """
    if prior_mean is None or too_few_bins(split):
        return []
    z = prior_mean[0]
    rows = [
        decoding_competitor(z, covariate, split, settings, target=f"{name} from {LABELS}")
        for name, covariate in behavior.items()
    ]
    if truth_latents is not None:
        target = f"mean over true latents from {LABELS}"
        rows += [score(z, truth_latents, split, settings, target=target) for score in (truth_r2, truth_mcc)]
    if counts is not None:
        rows += _bits(z, counts, split, settings)
    return [with_note(row, HOW) for row in rows]


def _bits(
    z: NDArray[np.floating], counts: NDArray[np.integer], split: NDArray[np.integer], settings: ScoreSettings
) -> list[Row]:
    target, test = f"readout from {LABELS}", bins_of(split, TEST)
    fit = fit_readout(z, counts, bins_of(split, TRAIN)).score(z, counts, test)
    gain, bits = fit.readout - fit.mean_rate, np.log(2) * fit.spikes
    if not bits.any():
        return []
    interval = ratio_interval(gain, bits, settings, "bits_per_spike", target)
    row = Row("bits_per_spike", target, None, float(gain.sum() / bits.sum()), interval.low, interval.high)
    return [with_note(row, interval.note)]
