"""Statistics of draws are those of recordings that `sample` gives, and tell likelihoods apart."""

import dataclasses

import numpy as np
import pytest

from alveus.config.models import Training, Vae
from alveus.encode.predictive import predictive
from alveus.encode.sample import sample
from alveus.fit.data import FitData
from alveus.fit.fit import fit
from alveus.recording.population import N_DRAWS, NOMINAL, statistics_of
from alveus.scores.predictive_check import predictive_check
from alveus.scores.settings import ScoreSettings

from .conftest import AUTOREGRESSIVE, untrained

SPLIT = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [350, 50, 100]), 20)
TARGETS = ("rate", "fano_factor", "correlation", "silent_bins")


def data_of(counts, conditions=None):
    n_bins, n_units = counts.shape
    segment = (np.arange(n_bins) // 2500).astype(np.int32)
    return FitData(counts, SPLIT, segment, np.arange(n_units) % 5 == 0, 0.02, "d", conditions)


def drawn_from(model, random_seed=1, conditions=None):
    """Pretend that a recording drawn from a model was recorded."""
    data = data_of(np.zeros((SPLIT.size, model.n_units), np.uint8), conditions)
    found = sample(model, data.segment, conditions, random_seed=random_seed)
    return dataclasses.replace(data, counts=found.activity)


def check(model, data, random_seed=0):
    found = predictive(model, data, random_seed=random_seed, device="cpu")
    rows = predictive_check(found, data.counts, SPLIT, ScoreSettings())
    return {row.target: row for row in rows}


@pytest.mark.parametrize(
    ("settings", "covariates"),
    [
        ({}, 0),
        ({"likelihood": "negative_binomial"}, 0),
        ({"prior": AUTOREGRESSIVE}, 0),
        ({"prior": {"kind": "conditional", "covariates": ["x"]}}, 1),
    ],
    ids=["poisson", "negative binomial", "autoregressive", "conditional"],
)
def test_what_a_model_draws_passes_its_own_checks(settings, covariates):
    conditions = np.sin(np.arange(SPLIT.size) / 300)[:, None].astype(np.float32) if covariates else None
    model = untrained(n_units=12, n_conditions=covariates, **settings)
    checks = [check(model, drawn_from(model, seed, conditions), 100 + seed) for seed in range(6)]
    for target in TARGETS:
        assert np.mean([one[target].value for one in checks]) > 0.9, target
        assert sum(one[target].high < NOMINAL for one in checks) <= 1, target


def test_statistics_are_those_of_single_draws():
    model = untrained(n_units=12, prior=AUTOREGRESSIVE)
    data = drawn_from(model)
    found = predictive(model, data, device="cpu")
    assert found.drawn.rate.shape == (N_DRAWS, 12)
    assert (SPLIT[found.probe.bins] == 2).all()
    singles = [
        statistics_of(sample(model, data.segment, random_seed=seed).activity[found.probe.bins], found.probe)
        for seed in range(2, 32)
    ]
    for name in TARGETS:
        one, many = getattr(found.drawn, name), np.stack([getattr(single, name) for single in singles])
        error = np.sqrt(one.var(0) / N_DRAWS + many.var(0) / len(singles))
        assert np.median(np.abs(one.mean(0) - many.mean(0)) / error) < 1.5, name
        assert 0.6 < np.median(one.std(0) / many.std(0)) < 1.6, name


def test_the_activity_is_not_looked_at():
    model = untrained(n_units=12)
    data = drawn_from(model)
    one, other = (
        predictive(model, each, device="cpu") for each in (data, dataclasses.replace(data, counts=data.counts * 3))
    )
    for name in TARGETS:
        assert np.array_equal(getattr(one.drawn, name), getattr(other.drawn, name))


def test_what_cannot_be_drawn_from_has_none():
    model = untrained(n_units=12)
    data = drawn_from(model)
    assert predictive(untrained(n_units=12, decoder={"kind": "skip", "hidden": [8]}), data) is None
    assert predictive(dataclasses.replace(model, method="pca"), data) is None
    few = dataclasses.replace(data, split=np.where(np.arange(SPLIT.size) < 19, 2, 0).astype(np.int8))
    assert predictive(model, few) is None


def test_bursting_units_fail_a_poisson_model_and_pass_a_negative_binomial_one():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(SPLIT.size, 2))
    rates = np.exp(0.4 * latents @ rng.normal(size=(2, 20)) - 1.5)
    data = data_of(rng.poisson(rates * rng.gamma(0.5, 2.0, rates.shape)).clip(0, 255).astype(np.uint8))
    training = Training(device="cpu", max_steps=600, evaluate_every=100, learning_rate=5e-3)
    found = {}
    for likelihood in ("poisson", "negative_binomial"):
        net = {"kind": "mlp", "hidden": [32]}
        model = Vae(method="vae", latents=2, likelihood=likelihood, encoder=net, decoder=net)
        found[likelihood] = check(fit(data, model, training, n_seeds=1), data)["fano_factor"]
    assert found["poisson"].high < 0.5
    assert found["negative_binomial"].low > found["poisson"].high
    assert found["negative_binomial"].value > 0.7
    assert found["poisson"].floor < 0.2
