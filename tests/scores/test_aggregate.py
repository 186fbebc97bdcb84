"""The mixture of all posteriors against SciPy, sample by sample."""

import tracemalloc

import numpy as np
import pytest
import scipy.special
import scipy.stats

from alveus.scores import aggregate
from alveus.scores.aggregate import Components, Sampling, densities, log_mixture, memory_of


def components(n, n_latents, *, gap=0, seed=0):
    rng = np.random.default_rng(seed)
    bins = np.arange(n)
    bins[n // 2 :] += gap
    return Components(rng.normal(3, 2, (n, n_latents)), rng.uniform(0.05, 2, (n, n_latents)), bins)


@pytest.mark.parametrize("near", [1, 7])
def test_densities_agree_with_scipy_with_and_without_the_bins_nearby(near):
    c = components(60, 3, gap=5)
    found = densities(c, Sampling.of(60), near, np.random.default_rng(1))
    z = c.mean[found.sampled, None] + c.scale[found.sampled, None] * found.noise
    assert z.shape == (60, 35, 3)  # every bin, so often that 2048 samples are reached
    log_q = scipy.stats.norm(c.mean, c.scale).logpdf(z[:, :, None])  # (bin, draw, component, latent)
    np.testing.assert_allclose(found.own, log_q[np.arange(60), :, np.arange(60)], rtol=1e-10, atol=1e-12)
    far = np.abs(c.bins[:, None] - c.bins) >= near
    for weights, joint, latent in (
        (np.ones((60, 60)), found.joint, found.latent),
        (far, found.joint_without, found.latent_without),
    ):
        share = weights / weights.sum(1, keepdims=True)
        expected = scipy.special.logsumexp(log_q.sum(-1), b=share[:, None], axis=2)
        np.testing.assert_allclose(joint, expected, rtol=1e-9, atol=1e-9)
        expected = scipy.special.logsumexp(log_q, b=share[:, None, :, None], axis=2)
        np.testing.assert_allclose(latent, expected, rtol=1e-9, atol=1e-9)


def test_the_matrix_product_agrees_with_scipy_for_narrow_posteriors_and_an_outlier():
    c = components(200, 4)
    c.scale[::3] = 1e-4
    c.mean[7] += 100
    points = c.mean[::5] + c.scale[::5] * np.random.default_rng(2).standard_normal((40, 4))
    log_q = scipy.stats.norm(c.mean, c.scale).logpdf(points[:, None]).sum(-1)
    expected = scipy.special.logsumexp(log_q, axis=1) - np.log(200)
    np.testing.assert_allclose(log_mixture(points, c), expected, atol=1e-4)


def test_without_any_bin_far_away_nothing_is_left():
    c = components(30, 2)
    found = densities(c, Sampling.of(30), 40, np.random.default_rng(0))
    assert (found.joint_without == -np.inf).all()
    assert np.isfinite(found.joint).all()


def test_samples_are_spread_evenly_and_components_are_bounded():
    for n in (20, 2047, 2048, 5000, 16_384, 16_385, 100_000, 1_000_000):
        sampling = Sampling.of(n)
        kept = sampling.thin(Components(np.zeros((n, 1)), np.ones((n, 1)), np.arange(n))).bins
        n_sampled = len(kept) // sampling.stride
        assert len(kept) <= aggregate.MAX_COMPONENTS
        assert len(kept) % sampling.stride == 0
        assert 2048 <= n_sampled * sampling.n_draws < 2 * 2048 + n_sampled
        assert n - kept[-1] <= sampling.step * (sampling.stride + 1)


def test_memory_does_not_grow_with_the_square_of_the_bins():
    c = components(16_000, 2)
    tracemalloc.start()
    densities(c, Sampling.of(16_000), 10, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # samples times components would be 260 MB


def test_latents_that_tell_of_nothing_have_no_memory():
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.standard_normal(4000)) * 1e-4
    mean = np.stack([rng.standard_normal(4000), slow], axis=1)
    assert memory_of(mean, np.ones((4000, 2))) == 1
    assert memory_of(mean, np.full((4000, 2), 1e-4)) > 100
    assert memory_of(mean[:, :0], np.ones((4000, 0))) == 1
