import dataclasses
import re

import numpy as np
import pytest
import torch

from alveus.baselines.methods import BASELINES
from alveus.config.document import METHODS
from alveus.config.models import TRAINED, Autoencoder, FactorAnalysis, Ica, Nmf, Pca, Training, Vae
from alveus.encode.encode import encode
from alveus.errors import ArtefactError, SettingError
from alveus.fit.data import FitData, as_tensor
from alveus.fit.device import choose_device
from alveus.fit.fit import fit
from alveus.fit.fitted import HISTORY_COLUMNS, FittedModel


@pytest.fixture(scope="module")
def fitted(data, model, training) -> FittedModel:
    return fit(data, model, training, n_seeds=2)


def same(a: FittedModel, b: FittedModel) -> bool:
    pairs = zip((*a.seeds, a.twin), (*b.seeds, b.twin), strict=True)
    return all(s.keys() == t.keys() and all(torch.equal(s[k], t[k]) for k in s) for s, t in pairs)


def test_two_runs_give_the_same_weights_bit_by_bit(data, model, training, fitted):
    assert same(fitted, fit(data, model, training, n_seeds=2))


def test_more_seeds_leave_the_first_as_they_were(data, model, training, fitted):
    one = fit(data, model, training, n_seeds=1)
    assert all(torch.equal(one.seeds[0][name], value) for name, value in fitted.seeds[0].items())
    assert not torch.equal(fitted.seeds[0]["decoder.layers.0.weight"], fitted.seeds[1]["decoder.layers.0.weight"])


def test_the_twin_sees_only_units_that_are_not_held_out(data, model, training, fitted):
    assert fitted.twin["inputs.mean"].shape == (16,)
    held_out = data.counts.copy()
    held_out[:, data.held_out] = np.random.default_rng(1).integers(0, 9, (3000, 4))
    again = fit(dataclasses.replace(data, counts=held_out), model, training, n_seeds=1)
    assert all(torch.equal(again.twin[name], value) for name, value in fitted.twin.items())


def test_test_bins_have_no_influence(data, model, training, fitted):
    changed = data.counts.copy()
    changed[(data.split == 2) | (data.split == -1)] = 0
    assert same(fit(dataclasses.replace(data, counts=changed), model, training, n_seeds=2), fitted)


@pytest.mark.parametrize("posterior", ["diagonal", "smoothed"])
def test_test_bins_have_no_influence_on_a_model_that_looks_around_either(data, training, posterior):
    model = Vae(
        method="vae", latents=2, encoder={"kind": "window", "hidden": (16,)}, prior="autoregressive",
        posterior=posterior, decoder={"kind": "mlp", "hidden": (16,)},
    )  # fmt: skip
    short = training.model_copy(update={"max_steps": 20, "evaluate_every": 10})
    changed = data.counts.copy()
    changed[data.split == 2] = 0
    one = fit(data, model, short, n_seeds=1)
    assert same(one, fit(dataclasses.replace(data, counts=changed), model, short, n_seeds=1))
    changed[data.split == -1] = 0  # bins of a gap may be looked at: they are nobody's targets
    assert not same(one, fit(dataclasses.replace(data, counts=changed), model, short, n_seeds=1))


def test_history_has_one_row_per_evaluation_and_its_terms_add_up(fitted):
    assert [row["step"] for row in fitted.history if row["seed"] == "twin"] == [0, 40, 80, 120, 160, 200, 240]
    assert {row["seed"] for row in fitted.history} == {"0", "1", "twin"}
    for row in fitted.history:
        assert tuple(row) == HISTORY_COLUMNS
        assert row["validation_loss"] == pytest.approx(row["beta"] * row["kl"] - row["reconstruction"])


def test_reaching_the_limit_of_steps_is_noted(fitted):
    assert sum("reached its limit of 240 steps" in note for note in fitted.notes) == 3


def test_training_stops_when_the_validation_loss_stalls(data, model, training):
    eager = training.model_copy(update={"max_steps": 20_000, "patience": 1, "decays": 1, "evaluate_every": 20})
    fitted = fit(data, model, eager, n_seeds=1)
    rates = [row["learning_rate"] for row in fitted.history if row["seed"] == "0"]
    assert rates[0] == 5e-3
    assert rates[-1] == pytest.approx(5e-3 * 0.3)
    assert not any("limit" in note for note in fitted.notes)


