"""A dataset's and a fitted model's arrays to all scores of that model."""

from collections.abc import Callable

import numpy as np

from alveus.scores.active_latents import active_latents, is_active
from alveus.scores.co_smoothing import co_smoothing
from alveus.scores.collapse import collapse_rows
from alveus.scores.decoding import decoding
from alveus.scores.densities import constant_log_likelihood
from alveus.scores.disentanglement import disentanglement_rows
from alveus.scores.elbo import elbo
from alveus.scores.identifiability import seed_rows
from alveus.scores.information import NO_POSTERIOR, NO_SCALE, information_not_defined, information_rows
from alveus.scores.information import SCORES as INFORMATION_SCORES
from alveus.scores.information_parts import Posterior
from alveus.scores.kl import kl, kl_per_latent
from alveus.scores.labels_alone import labels_alone
from alveus.scores.log_evidence import log_evidence
from alveus.scores.model_inputs import ModelScoreInputs
from alveus.scores.neighbours import decoding_by_neighbours
from alveus.scores.p_values import with_p_values
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.predictive_check import SCORE as PREDICTIVE_CHECK
from alveus.scores.predictive_check import predictive_check
from alveus.scores.readout import mean_rate_log_likelihood, surprise_note
from alveus.scores.real_valued import (
    CO_SMOOTHING,
    co_smoothing_r2,
    explained_by_readout,
    likelihood_by_decoder,
    r2_by_decoder,
)
from alveus.scores.reconstruction import SCORES, reconstruction_by_decoder, reconstruction_by_readout
from alveus.scores.rows import Row, not_defined, not_estimable, with_note
from alveus.scores.truth import truth_mcc, truth_r2

BYPASSED = "the decoder hears the activity past the latents: log p(x|z) - KL bounds nothing"
NO_LIKELIHOOD = "the method has no decoder with a likelihood of its own"
DENSITY = "the model's likelihood is a density of real numbers, which has no place beside probabilities of counts"


def score_model(inputs: ModelScoreInputs) -> list[Row]:
    """Compute all rows of a model's scores.csv.

    Parameters
    ----------
    inputs
        Arrays of the dataset and the model.

    Returns
    -------
    list of Row
        Scores of held-out fit, collapse, predictive checks, behaviour, truth, information, disentanglement and
        identifiability, in this order.
    """
    return [
        *_held_out_fit(inputs),
        *_evidence(inputs),
        *_posterior(inputs),
        *_collapse(inputs),
        *_predictive(inputs),
        *_behavior(inputs),
        *_truth(inputs),
        *_information(inputs),
        *_disentanglement(inputs),
        *labels_alone(
            inputs.prior_mean,
            inputs.counts if inputs.quantity == "counts" else None,
            inputs.behavior,
            inputs.truth_latents,
            inputs.split,
            inputs.settings,
        ),
        *_identifiability(inputs),
    ]


def _held_out_fit(inputs: ModelScoreInputs) -> list[Row]:
    if inputs.quantity != "counts":
        return _held_out_fit_of_real_values(inputs)
    rows = [_co_smoothing(inputs, "co_smoothing", co_smoothing)]
    rows += reconstruction_by_readout(inputs.mean, inputs.counts, inputs.split, inputs.settings)
    if inputs.log_likelihood is None:
        rows += [not_defined(score, NO_LIKELIHOOD, target="decoder") for score in SCORES]
    elif inputs.likelihood:
        rows += [not_defined(score, DENSITY, target="decoder") for score in SCORES]
    else:
        rows += reconstruction_by_decoder(inputs.log_likelihood, inputs.counts, inputs.split, inputs.settings)
    return rows


def _held_out_fit_of_real_values(inputs: ModelScoreInputs) -> list[Row]:
    data = (inputs.counts, inputs.split, inputs.settings)
    no_counts = f"the activity is {inputs.quantity}, and this score is of counts"
    rows = [
        not_defined("co_smoothing", f"{no_counts}: see {CO_SMOOTHING}", target="held-out units"),
        _co_smoothing(inputs, CO_SMOOTHING, co_smoothing_r2),
        *(not_defined("bits_per_spike", no_counts, target=target) for target in ("readout", "decoder")),
        *explained_by_readout(inputs.mean, *data),
    ]
    if inputs.log_likelihood is None or not inputs.likelihood:
        rows.append(not_defined("log_likelihood", NO_LIKELIHOOD, target="decoder"))
    else:
        rows += likelihood_by_decoder(inputs.log_likelihood, *data, likelihood=inputs.likelihood)
    if inputs.squared_error is None:
        rows.append(
            not_defined("r2", "the method has no decoder that was fitted to the activity", target="decoder")
        )
    else:
        rows += r2_by_decoder(inputs.squared_error, *data)
    return rows


def _co_smoothing(inputs: ModelScoreInputs, score: str, compute: Callable[..., Row]) -> Row:
    target = "held-out units"
    if not inputs.held_out.any() or inputs.held_out.all():
        why = f"{int(inputs.held_out.sum())} of {inputs.held_out.size} units are held out"
        return not_defined(score, why, target=target)
    if inputs.held_in_mean is None:
        return not_defined(score, "the model has no twin fitted on the held-in units", target=target)
    return compute(inputs.held_in_mean, inputs.counts[:, inputs.held_out], inputs.split, inputs.settings)


