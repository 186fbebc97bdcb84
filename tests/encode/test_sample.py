"""What is drawn from a model has the distribution that prior and decoder say."""

import numpy as np
import pytest
import scipy.stats
import torch

from alveus.config.models import Autoencoder, Pca
from alveus.encode.sample import draws, generative, sample
from alveus.errors import ArtefactError, SettingError
from alveus.fit.fitted import FittedModel

from .conftest import AUTOREGRESSIVE, BIN, untrained

LINEAR = {"kind": "linear"}
RHO = np.exp(-BIN / 0.2)


def draw(model, n_bins, **options):
    return sample(model, np.zeros(n_bins, np.int32), **options)


@pytest.mark.parametrize("link", ["softplus", "exp"])
def test_counts_are_poisson_at_the_rates_of_their_latents(link):
    model = untrained(likelihood={"kind": "poisson", "link": link})
    found = draw(model, 20_000)
    with torch.no_grad():
        rates = generative(model, 0, torch.device("cpu")).rates(torch.from_numpy(found.latents)).double().numpy()
    rng = np.random.default_rng(0)
    below = scipy.stats.poisson(rates).cdf(found.activity - 1.0)
    at = scipy.stats.poisson(rates).pmf(found.activity)
    uniform = below + rng.uniform(size=at.shape) * at  # randomised: uniform if and only if the counts are Poisson
    assert scipy.stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-3
    correlation = np.corrcoef((found.activity - rates).T)
    assert np.abs(correlation[np.triu_indices(6, 1)]).max() < 4 / np.sqrt(20_000)


def test_negative_binomial_counts_have_their_dispersion():
    model = untrained(likelihood="negative_binomial", decoder=LINEAR)
    for name, value in model.seeds[0].items():
        if name == "likelihood.readout.weight":
            value.zero_()
    found = draw(model, 50_000).activity
    mean = float(torch.nn.functional.softplus(torch.tensor(-1.0)))
    expected = scipy.stats.nbinom(1.0, 1 / (1 + mean)).pmf(np.arange(4))  # a fresh one has r = 1
    shares = np.stack([(found == k).mean(0) for k in range(4)])
    np.testing.assert_allclose(shares, np.repeat(expected[:, None], 6, 1), atol=4 * np.sqrt(0.25 / 50_000))


def test_a_gaussian_model_draws_real_numbers():
    model = untrained(likelihood="gaussian", decoder=LINEAR)
    found = draw(model, 20_000)
    assert found.activity.dtype == np.float32
    with torch.no_grad():
        network = generative(model, 0, torch.device("cpu"))
        expected = network.likelihood(torch.from_numpy(found.latents))
        standardised = ((torch.from_numpy(found.activity) - expected.mean) / expected.stddev).numpy()
    assert scipy.stats.kstest(standardised.ravel(), "norm").pvalue > 1e-3


def test_a_model_of_events_draws_zeros_and_amounts():
    model = untrained(likelihood="zero_inflated_gamma", decoder=LINEAR)
    for name, value in model.seeds[0].items():
        if name == "likelihood.location":
            value.fill_(0.5)
    found = draw(model, 20_000)
    assert found.activity.dtype == np.float32
    with torch.no_grad():
        network = generative(model, 0, torch.device("cpu"))
        expected = network.likelihood(torch.from_numpy(found.latents))
    chance = expected.logits.sigmoid().numpy()
    np.testing.assert_allclose((found.activity > 0).mean(0), chance.mean(0), atol=4 * np.sqrt(0.25 / 20_000))
    amounts = ((found.activity - 0.5) / expected.ratio.numpy())[found.activity > 0]
    assert scipy.stats.kstest(amounts, "expon").pvalue > 1e-3  # a fresh one has a shape of 1


def test_latents_of_a_standard_prior_are_standard_normal():
    latents = draw(untrained(latents=3), 30_000).latents
    assert latents.dtype == np.float32
    for column in latents.T:
        assert scipy.stats.kstest(column, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(latents.T)[np.triu_indices(3, 1)]).max() < 4 / np.sqrt(30_000)


def test_latents_of_an_anisotropic_prior_have_its_variances():
    latents = draw(untrained(prior={"kind": "anisotropic", "variances": [4.0, 0.25]}), 30_000).latents
    np.testing.assert_allclose(latents.var(0), [4.0, 0.25], rtol=0.05)


def test_latents_of_a_conditional_prior_follow_the_conditions():
    model = untrained(n_conditions=1, prior={"kind": "conditional", "covariates": ["x"]})
    conditions = np.linspace(-3, 3, 20_000, dtype=np.float32)[:, None]
    latents = sample(model, np.zeros(20_000, np.int32), conditions).latents
    with torch.no_grad():
        mean, variance = generative(model, 0, torch.device("cpu")).prior.of(torch.from_numpy(conditions))
    assert scipy.stats.kstest(((latents - mean.numpy()) / variance.sqrt().numpy()).ravel(), "norm").pvalue > 1e-3
    assert np.ptp(mean.numpy()) > 0.1


