"""A batch that memory does not hold is computed in parts, and nothing but rounding tells."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from alveus.config.models import Autoencoder, Vae
from alveus.encode.encode import encode
from alveus.encode.rates import rates
from alveus.errors import TemporaryError
from alveus.fit import memory
from alveus.fit.batches import batches_for
from alveus.fit.data import Activity
from alveus.fit.fit import fit
from alveus.fit.loop import evaluate
from alveus.fit.memory import Room, memory_told, out_of_memory, room_for
from alveus.fit.run import Run
from alveus.fit.step import drawn, gradients
from alveus.models.build import build_network, seeded
from alveus.models.objectives import LARGEST_BATCH
from alveus.models.vae import VALUES_SMOOTHED
from alveus.models.vae import Vae as VaeNetwork

SMALL = {"encoder": {"hidden": (16,)}, "decoder": {"hidden": (16,)}}
WINDOW = {"kind": "window", "hidden": (16,), "seconds": 0.1}
CONDITIONAL = {"kind": "conditional", "covariates": ("position",), "hidden": (8,)}
MODELS = {
    "poisson": {},
    "negative binomial": {"likelihood": "negative_binomial", "beta": 4.0},
    "gaussian": {"likelihood": {"kind": "gaussian", "variance": "from_latents"}},
    "anisotropic prior, orthonormal decoder": {
        "prior": "anisotropic",
        "decoder": {"kind": "linear", "weights": "orthonormal"},
    },
    "conditional prior": {"prior": CONDITIONAL},
    "product with a conditional prior": {"prior": {**CONDITIONAL, "posterior": "product"}, "encoder": WINDOW},
    "autoregressive prior": {"prior": "autoregressive"},
    "smoothed posterior": {"prior": "autoregressive", "posterior": "smoothed", "encoder": WINDOW},
    "full posterior": {"posterior": "full"},
    "window": {"encoder": WINDOW},
    "film": {"decoder": {"kind": "film", "hidden": (16,)}},
    "inject": {"decoder": {"kind": "inject", "hidden": (16,)}},
    "skip": {"decoder": {"kind": "skip", "hidden": (16,)}},
    "free bits": {"free_bits": 0.3},
    "free bits of stretches": {"free_bits": 0.3, "prior": "autoregressive"},
    "units dropped": {"unit_dropout": 0.3},
    "units dropped of stretches": {"unit_dropout": 0.3, "encoder": WINDOW},
    "score function": {"gradients": "score_function"},
    "score function of stretches": {"gradients": "score_function", "encoder": WINDOW},
    "total correlation": {"objective": "total_correlation", "beta": 5.0},
}


def settings(**choices):
    return Vae(method="vae", latents=2, **(SMALL | choices))


def started(data, model, training):
    """A run at its first step, and its batches: some 600 bins in unequal stretches."""
    conditioned = isinstance(model, Vae) and model.prior.kind == "conditional"
    conditions = np.random.default_rng(1).normal(size=(len(data.split), 3)).astype(np.float32)
    activity = Activity(data.counts, conditions if conditioned else None, torch.device("cpu"))
    network = seeded(
        lambda: build_network(
            model,
            data.held_out.size,
            bin_size=data.bin_size,
            n_conditions=3 * conditioned,
            of_counts=data.of_counts,
        ),
        0,
    )
    bins = batches_for(network, activity, data.split, data.segment)
    network.start_from(
        lambda: activity.blocks(bins.training_bins), lambda: activity.condition_blocks(bins.training_bins)
    )
    run = Run("0", 0, network, training, device=torch.device("cpu"), room=room_for(network, bins))
    return run, bins


def gradient(data, model, training, most, precision="float32"):
    """Gradient of the first batch in one row, its loss, and the running baseline after it."""
    run, bins = started(data, model, training)
    run.room = Room(most, together=run.model.together)
    items = bins.train[: bins.items_per(600)]
    draws = drawn(run, bins, len(items))
    loss = gradients(run, bins, items, draws, run.room.parts(len(items)), precision=precision)
    row = torch.cat([torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in run.parameters])
    return row, loss, getattr(run.model, "baseline", torch.zeros(())), len(run.room.parts(len(items)))


@pytest.mark.parametrize("name", [*MODELS, "autoencoder"])
def test_gradients_of_parts_add_up_to_that_of_the_whole(data, training, name):
    if name == "autoencoder":
        model = Autoencoder(method="autoencoder", latents=2, **SMALL)
    else:
        model = settings(**MODELS[name])
    whole, loss, baseline, n_parts = gradient(data, model, training, 10_000)
    assert n_parts == 1
    most = 4 if len(started(data, model, training)[1].shape(1)) == 2 else 256
    parted, same_loss, same_baseline, n_parts = gradient(data, model, training, most)
    assert n_parts == 3
    assert whole.norm() > 0
    assert (parted - whole).norm() < 1e-5 * whole.norm()
    assert same_loss == pytest.approx(float(loss), rel=1e-5)
    assert same_baseline == pytest.approx(float(baseline), rel=1e-5)
    assert (baseline != 0) == ("score function" in name)


def test_free_bits_look_at_the_whole_batch_not_at_its_parts(data, training):
    """The sum of the parts' own losses would be another objective, and not by rounding alone."""
    model = settings(free_bits=0.3)
    run, bins = started(data, model, training)
    items = bins.train[:600]
    draws = drawn(run, bins, 600)
    alone = []
    for part in Room(200).parts(600):
        gradients(run, bins, items, draws, [part], precision="float32")
        alone.append(torch.cat([p.grad.flatten() for p in run.parameters]) / 3)
    whole = gradient(data, model, training, 600)[0]
    assert (sum(alone) - whole).norm() > 1e-3 * whole.norm()