def _evidence(inputs: ModelScoreInputs) -> list[Row]:
    if why := too_few_bins(inputs.split):
        return [not_estimable("log_evidence", why)]
    if inputs.log_evidence is None or inputs.evidence_bin is None:
        return [not_defined("log_evidence", inputs.no_evidence or "the latents were encoded without it")]
    floor, surprises = None, 0
    bins, train = inputs.evidence_bin.astype(np.intp), bins_of(inputs.split, TRAIN)
    counted = inputs.quantity == "counts"
    if not counted and inputs.likelihood:
        floor = constant_log_likelihood(inputs.counts, train, bins, inputs.likelihood)
    elif counted and not inputs.likelihood:
        floor, _, surprises = mean_rate_log_likelihood(inputs.counts, train, bins)
    given = "" if inputs.prior_mean is None else "what the prior is told of each bin"
    return [
        with_note(
            log_evidence(nats, floor, inputs.settings, seed=seed, given=given, density=inputs.likelihood),
            surprise_note(surprises),
        )
        for seed, nats in enumerate(inputs.log_evidence)
    ]


def _posterior(inputs: ModelScoreInputs) -> list[Row]:
    n_seeds = inputs.mean.shape[0]
    test = bins_of(inputs.split, TEST)
    if why := too_few_bins(inputs.split):
        return [not_estimable(s, why) for s in ("elbo", "kl", "kl_per_latent", "active_latents")]
    rows = []
    if inputs.kl is None or inputs.log_likelihood is None:
        rows.append(not_defined("elbo", "the method has no posterior or no decoder with a likelihood"))
    elif inputs.bypassed:
        rows.append(not_defined("elbo", BYPASSED))
    else:
        rows += [
            elbo(inputs.log_likelihood[seed, test], inputs.kl[seed, test], inputs.settings, seed=seed)
            for seed in range(n_seeds)
        ]
    if inputs.kl is None:
        rows += [not_defined(score, "the method has no posterior") for score in ("kl", "kl_per_latent")]
    else:
        for seed in range(n_seeds):
            rows.append(kl(inputs.kl[seed, test], inputs.settings, seed=seed))
            rows += kl_per_latent(inputs.kl[seed, test], inputs.settings, names=inputs.names, seed=seed)
    if inputs.prior_variance is None:
        rows.append(not_defined("active_latents", "the method has no prior"))
    else:
        moved = inputs.moved
        rows += [
            active_latents(moved[seed, test], inputs.prior_variance[seed], seed=seed) for seed in range(n_seeds)
        ]
    return rows


def _collapse(inputs: ModelScoreInputs) -> list[Row]:
    return collapse_rows(
        inputs.mean,
        inputs.kl,
        inputs.prior_variance,
        inputs.split,
        inputs.settings,
        names=inputs.names,
        prior_mean=inputs.prior_mean,
        reliance=inputs.reliance,
        openings=inputs.gate,
    )


def _predictive(inputs: ModelScoreInputs) -> list[Row]:
    if why := too_few_bins(inputs.split):
        return [not_estimable(PREDICTIVE_CHECK, why)]
    if inputs.predictive is None:
        why = "the method has no prior to draw from, or its decoder needs the activity besides"
        return [not_defined(PREDICTIVE_CHECK, why)]
    return predictive_check(
        inputs.predictive, inputs.counts, inputs.split, inputs.settings, quantity=inputs.quantity
    )


def _behavior(inputs: ModelScoreInputs) -> list[Row]:
    rows = with_p_values(
        [
            row
            for name, covariate in inputs.behavior.items()
            for row in decoding(inputs.mean, covariate, inputs.split, inputs.settings, target=name)
        ]
    )
    return [*rows, *decoding_by_neighbours(inputs.mean, inputs.behavior, inputs.split, inputs.settings)]


def _truth(inputs: ModelScoreInputs) -> list[Row]:
    if inputs.truth_latents is None:
        return []
    return [
        score(inputs.mean[seed], inputs.truth_latents, inputs.split, inputs.settings, seed=seed)
        for seed in range(inputs.mean.shape[0])
        for score in (truth_r2, truth_mcc)
    ]


def _information(inputs: ModelScoreInputs) -> list[Row]:
    if why := too_few_bins(inputs.split):
        return [not_estimable(score, why) for score in INFORMATION_SCORES]
    if inputs.kl is None or inputs.prior_variance is None:
        return information_not_defined(NO_POSTERIOR)
    if inputs.scale is None:
        return information_not_defined(NO_SCALE)
    test = bins_of(inputs.split, TEST)
    return [
        row
        for seed in range(inputs.mean.shape[0])
        for row in information_rows(
            Posterior(
                inputs.mean[seed, test],
                inputs.scale[seed, test],
                inputs.kl[seed, test],
                test,
                inputs.prior_variance[seed],
                None if inputs.prior_mean is None else inputs.prior_mean[seed, test],
                inputs.over_time,
            ),
            inputs.settings,
            names=inputs.names,
            seed=seed,
            kind=inputs.posterior,
        )
    ]


def _disentanglement(inputs: ModelScoreInputs) -> list[Row]:
    active, test = None, bins_of(inputs.split, TEST)
    if inputs.prior_variance is not None and test.size:
        active = np.stack(
            [
                np.broadcast_to(is_active(z[test], inputs.prior_variance[seed]), z.shape[1])
                for seed, z in enumerate(inputs.moved)
            ]
        )
    return disentanglement_rows(
        inputs.mean, inputs.behavior, inputs.split, inputs.settings, names=inputs.names, active=active
    )


def _identifiability(inputs: ModelScoreInputs) -> list[Row]:
    return seed_rows(
        inputs.mean,
        inputs.split,
        inputs.settings,
        prior_variance=inputs.prior_variance,
        prior_mean=inputs.prior_mean,
        names=inputs.names,
        validation_loss=inputs.validation_loss,
        trained=inputs.trained,
    )