def test_latents_of_an_autoregressive_prior_are_a_series_within_each_segment():
    segment = np.repeat(np.arange(300), 101).astype(np.int32)  # blocks end within segments
    latents = sample(untrained(prior=AUTOREGRESSIVE), segment).latents
    first = np.flatnonzero(np.diff(segment, prepend=-1))
    follows = np.ones(segment.size, bool)
    follows[first] = False
    step = latents[1:] - RHO * latents[:-1]
    within = step[follows[1:]] / np.sqrt(1 - RHO**2)
    assert scipy.stats.kstest(within.ravel(), "norm").pvalue > 1e-3
    assert scipy.stats.kstest(latents[first].ravel(), "norm").pvalue > 1e-3
    across = np.corrcoef(latents[first[1:], 0], latents[first[1:] - 1, 0])[0, 1]
    assert abs(across) < 4 / np.sqrt(300)


def test_a_series_goes_on_past_bins_that_are_left_out():
    vae = generative(untrained(prior=AUTOREGRESSIVE), 0, torch.device("cpu"))
    bins = np.array([0, 1, 5, 6, 30, 31])
    segment = np.array([0, 0, 0, 0, 0, 1])
    generator = torch.Generator().manual_seed(0)
    found = torch.cat([z for _, z, _ in draws(vae, 2000, bins, segment, None, generator)], 1)[..., 0].numpy()
    assert found.shape == (2000, 6)
    lag = np.abs(bins[:, None] - bins)
    expected = np.where(segment[:, None] == segment, RHO**lag, 0.0)
    np.testing.assert_allclose(np.corrcoef(found.T), expected, atol=5 / np.sqrt(2000))
    np.testing.assert_allclose(found.var(0), 1, atol=5 * np.sqrt(2 / 2000))


def test_a_seed_draws_the_same_recording_and_another_seed_another():
    model = untrained()
    one, again, other = draw(model, 5000), draw(model, 5000), draw(model, 5000, random_seed=1)
    assert np.array_equal(one.activity, again.activity)
    assert np.array_equal(one.latents, again.latents)
    assert abs(np.corrcoef(one.latents[:, 0], other.latents[:, 0])[0, 1]) < 0.1


def test_the_global_generator_is_left_as_it_was():
    vae = generative(untrained(), 0, torch.device("cpu"))
    before = torch.random.get_rng_state()
    bins = np.arange(10)
    assert len(list(draws(vae, 3, bins, bins * 0, None, torch.Generator().manual_seed(0)))) == 1
    assert torch.equal(before, torch.random.get_rng_state())


def test_counts_take_the_smallest_type_that_holds_them():
    model = untrained()
    assert draw(model, 100).activity.dtype == np.uint8
    for name, value in model.seeds[0].items():
        if name == "likelihood.readout.bias":
            value.fill_(1000.0)
    large = draw(model, 5000).activity
    assert large.dtype == np.uint16
    np.testing.assert_allclose(large.mean(0), 1000, rtol=0.01)
    assert draw(model, 0).activity.shape == (0, 6)


@pytest.mark.parametrize("method", [Pca(method="pca"), Autoencoder(method="autoencoder")])
def test_what_has_no_prior_is_refused(method):
    fitted = FittedModel(method.method, method.model_dump(mode="json"), 6, 2, ({},), {})
    with pytest.raises(SettingError, match=f"{method.method} is no generative model"):
        draw(fitted, 10)


def test_a_skip_decoder_is_refused():
    with pytest.raises(SettingError, match="skip decoder needs the activity as well as the latents"):
        draw(untrained(decoder={"kind": "skip", "hidden": [8]}), 10)


def test_a_seed_that_was_not_fitted_is_refused():
    with pytest.raises(SettingError, match="no seed 2: the model has the seeds 0 to 1"):
        draw(untrained(), 10, seed=2)


def test_conditions_must_be_those_of_the_bins():
    conditional = untrained(n_conditions=1, prior={"kind": "conditional", "covariates": ["x"]})
    with pytest.raises(ArtefactError, match="fitted with 1 conditions a bin, but 0 are given"):
        draw(conditional, 10)
    with pytest.raises(ArtefactError, match="1 are given for each of 9 bins"):
        draw(conditional, 10, conditions=np.zeros((9, 1), np.float32))
    with pytest.raises(ArtefactError, match="fitted with 0 conditions"):
        draw(untrained(), 10, conditions=np.zeros((10, 1), np.float32))


def test_a_diverged_fit_is_told():
    model = untrained()
    for value in model.seeds[0].values():
        if value.is_floating_point():
            value.fill_(torch.nan)
    with pytest.raises(ArtefactError, match="the fit has diverged"):
        draw(model, 10)
