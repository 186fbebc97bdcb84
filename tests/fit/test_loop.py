import math

import numpy as np
import pytest
import torch

from alveus.config.networks import WarmUpSchedule
from alveus.errors import SettingError
from alveus.fit import loop
from alveus.fit.fit import fit
from alveus.fit.run import stream
from alveus.fit.schedule import Plateau
from alveus.models.vae import Vae


def poisoned(monkeypatch, steps):
    """Make the loss of some calls no number."""
    honest, calls = Vae.terms, iter(range(10**9))

    def poisonous(*args):
        terms = honest(*args)
        return terms._replace(kl=terms.kl * math.nan) if next(calls) in steps else terms

    monkeypatch.setattr(Vae, "terms", poisonous)


def test_a_loss_that_is_no_number_sends_training_back_to_the_best_weights(monkeypatch, data, model, training):
    poisoned(monkeypatch, {60})
    fitted = fit(data, model, training, n_seeds=1)
    assert any("went back to step 40 with a learning rate of 0.0015" in note for note in fitted.notes)
    assert all(torch.isfinite(value).all() for value in fitted.seeds[0].values())
    losses = [row["validation_loss"] for row in fitted.history if row["seed"] == "0"]
    assert losses[-1] < losses[0]
    assert np.isfinite(losses).all()


def test_a_loss_that_stays_no_number_fails(monkeypatch, data, model, training):
    poisoned(monkeypatch, range(100, 10**9))
    with pytest.raises(SettingError, match=r"seed 0: the loss was no number at step .* nothing is published"):
        fit(data, model, training.model_copy(update={"max_steps": 10_000}), n_seeds=1)


def test_a_learning_rate_that_explodes_fails_or_ends_finite(data, model, training):
    wild = training.model_copy(update={"learning_rate": 1.0, "gradient_clip": 1e9})
    try:
        fitted = fit(data, model, wild, n_seeds=1)
    except SettingError:
        return
    assert all(torch.isfinite(value).all() for value in fitted.seeds[0].values())


def test_an_epoch_shows_every_training_bin_once():
    index = torch.arange(5, 105)
    first, second = loop.shuffled(index, seed=0, epoch=0), loop.shuffled(index, seed=0, epoch=1)
    assert torch.equal(first.sort().values, index)
    assert not torch.equal(first, second)
    assert torch.equal(first, loop.shuffled(index, seed=0, epoch=0))


def test_no_two_streams_of_random_numbers_are_the_same():
    streams = [stream(s, p, e) for s in range(20) for p in range(3) for e in range(50)]
    assert len(set(streams)) == len(streams)


def test_a_loss_that_keeps_falling_never_stops():
    plateau = Plateau(learning_rate=1.0, decay=0.1, patience=1, decays=0)
    assert all(plateau.see(-float(step), step) for step in range(100))
    assert (plateau.stopped, plateau.learning_rate, plateau.best_step) == (False, 1.0, 99)


def warming(model, steps, value=1.0):
    return model.model_copy(update={"beta": WarmUpSchedule(value=value, steps=steps)})


def test_a_schedule_that_outlasts_training_is_refused_in_steps_and_in_epochs(data, model, training):
    with pytest.raises(SettingError, match="settle after 240 steps, but training ends after 240"):
        fit(data, warming(model, 240), training, n_seeds=1)
    brief = training.model_copy(update={"max_epochs": 2})  # of 2000 bins, in steps of 128
    with pytest.raises(SettingError, match=r"settle after 30 steps, .* after 30 \(2 epochs of 15 steps"):
        fit(data, warming(model, 30), brief, n_seeds=1)


def test_a_warm_up_is_told_in_the_history_and_the_best_weights_are_of_afterwards(data, model, training):
    fitted = fit(data, warming(model, 110, value=60.0), training, n_seeds=1)
    rows = [row for row in fitted.history if row["seed"] == "0"]
    assert [row["beta"] for row in rows] == pytest.approx([0, 2400 / 110, 4800 / 110, 60, 60, 60, 60])
    for row in rows:
        assert row["validation_loss"] == pytest.approx(row["beta"] * row["kl"] - row["reconstruction"])
    # before β has settled the loss is that of another objective, and lower than it will ever be again
    assert min(rows, key=lambda row: row["validation_loss"])["step"] < 110
    best = [row["step"] for row in rows if row["best"]]
    assert best[0] == 120
    assert not any("no step improved" in note for note in fitted.notes)
