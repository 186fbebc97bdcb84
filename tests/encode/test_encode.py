import dataclasses

import numpy as np
import pytest
import scipy.stats
import torch

from alveus.baselines.methods import BASELINES
from alveus.config.document import METHODS
from alveus.config.models import FactorAnalysis, Training, Vae
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.encode.encode import Encoding, encode
from alveus.encode.network import BLOCK_BINS, N_SAMPLES, load_network
from alveus.errors import ArtefactError
from alveus.fit.data import FitData
from alveus.fit.fit import fit
from alveus.fit.fitted import FittedModel

TRAINING = Training(device="cpu", batch_size=256, max_steps=500, evaluate_every=50, learning_rate=5e-3)


@pytest.fixture(scope="module")
def data() -> FitData:
    """5000 bins (more than two blocks) of 15 units that two latents drive."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(5000, 2))
    counts = rng.poisson(np.exp(latents @ rng.normal(size=(2, 15)))).clip(0, 255).astype(np.uint8)
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [350, 50, 100]), 10)
    return FitData(counts, split, np.zeros(5000, np.int32), np.arange(15) % 5 == 0, 0.02, "d")


@pytest.fixture(scope="module")
def fitted(data) -> FittedModel:
    net = {"hidden": (32,)}
    model = Vae(method="vae", latents=2, encoder=MlpEncoder(**net), decoder=MlpDecoder(**net))
    return fit(data, model, TRAINING, n_seeds=2)


@pytest.fixture(scope="module")
def encoding(data, fitted) -> Encoding:
    return encode(fitted, data, device="cpu")


def test_latents_have_the_shapes_that_are_stored(encoding):
    assert encoding.mean.shape == encoding.scale.shape == encoding.kl.shape == (2, 5000, 2)
    assert encoding.log_likelihood.shape == (2, 5000)
    assert encoding.held_in_mean.shape == (5000, 2)
    assert encoding.prior_mean is None
    assert encoding.log_evidence.shape == (2, 1000)
    assert encoding.evidence_bin.dtype == np.int64
    assert encoding.reliance.lost.shape == (2, 1000, 3)
    assert encoding.reliance.side_lost is None
    assert encoding.gate is None
    for name, array in vars(encoding).items():
        if not isinstance(array, np.ndarray):
            continue
        assert array.dtype == (np.int64 if name == "evidence_bin" else np.float32)
        assert np.isfinite(array).all()
    assert (encoding.scale > 0).all()
    assert (encoding.kl >= 0).all()


def test_blocks_make_no_difference(data, fitted, encoding):
    assert data.counts.shape[0] > 2 * BLOCK_BINS
    for seed, state in enumerate(fitted.seeds):
        network = load_network(fitted, state, torch.device("cpu"))
        posterior = network.encode(torch.from_numpy(data.counts).float()).posterior
        np.testing.assert_allclose(encoding.mean[seed], posterior.loc.detach(), atol=1e-5)
        np.testing.assert_allclose(encoding.scale[seed], posterior.scale.detach(), atol=1e-5)


def test_encoding_twice_gives_the_same_bits(data, fitted, encoding):
    again = encode(fitted, data, device="cpu")
    for one, other in ((encoding, again), (encoding.reliance, again.reliance)):
        for name, value in vars(one).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, getattr(other, name))


def test_log_likelihood_is_the_expectation_under_the_posterior(data, fitted, encoding):
    network = load_network(fitted, fitted.seeds[0], torch.device("cpu"))
    rng = np.random.default_rng(0)
    latents = encoding.mean[0] + encoding.scale[0] * rng.normal(size=(200, 5000, 2)).astype(np.float32)
    with torch.no_grad():
        exact = np.zeros(5000)
        for one in latents[:, ::50]:
            rates = network.rates(torch.from_numpy(one)).double().numpy()
            exact[::50] += scipy.stats.poisson(rates).logpmf(data.counts[::50]).sum(-1) / 200
    difference = (encoding.log_likelihood[0] - exact)[::50]
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(difference.size) + 0.02
    assert N_SAMPLES * difference.var() < 10  # a few samples, each off by about a nat


def test_a_vae_beats_the_mean_rates_on_bins_it_never_saw(data, fitted, encoding):
    test, train = data.split == 2, data.split == 0
    mean_rate = scipy.stats.poisson(data.counts[train].mean(0)).logpmf(data.counts[test]).sum(-1)
    elbo = encoding.log_likelihood - encoding.kl.sum(-1)
    for seed in range(2):
        gain = elbo[seed, test] - mean_rate
        assert gain.mean() > 4 * gain.std() / np.sqrt(gain.size)
        assert gain.mean() > 3


def test_the_evidence_of_test_bins_lies_above_the_elbo_and_above_the_mean_rates(data, encoding):
    bins = encoding.evidence_bin
    assert bins.tolist() == np.flatnonzero(data.split == 2).tolist()
    elbo = (encoding.log_likelihood - encoding.kl.sum(-1))[:, bins]
    mean_rate = scipy.stats.poisson(data.counts[data.split == 0].mean(0)).logpmf(data.counts[bins]).sum(-1)
    for seed in range(2):
        gain = encoding.log_evidence[seed] - elbo[seed]
        assert gain.mean() > 4 * gain.std() / np.sqrt(gain.size)
        assert gain.mean() < 2  # what the encoder's posterior falls short of the exact one
        assert encoding.log_evidence[seed].mean() > mean_rate.mean() + 3


def test_the_twin_hears_no_held_out_unit(data, fitted, encoding):
    deaf = np.where(data.held_out, 99, data.counts).astype(np.uint8)
    again = encode(fitted, dataclasses.replace(data, counts=deaf), device="cpu")
    assert np.array_equal(again.held_in_mean, encoding.held_in_mean)
    assert not np.array_equal(again.mean, encoding.mean)


@pytest.mark.parametrize("method", BASELINES)
def test_baselines_give_the_same_arrays(data, method):
    fitted = fit(data, METHODS[method](method=method, latents=2), TRAINING, n_seeds=3)
    encoding = encode(fitted, data)
    assert encoding.mean.shape == encoding.scale.shape == (3, 5000, 2)
    assert encoding.held_in_mean.shape == (5000, 2)
    assert encoding.mean.dtype == encoding.scale.dtype == encoding.held_in_mean.dtype == np.float32
    assert encoding.kl is None
    assert encoding.log_likelihood is None
    assert (encoding.log_evidence, encoding.evidence_bin) == (None, None)
    assert "no likelihood" in encoding.no_evidence
    if method != "nmf":
        np.testing.assert_allclose(encoding.mean[0][data.split == 0].mean(0), 0, atol=1e-3)
    if method != "factor_analysis":
        assert (encoding.scale == 0).all()


def test_factor_analysis_has_a_posterior_and_it_is_as_wide_as_it_says(data):
    """Mean and variance of the posterior add up to the prior's N(0, I), over training bins."""
    fitted = fit(data, FactorAnalysis(method="factor_analysis", latents=2), TRAINING, n_seeds=2)
    encoding = encode(fitted, data)
    assert (encoding.scale == encoding.scale[:, :1]).all()
    assert not np.array_equal(encoding.scale[0], encoding.scale[1])
    variance = encoding.mean[0][data.split == 0].var(0)
    np.testing.assert_allclose(variance + encoding.scale[0, 0] ** 2, 1, atol=1e-3)


def test_a_model_of_other_units_is_refused(data, fitted):
    with pytest.raises(
        ArtefactError, match="fitted on 15 units, 12 of them not held out; the dataset has 14 and 11"
    ):
        encode(fitted, dataclasses.replace(data, counts=data.counts[:, 1:], held_out=np.arange(14) % 5 == 0))
    with pytest.raises(ArtefactError, match="has 15 and 14"):
        encode(fitted, dataclasses.replace(data, held_out=np.arange(15) == 0))


def test_weights_of_another_shape_are_refused(data, fitted):
    settings = {**fitted.settings, "decoder": {"kind": "mlp", "hidden": [7]}}
    with pytest.raises(ArtefactError, match="do not fit its settings"):
        encode(dataclasses.replace(fitted, settings=settings), data, device="cpu")