def test_layers_of_bfloat16_have_gradients_in_parts_too(data, training):
    whole = gradient(data, settings(), training, 600, "bfloat16")[0]
    parted = gradient(data, settings(), training, 200, "bfloat16")[0]
    assert (parted - whole).norm() < 0.02 * whole.norm()


class Scarce:
    """Memory for the activity of a few items; more is refused as torch refuses it."""

    def __init__(self, monkeypatch, error=torch.cuda.OutOfMemoryError):
        self.most, self.refused, self.seen = math.inf, 0, set()
        honest = VaeNetwork.encode

        def encode_if_there_is_room(network, activity, *rest):
            n_items = activity.shape[0]
            self.seen.add(n_items)
            if n_items > self.most:
                self.refused += 1
                raise error("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee the documentation.")
            return honest(network, activity, *rest)

        monkeypatch.setattr(VaeNetwork, "encode", encode_if_there_is_room)


def weights(fitted):
    return [value.double().numpy() for state in (*fitted.seeds, fitted.twin) for value in state.values()]


SHORT = {"max_steps": 20, "evaluate_every": 10}


@pytest.mark.parametrize(
    ("choices", "most"),
    [({"unit_dropout": 0.2, "free_bits": 0.1}, 50), ({"prior": "autoregressive", "encoder": WINDOW}, 1)],
)
@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError, MemoryError, RuntimeError])
def test_training_goes_on_in_parts_when_memory_runs_out(monkeypatch, data, training, choices, most, error):
    model, short = settings(**choices), training.model_copy(update=SHORT)
    whole = fit(data, model, short, n_seeds=1)
    scarce = Scarce(monkeypatch, error)
    scarce.most = most
    parted = fit(data, model, short, n_seeds=1)
    assert scarce.refused > 0
    for one, other in zip(weights(whole), weights(parted), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    told = [note for note in parted.notes if "memory ran out" in note]
    assert any(note.startswith("seed 0, step 0: memory ran out (CUDA out of memory.") for note in told)
    assert any(note.startswith("seed twin, step 0") for note in told)
    assert f"parts of {32 if most == 50 else 1} {'bins' if most == 50 else 'stretch'}," in told[-1]
    assert not any("memory" in note for note in whole.notes)
    for one, other in zip(whole.history, parted.history, strict=True):
        assert other["validation_loss"] == pytest.approx(one["validation_loss"], rel=1e-4)


def test_memory_for_no_item_at_all_is_an_error_to_try_again_that_says_what_to_do(monkeypatch, data, training):
    Scarce(monkeypatch).most = 0
    with pytest.raises(TemporaryError, match=r"evaluation of seed 0: memory does not suffice for 1 bin; .*mem_mb"):
        fit(data, settings(), training, n_seeds=1)


def test_what_total_correlation_compares_is_never_parted(monkeypatch, data, training):
    model = settings(objective="total_correlation", beta=3.0)
    large = training.model_copy(update={"batch_size": 600, **SHORT})
    scarce = Scarce(monkeypatch)
    whole = fit(data, model, large, n_seeds=1)
    scarce.most, scarce.seen = LARGEST_BATCH, set()
    for one, other in zip(weights(whole), weights(fit(data, model, large, n_seeds=1)), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    assert {n for n in scarce.seen if n <= LARGEST_BATCH} == {256, 88, 400 - 256}  # of 600 and of 400 bins
    scarce.most = LARGEST_BATCH - 1
    with pytest.raises(TemporaryError, match="256 bins are compared with each other by objective total_correl"):
        fit(data, model, large, n_seeds=1)


def test_steps_larger_than_the_limit_are_parted_from_the_start_without_a_word(monkeypatch, data, training):
    model, short = settings(), training.model_copy(update=SHORT)
    whole = fit(data, model, short, n_seeds=1)
    scarce = Scarce(monkeypatch)
    monkeypatch.setattr(memory, "MOST_VALUES", 5000)
    parted = fit(data, model, short, n_seeds=1)
    per_bin = 20 + 16 + 4 + 16 + 20  # units, encoder, head, decoder, readout
    assert max(scarce.seen) <= 5000 // (per_bin - 2 * 4)  # the twin has four units less
    for one, other in zip(weights(whole), weights(parted), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    assert parted.notes == whole.notes


@pytest.mark.parametrize(
    "choices",
    [{}, {"encoder": WINDOW}, {"prior": "autoregressive", "posterior": "smoothed"}, {"prior": CONDITIONAL}],
)
def test_latents_and_rates_are_the_same_where_memory_is_scarce(monkeypatch, data, training, choices):
    n_bins = len(data.split)
    if choices.get("prior") == CONDITIONAL:
        rows = np.random.default_rng(1).normal(size=(n_bins, 3)).astype(np.float32)
        data = dataclasses.replace(data, conditions=rows)
    segments = dataclasses.replace(data, segment=np.arange(n_bins, dtype=np.int32) // 100)
    model = settings(**choices)
    fitted = fit(segments, model, training.model_copy(update=SHORT), n_seeds=2)
    plenty = encode(fitted, segments, device="cpu")
    expected = np.concatenate(list(rates(fitted, segments, device="cpu")))
    scarce = Scarce(monkeypatch)
    scarce.most = 300 if model.encoder.kind == "mlp" and model.posterior == "diagonal" else 7  # bins or stretches
    found = encode(fitted, segments, device="cpu")
    denoised = np.concatenate(list(rates(fitted, segments, device="cpu")))
    assert scarce.refused > 0
    np.testing.assert_allclose(denoised, expected, rtol=1e-4, atol=1e-5)
    for name, value in vars(plenty).items():
        assert_alike(getattr(found, name), value, name)


def assert_alike(found, expected, name):
    """Compare arrays, and whatever holds arrays, up to rounding."""
    if isinstance(expected, np.ndarray):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4, err_msg=name)
    elif dataclasses.is_dataclass(expected):
        for part, value in vars(expected).items():
            assert_alike(getattr(found, part), value, f"{name}.{part}")
    else:
        assert found == expected, name


def test_validation_terms_are_the_same_in_parts(data, training):
    run, bins = started(data, settings(encoder=WINDOW), training)
    whole = evaluate(run, bins)
    run.room_to_evaluate = Room(3)
    parted = evaluate(run, bins)
    assert parted.log_likelihood == pytest.approx(float(whole.log_likelihood), rel=1e-6)
    np.testing.assert_allclose(parted.kl, whole.kl, rtol=1e-5)


def test_a_run_taken_up_again_keeps_the_size_of_its_parts(data, training):
    run, _ = started(data, settings(), training)
    run.room.most = 32
    again, _ = started(data, settings(), training)
    again.resume(run.state())
    assert again.room.most == 32


def too_much_for_torch():
    torch.empty(2**50, dtype=torch.uint8)


def too_much_for_numpy():
    np.empty(2**50, np.uint8)


@pytest.mark.parametrize("ask", [too_much_for_torch, too_much_for_numpy])
def test_what_torch_and_numpy_say_without_memory_is_understood(ask):
    with pytest.raises((RuntimeError, MemoryError)) as refused:
        ask()
    assert out_of_memory(refused.value)
    with pytest.raises(TemporaryError, match="fit: memory ran out; give the job more mem_mb"), memory_told("fit"):
        ask()


def test_other_errors_stay_what_they_are():
    def broken(_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        Room(4).attempt(8, broken, doing="fit")
    with pytest.raises(RuntimeError, match="shapes"), memory_told("fit"):
        broken(None)


@pytest.mark.parametrize(("posterior", "smoothing"), [("diagonal", 0), ("smoothed", 2 * VALUES_SMOOTHED)])
def test_numbers_per_bin_are_those_of_all_layers(posterior, smoothing):
    model = settings(prior="autoregressive", posterior=posterior, encoder=WINDOW)
    network = build_network(model, 20, bin_size=0.02, n_conditions=0, of_counts=True)
    layers = 16 + 16 + 4 + 16 + 20  # over units, over time, head, decoder, rates
    assert network.values_per_bin == 20 + layers + smoothing
