"""A model's settings to what contradicts itself, and to what works but surprises."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alveus.config.networks import (
    AnisotropicPrior,
    AutoregressivePrior,
    ConditionalPrior,
    LinearDecoder,
    SkipDecoder,
    StandardPrior,
    TotalCorrelationObjective,
    WindowEncoder,
)

if TYPE_CHECKING:
    from alveus.config.models import Vae


def contradictions(model: "Vae") -> Iterator[str]:
    """Yield what cannot be: settings of which one makes another meaningless."""
    prior = model.prior
    if isinstance(prior, ConditionalPrior):
        if not (prior.covariates or prior.trial_columns or prior.time_segments):
            yield (
                "prior: a conditional prior needs something to depend on: name `covariates` or `trial_columns`, "
                "or give `time_segments`"
            )
        if prior.posterior == "product" and model.posterior == "full":
            yield "posterior: the product with a conditional prior is defined for `diagonal` only"
    given = prior.variances if isinstance(prior, AnisotropicPrior) else ""
    if isinstance(given, tuple) and len(given) != model.latents:
        yield f"prior.variances: {len(given)} for {model.latents} latents: give one a latent"
    if isinstance(prior, AutoregressivePrior) and model.posterior == "full":
        yield (
            "posterior: an autoregressive prior has a closed KL divergence for `diagonal` only: latents that "
            "depend on each other within a bin and across bins would need their covariance over time"
        )
    if model.posterior == "smoothed" and not isinstance(prior, AutoregressivePrior):
        yield "posterior: smoothed joins bins by an autoregressive prior: choose prior autoregressive"
    if isinstance(model.objective, TotalCorrelationObjective):
        if not isinstance(prior, StandardPrior | AnisotropicPrior) or isinstance(model.encoder, WindowEncoder):
            yield (
                "objective: total_correlation compares unrelated bins under a prior that is the same for all: "
                "it needs prior standard or anisotropic, and encoder mlp"
            )
        if model.posterior == "full":
            yield "objective: total_correlation is written for posterior diagonal"


def surprises(model: "Vae") -> Iterator[str]:
    """Yield what is possible, and rarely what was meant."""
    free = not isinstance(model.decoder, LinearDecoder) or model.decoder.weights == "free"
    if isinstance(model.prior, AnisotropicPrior) and free:
        yield (
            "prior anisotropic with a decoder of free scale: the decoder can absorb the variances, so they do not "
            "make the latents identifiable; decoder {kind: linear, weights: orthonormal} is where they bite"
        )
    if isinstance(model.encoder, WindowEncoder) and not isinstance(model.prior, AutoregressivePrior):
        yield (
            "encoder window with a prior that knows no time: every bin's latents are inferred best from that bin, "
            "so a longer window buys nothing; prior autoregressive is what makes it pay"
        )
    if isinstance(model.decoder, SkipDecoder):
        yield (
            "decoder skip passes the activity by the latents: its reconstruction says nothing about them, and "
            "they collapse unless the gate closes"
        )
