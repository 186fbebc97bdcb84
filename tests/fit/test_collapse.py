"""Posterior collapse on demand, by two mechanisms, each with its own cure and deaf to the other's."""

import numpy as np
import pytest
import torch
from torch import nn

from alveus.config.models import Training, Vae
from alveus.config.networks import MlpEncoder
from alveus.encode.network import posteriors
from alveus.encode.reliance import decoder_reliance, gates
from alveus.fit.data import FitData
from alveus.models import layers
from alveus.models.decoders import FilmDecoder, film
from alveus.scores import ScoreSettings
from alveus.scores.collapse import collapse_rows

from .conftest import train_one

HIDDEN = (64, 64)
STEPS = 1000
TRAINING = Training(device="cpu", batch_size=128, max_steps=STEPS, evaluate_every=100, patience=STEPS)
MLP = {"kind": "mlp", "hidden": HIDDEN}
FILM = {"kind": "film", "hidden": HIDDEN}
SEEDS = (0, 1)

pytestmark = pytest.mark.parametrize("seed", SEEDS)


def simulated(seed: int, n_bins: int = 3000, n_units: int = 100) -> FitData:
    """Latents of pi-VAE's simulation (Zhou & Wei, 2020), and counts that a random network makes of them."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(0, 2 * np.pi, n_bins)
    narrow = 0.3 * np.abs(np.sin(u))
    spread = np.sqrt(np.stack([0.6 - narrow, narrow], 1))
    latents = np.stack([u, 2 * np.sin(u)], 1) + spread * rng.normal(size=(n_bins, 2))
    standardised = (latents - latents.mean(0)) / latents.std(0)
    features = np.tanh(10 * (standardised @ rng.normal(size=(2, 100)) + rng.normal(size=100)))
    rates = np.exp(0.6 * np.tanh(features @ rng.normal(size=(100, n_units)) / 5))
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [7, 1, 2]), n_bins // 10)
    nobody = np.zeros(n_units, bool)
    return FitData(rng.poisson(rates).astype(np.uint8), split, np.zeros(n_bins, np.int32), nobody, 0.02, "d")


def trained(seed, decoder, beta=1.0, change=None):
    """Log-likelihood and KL divergence [nats per bin] of validation bins after training, and the verdict."""
    model = Vae(method="vae", latents=4, encoder=MlpEncoder(hidden=HIDDEN), decoder=decoder, beta=beta)
    data = simulated(seed)
    network, means = train_one(data, model, TRAINING, seed=seed, change=change)
    return means.log_likelihood.item(), means.kl.sum().item(), verdict(network.eval(), data)


def verdict(network, data):
    """What the score says became of the latents."""
    cpu = torch.device("cpu")
    found, reliance = posteriors([network], data, cpu), decoder_reliance([network], data, cpu)
    names = [f"z{j + 1}" for j in range(network.n_latents)]
    rows = collapse_rows(
        found.mean, found.kl, found.prior_variance, data.split, ScoreSettings(), names=names, reliance=reliance,
        openings=gates([network]),
    )  # fmt: skip
    return next(row for row in rows if row.score == "collapse_verdict" and not row.target)


def warm_up(value):
    return {"kind": "warm_up", "value": value, "steps": STEPS // 2}


def skip(gate):
    return {"kind": "skip", "hidden": HIDDEN, "gate": gate}


def with_film(network):
    """Let the latents of a skip decoder modulate its layers."""
    network.decoder.layers = FilmDecoder(4, hidden=HIDDEN)


def test_a_bypass_empties_the_latents_while_the_likelihood_improves_and_only_closing_it_cures(seed):
    likelihood, kl, bypassed = trained(seed, skip(1.0))
    closed_likelihood, closed_kl, cured = trained(seed, skip(0.0))
    assert kl < 0.05
    assert closed_kl > 0.5
    assert likelihood > closed_likelihood + 5
    assert trained(seed, skip(1.0), warm_up(1.0))[1] < 0.05
    assert trained(seed, skip(1.0), change=with_film)[1] < 0.05
    assert (bypassed.value, cured.value) == ("bypassed", "active")
    assert "close the gate" in bypassed.note


@pytest.fixture
def rectified(monkeypatch):
    """Rectifiers in place of exponential linear units."""
    monkeypatch.setattr(layers.nn, "ELU", nn.ReLU)
    monkeypatch.setattr(film, "elu", torch.relu)


@pytest.mark.usefixtures("rectified")
def test_with_rectifiers_a_large_beta_collapses_to_a_local_optimum_that_warm_up_and_film_avoid(seed):
    beta = 4.0
    likelihood, kl, collapsed = trained(seed, MLP, beta)
    assert kl < 0.05
    assert collapsed.value == "collapsed"
    assert "warm-up" in collapsed.note
    for decoder, schedule in ((MLP, warm_up(beta)), (FILM, beta)):
        cured_likelihood, cured_kl, cured = trained(seed, decoder, schedule)
        assert cured.value in ("active", "partly collapsed")
        assert cured_kl > 0.2
        assert cured_likelihood - beta * cured_kl > likelihood - beta * kl + 1  # a local optimum, not the best


def test_exponential_linear_units_do_not_fall_for_that_local_optimum(seed):
    assert trained(seed, MLP, 4.0)[1] > 0.2
