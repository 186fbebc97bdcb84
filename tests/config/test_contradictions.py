"""Settings that exclude each other are refused, and those that rarely are meant are told, each in a sentence."""

import pytest
from pydantic import ValidationError

from alveus.config.contradictions import surprises
from alveus.config.models import Vae

CONDITIONAL = {"kind": "conditional", "time_segments": 4}
LINEAR = {"kind": "linear", "weights": "orthonormal"}


def vae(**settings):
    return Vae(method="vae", latents=3, **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prior": "conditional"}, "a conditional prior needs something to depend on: name `covariates`"),
        (
            {"prior": {**CONDITIONAL, "posterior": "product"}, "posterior": "full"},
            "is defined for `diagonal` only",
        ),
        ({"prior": {"kind": "anisotropic", "variances": [1, 2]}}, "2 for 3 latents: give one a latent"),
        ({"prior": "autoregressive", "posterior": "full"}, "has a closed KL divergence for `diagonal` only"),
        ({"posterior": "smoothed"}, "joins bins by an autoregressive prior: choose prior autoregressive"),
        ({"objective": "total_correlation", "prior": "autoregressive"}, "it needs prior standard or anisotropic"),
        ({"objective": "total_correlation", "prior": CONDITIONAL}, "it needs prior standard or anisotropic"),
        ({"objective": "total_correlation", "encoder": "window"}, "and encoder mlp"),
        ({"objective": "total_correlation", "posterior": "full"}, "is written for posterior diagonal"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        vae(**settings)


def test_all_contradictions_are_named_at_once():
    with pytest.raises(ValidationError) as caught:
        vae(prior="conditional", posterior="full", objective="total_correlation")
    (error,) = caught.value.errors()
    assert error["msg"].count(";") == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prior": "anisotropic"}, "the decoder can absorb the variances"),
        ({"prior": "anisotropic", "decoder": "linear"}, "the decoder can absorb the variances"),
        ({"encoder": "window"}, "a longer window buys nothing"),
        ({"encoder": "window", "prior": CONDITIONAL}, "a longer window buys nothing"),
        ({"decoder": "skip"}, "they collapse unless the gate closes"),
    ],
)
def test_what_works_and_surprises_is_told(settings, words):
    (surprise,) = surprises(vae(**settings))
    assert words in surprise


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"prior": "anisotropic", "decoder": LINEAR},
        {"encoder": "window", "prior": "autoregressive"},
        {"prior": {**CONDITIONAL, "posterior": "product"}},
        {"posterior": "full", "prior": {"kind": "anisotropic", "variances": [1, 2, 3]}, "decoder": LINEAR},
        {"objective": "total_correlation", "beta": 4},
    ],
)
def test_settings_that_go_together_are_let_pass(settings):
    assert list(surprises(vae(**settings))) == []
