"""A dataset's arrays to the scores that need no model: count statistics, competitors and ceilings."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.scores.ceiling import supervised_ceiling
from alveus.scores.covariate import Covariate
from alveus.scores.decoding import decoding_competitor
from alveus.scores.deconvolution import DeconvolutionScoreInputs, deconvolution_r
from alveus.scores.fano_factor import QUANTILES, fano_factor
from alveus.scores.likelihood_choice import likelihood_choice
from alveus.scores.neighbours import competitor_by_neighbours
from alveus.scores.parts import too_few_bins
from alveus.scores.principal_components import principal_components
from alveus.scores.rate_competitors import Trials, rate_competitors
from alveus.scores.rows import Row, not_defined
from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import truth_mcc, truth_r2

Quantity = Literal["counts", "events", "dff"]

N_COMPONENTS = 8  # principal components beside raw counts as competitor in decoding


@dataclass(frozen=True)
class SessionScoreInputs:
    """What is known of a session before any model.

    Parameters
    ----------
    counts
        (n_bins, n_units) counts, or real numbers where the quantity is events or ΔF/F.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    segment
        (n_bins,) stretches without a gap.
    bin_size
        Width of a bin [s].
    quantity
        What `counts` holds.
    behavior
        Covariates by name.
    truth_latents, truth_ceiling
        (n_bins, n_true_latents) of a simulation, and what the best method could infer.
    truth_ceiling_name
        How the ceiling was computed.
    deconvolution
        Events beside true spikes, where those are known.
    settings
        How floors and intervals are drawn.
    held_out
        (n_units,) units that co-smoothing predicts from the others.
    trials
        Which trial each bin belongs to, where there are trials.
    """

    counts: NDArray[Any]
    split: NDArray[np.integer]
    segment: NDArray[np.integer]
    bin_size: float
    quantity: Quantity = "counts"
    behavior: dict[str, Covariate] = field(default_factory=dict)
    truth_latents: NDArray[np.floating] | None = None
    truth_ceiling: NDArray[np.floating] | None = None
    truth_ceiling_name: str = ""
    deconvolution: DeconvolutionScoreInputs | None = None
    settings: ScoreSettings = field(default_factory=ScoreSettings)
    held_out: NDArray[np.bool_] | None = None
    trials: Trials | None = None


def score_session(inputs: SessionScoreInputs) -> list[Row]:
    """Compute the session's own rows of scores.csv.

    Competitors in decoding carry their name in the target: ``position from raw counts``.

    Parameters
    ----------
    inputs
        The session's arrays.

    Returns
    -------
    list of Row
    """
    of_events = [] if inputs.deconvolution is None else deconvolution_r(inputs.deconvolution)
    return [
        *_fano_rows(inputs),
        *of_events,
        *_competitor_rows(inputs),
        *_ceiling_rows(inputs),
        *_rate_rows(inputs),
    ]


def _fano_rows(inputs: SessionScoreInputs) -> list[Row]:
    if inputs.quantity != "counts":
        why = f"the activity is {inputs.quantity} in arbitrary units, not counts"
        return [not_defined("fano_factor", why, target=target) for target in QUANTILES]
    return fano_factor(inputs.counts, inputs.settings)


def _competitor_rows(inputs: SessionScoreInputs) -> list[Row]:
    if not inputs.behavior:
        return []
    raw = "raw counts" if inputs.quantity == "counts" else f"raw {inputs.quantity}"
    competitors: dict[str, NDArray[Any]] = {raw: inputs.counts}
    if not too_few_bins(inputs.split):
        n_components = min(N_COMPONENTS, inputs.counts.shape[1])
        name = f"{n_components} principal components of {raw.removeprefix('raw ')}"
        competitors[name] = principal_components(inputs.counts, inputs.split, n_components)
    rows = [
        decoding_competitor(features, covariate, inputs.split, inputs.settings, target=f"{name} from {competitor}")
        for name, covariate in inputs.behavior.items()
        for competitor, features in competitors.items()
    ]
    for competitor, features in competitors.items():
        rows += competitor_by_neighbours(
            features, inputs.behavior, inputs.split, inputs.settings, competitor=competitor
        )
    return rows


def _rate_rows(inputs: SessionScoreInputs) -> list[Row]:
    """Score what predicts counts without a model, and choose between likelihoods."""
    if inputs.quantity != "counts" or too_few_bins(inputs.split):
        return []
    n_units = inputs.counts.shape[1]
    held_out = np.zeros(n_units, bool) if inputs.held_out is None else inputs.held_out
    data = (inputs.counts, inputs.split, inputs.segment, held_out, inputs.settings)
    return [
        *rate_competitors(*data, bin_size=inputs.bin_size, trials=inputs.trials),
        *_likelihood_rows(inputs, held_out),
    ]


def _likelihood_rows(inputs: SessionScoreInputs, held_out: NDArray[np.bool_]) -> list[Row]:
    """Choose the likelihood by units whose rates follow from others: rates that saw a count also fit its noise."""
    apart = bool(held_out.any() and not held_out.all())
    seen = inputs.counts[:, ~held_out] if apart else inputs.counts
    n_components = min(N_COMPONENTS, seen.shape[1])
    whose = "of held-in units" if apart else "of these very counts"
    return likelihood_choice(
        principal_components(seen, inputs.split, n_components),
        inputs.counts[:, held_out] if apart else inputs.counts,
        inputs.split,
        inputs.settings,
        given=f"{n_components} principal components {whose}",
    )


def _ceiling_rows(inputs: SessionScoreInputs) -> list[Row]:
    if inputs.truth_latents is None:
        return []
    rows = []
    if inputs.truth_ceiling is not None:
        target = f"ceiling ({inputs.truth_ceiling_name})"
        rows += [
            score(inputs.truth_ceiling, inputs.truth_latents, inputs.split, inputs.settings, target=target)
            for score in (truth_r2, truth_mcc)
        ]
    rows.append(
        supervised_ceiling(
            inputs.counts,
            inputs.segment,
            inputs.truth_latents,
            inputs.split,
            inputs.settings,
            bin_size=inputs.bin_size,
        )
    )
    return rows