def test_wider_counts_train_to_the_same_weights(data, model, training, fitted):
    wide = dataclasses.replace(data, counts=data.counts.astype(np.uint16))
    assert same(fit(wide, model, training, n_seeds=2), fitted)


@pytest.mark.parametrize(
    ("dtype", "largest", "kept"),
    [(np.uint8, 255, torch.uint8), (np.uint16, 9, torch.int16), (np.uint16, 65535, torch.int32)],
)
def test_counts_keep_their_values_on_the_device(dtype, largest, kept):
    counts = np.array([[0, largest]], dtype)
    counts.flags.writeable = False
    tensor = as_tensor(counts)
    assert tensor.dtype == kept
    assert tensor.tolist() == [[0, largest]]


@pytest.mark.parametrize("method", BASELINES)
def test_baselines_go_the_same_way(data, training, method):
    model = METHODS[method](method=method, latents=3)
    fitted = fit(data, model, training, n_seeds=3)
    assert len(fitted.seeds) == 3
    assert fitted.seeds[0]["components"].shape == (3, 20)
    assert fitted.twin["components"].shape == (3, 16)
    assert fitted.history == []
    assert fitted.notes == []
    assert same(fitted, fit(data, model, training, n_seeds=3))
    one = fit(data, model, training, n_seeds=1)
    assert all(torch.equal(one.seeds[0][name], value) for name, value in fitted.seeds[0].items())


@pytest.mark.parametrize("method", BASELINES)
def test_baselines_too_know_only_training_bins_and_the_twin_no_held_out_unit(data, training, method):
    model = METHODS[method](method=method, latents=3)
    fitted = fit(data, model, training, n_seeds=2)
    changed = np.where((data.split == 0)[:, None], data.counts, 9).astype(np.uint8)
    assert same(fit(dataclasses.replace(data, counts=changed), model, training, n_seeds=2), fitted)
    changed = np.where(data.held_out, data.counts[::-1], data.counts)
    again = fit(dataclasses.replace(data, counts=changed), model, training, n_seeds=1)
    assert all(torch.equal(again.twin[name], value) for name, value in fitted.twin.items())


def test_notes_of_a_baseline_name_the_seed(data, training):
    fitted = fit(data, Nmf(method="nmf", latents=3, max_steps=1), training, n_seeds=2)
    assert [note.split(":")[0] for note in fitted.notes] == ["seed 0", "seed 1", "seed twin"]
    assert all("did not converge within `max_steps` (1)" in note for note in fitted.notes)


def test_every_method_of_the_config_can_be_fitted():
    assert set(METHODS) == {*BASELINES, *TRAINED}


@pytest.mark.parametrize("model", [FactorAnalysis(method="factor_analysis"), Ica(method="ica"), Pca(method="pca")])
def test_traces_below_zero_suit_all_but_nmf(data, training, model):
    traces = dataclasses.replace(data, counts=data.counts.astype(np.float32) - 1)
    assert len(fit(traces, model, training, n_seeds=1).seeds) == 1
    with pytest.raises(SettingError, match=r"are negative, in 20 of 20 units.*use `method: pca`"):
        fit(traces, Nmf(method="nmf"), training, n_seeds=1)


@pytest.mark.parametrize("latents", [16, 20, 100])
@pytest.mark.parametrize("section", [Pca, Vae])
def test_as_many_latents_as_units_are_refused(data, training, section, latents):
    model = section(method=section.__name__.lower(), latents=latents)
    with pytest.raises(SettingError, match=rf"{latents} latents for 16 units .*set `latents` to 15"):
        fit(data, model, training, n_seeds=1)


def test_a_single_unit_is_refused(data, model, training):
    single = dataclasses.replace(data, counts=data.counts[:, :1], held_out=np.zeros(1, bool))
    with pytest.raises(SettingError, match="1 unit, too few for latents"):
        fit(single, model, training, n_seeds=1)


@pytest.mark.parametrize("kind", ["poisson", "negative_binomial"])
def test_a_likelihood_of_counts_on_events_is_refused(data, training, kind):
    events = dataclasses.replace(data, counts=data.counts.astype(np.float32) / 3)
    with pytest.raises(SettingError, match="choose gaussian, or for events zero_inflated_gamma"):
        fit(events, Vae(method="vae", latents=2, likelihood=kind), training, n_seeds=1)


