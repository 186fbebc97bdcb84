"""The floor of real-valued activity: each unit's own density, of largest likelihood in training."""

import numpy as np
import pytest
import scipy.stats

from alveus.scores.densities import constant_log_likelihood

TRAIN, TEST = np.arange(3000), np.arange(3000, 4000)


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    size = 0.5 + rng.gamma([2.0, 0.7, 1.0], [1.0, 2.0, 3.0], (4000, 3))
    return np.where(rng.random((4000, 3)) < [0.3, 0.6, 0.02], size, 0.0) * [1e-3, 1.0, 1e3]


def test_the_normal_density_is_that_of_scipy(events):
    mean, sd = events[TRAIN].mean(0), events[TRAIN].std(0)
    expected = scipy.stats.norm(mean, sd).logpdf(events[TEST]).sum(1)
    np.testing.assert_allclose(constant_log_likelihood(events, TRAIN, TEST, "gaussian"), expected, rtol=1e-6)


def test_the_zero_inflated_gamma_is_the_best_that_scipy_finds(events):
    found = constant_log_likelihood(events, TRAIN, TRAIN, "zero_inflated_gamma")
    expected = np.zeros(TRAIN.size)
    for x in events[TRAIN].T:
        n = np.count_nonzero(x)
        location, chance = x[x > 0].min() * n / (n + 10), (n + 0.5) / (x.size + 1)
        shape, _, scale = scipy.stats.gamma.fit(x[x > 0] - location, floc=0)
        gamma = scipy.stats.gamma(shape, location, scale)
        seen = np.log(chance) + np.log1p(-1 / (n + 2)) + gamma.logpdf(x)
        expected += np.where(x > 0, seen, np.log1p(-chance))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_change_of_units_shifts_it_by_the_logarithm_of_the_unit(events):
    unit = np.array([1e-6, 3.0, 1e5])
    for likelihood, density in (("gaussian", np.ones((1000, 3))), ("zero_inflated_gamma", events[TEST] > 0)):
        one, other = (constant_log_likelihood(x, TRAIN, TEST, likelihood) for x in (events, events * unit))
        np.testing.assert_allclose(one - other, density @ np.log(unit), atol=1e-6)


@pytest.mark.parametrize("n_events", [0, 1, 2])
def test_units_of_few_events_or_none_have_finite_densities(events, n_events):
    events[TRAIN, 2] = 0
    events[TRAIN[:n_events], 2] = 7
    for likelihood in ("gaussian", "zero_inflated_gamma"):
        assert np.isfinite(constant_log_likelihood(events, TRAIN, TEST, likelihood)).all()


def test_the_likelihood_starts_near_it(events):
    torch = pytest.importorskip("torch")
    from alveus.models.likelihoods import LIKELIHOODS

    for kind, nats in (("gaussian", 0.01), ("zero_inflated_gamma", 0.2)):
        likelihood = LIKELIHOODS[kind](1, 3)
        likelihood.start_from([torch.tensor(events[TRAIN])])
        with torch.no_grad():
            started = likelihood.log_kernel(torch.zeros(1, 1), torch.tensor(events[TEST], dtype=torch.float32))
        constant = constant_log_likelihood(events, TRAIN, TEST, kind).mean()
        assert started.sum(1).mean().item() == pytest.approx(constant, abs=nats)