def test_a_likelihood_of_events_is_refused_on_counts_and_below_zero(data, training):
    model = Vae(method="vae", latents=2, likelihood="zero_inflated_gamma")
    with pytest.raises(SettingError, match="the activity is counts: choose poisson or negative_binomial"):
        fit(data, model, training, n_seeds=1)
    traces = data.counts.astype(np.float32)
    traces[7, 3] = -0.25
    with pytest.raises(SettingError, match=r"1 of 60000 values are negative, in 1 of 20 units, down to -0\.25"):
        fit(dataclasses.replace(data, counts=traces), model, training, n_seeds=1)


UNITS = 2.0 ** np.linspace(-30, 30, 20).round().astype(np.float32)
"""Units of measure of 20 units; powers of 2, so that nothing is rounded."""


@pytest.mark.parametrize(
    "model",
    [
        Pca(method="pca", latents=2),
        Ica(method="ica", latents=2),
        FactorAnalysis(method="factor_analysis", latents=2),
        Nmf(method="nmf", latents=2),
        Autoencoder(method="autoencoder", latents=2),
        Vae(method="vae", latents=2, likelihood="gaussian"),
        Vae(method="vae", latents=2, likelihood={"kind": "gaussian", "variance": "from_latents"}),
        Vae(method="vae", latents=2, likelihood="zero_inflated_gamma"),
        Vae(method="vae", latents=2, likelihood="gaussian", prior={"kind": "anisotropic", "variances": "pca"}),
    ],
    ids=lambda model: "-".join([model.method, *([model.likelihood.kind] if hasattr(model, "likelihood") else [])]),
)
def test_latents_of_events_do_not_depend_on_the_units_of_measure(data, training, model):
    rng = np.random.default_rng(0)
    events = (data.counts * rng.gamma(2.0, 0.5, data.counts.shape)).astype(np.float32)
    short = training.model_copy(update={"max_steps": 40, "evaluate_every": 20})
    one, other = (
        encode(fit(part, model, short, n_seeds=1), part, device="cpu")
        for part in (dataclasses.replace(data, counts=events * unit) for unit in (np.float32(1), UNITS))
    )
    np.testing.assert_allclose(other.mean, one.mean, atol=2e-3 * np.abs(one.mean).max())
    np.testing.assert_allclose(other.held_in_mean, one.held_in_mean, atol=2e-3 * np.abs(one.held_in_mean).max())
    if one.log_likelihood is not None:  # of a density, which the unit of measure divides
        density = events > 0 if model.likelihood.kind == "zero_inflated_gamma" else np.ones_like(events)
        expected = one.log_likelihood - density @ np.log(UNITS)
        np.testing.assert_allclose(other.log_likelihood[0], expected[0], rtol=1e-3, atol=0.05)


def test_a_session_without_validation_bins_is_refused(data, model, training):
    split = np.where(data.split == 1, -1, data.split).astype(np.int8)
    with pytest.raises(SettingError, match="none of the 3000 bins is a validation bin"):
        fit(dataclasses.replace(data, split=split), model, training, n_seeds=1)


def test_a_split_of_another_length_is_refused(data):
    with pytest.raises(ArtefactError, match="'split' of length 7"):
        FitData(data.counts, data.split[:7], data.segment, data.held_out, 0.02, "")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_cuda_without_a_gpu_is_refused_and_auto_says_what_it_does(data, model):
    with pytest.raises(SettingError, match=r"training\.device is cuda.*auto or cpu"):
        fit(data, model, Training(device="cuda"), n_seeds=1)
    device, note = choose_device("auto")
    assert device.type == "cpu"
    assert note is not None
    assert note.startswith("computed on the CPU")
    assert choose_device("cpu") == (torch.device("cpu"), None)


def test_the_noise_of_gradients_is_noted_for_one_seed_where_asked_for(data, model, training):
    asked = model.model_copy(update={"measure_gradients": True})
    short = training.model_copy(update={"max_steps": 40})
    plain, fitted = fit(data, model, short, n_seeds=2), fit(data, asked, short, n_seeds=2)
    assert same(plain, fitted)  # measuring changes no weight, also not of the seeds that follow
    (note,) = set(fitted.notes) - set(plain.notes)
    found = re.search(
        r"variance (\S+) with reparameterization, (\S+) with the score function .*\((\S+) times", note
    )
    straight, scored, ratio = map(float, found.groups())
    assert note.startswith("seed 0: ")
    assert ratio == pytest.approx(scored / straight, rel=0.02)
    assert ratio > 10
