import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alveus.models.likelihoods import LIKELIHOODS, RATE_FLOOR, PoissonLikelihood


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) * 3


@pytest.fixture
def poisson() -> PoissonLikelihood:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PoissonLikelihood(n_features=4, n_units=3)


def test_poisson_log_prob_agrees_with_scipy(poisson, features):
    rate = poisson.mean(features)
    counts = torch.poisson(rate.detach(), generator=torch.Generator().manual_seed(1))
    expected = scipy.stats.poisson(rate.detach().double().numpy()).logpmf(counts.numpy())
    np.testing.assert_allclose(poisson(features).log_prob(counts).detach().numpy(), expected, rtol=1e-4)
    parts = poisson.log_kernel(features, counts) + poisson.log_base(counts)
    np.testing.assert_allclose(parts.detach().numpy(), expected.sum(-1), rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 65535), st.floats(-100, 100))
def test_poisson_log_prob_agrees_with_scipy_for_any_count_and_rate(count, drive):
    likelihood = PoissonLikelihood(1, 1)
    torch.nn.init.ones_(likelihood.readout.weight)
    torch.nn.init.zeros_(likelihood.readout.bias)
    features, counts = torch.tensor([[drive]]), torch.tensor([[float(count)]])
    rate = likelihood.mean(features).item()
    assert rate >= RATE_FLOOR * (1 - 1e-6)
    parts = likelihood.log_kernel(features, counts) + likelihood.log_base(counts)
    # float32 holds the two parts, which may cancel, to about seven digits each
    size = abs(count * np.log(rate)) + rate + scipy.special.gammaln(count + 1)
    assert parts.item() == pytest.approx(scipy.stats.poisson(rate).logpmf(count), abs=1e-6 * size + 1e-5)


@pytest.mark.parametrize("mean", [0.0, 1e-5, 0.3, 20.0, 5000.0])
def test_a_fresh_likelihood_gives_each_unit_its_mean_count(poisson, mean):
    blocks = [torch.full((10, 3), mean), torch.full((30, 3), mean)]
    poisson.start_from(blocks)
    rate = poisson.mean(torch.zeros(1, 4))
    assert rate.detach().numpy() == pytest.approx(max(mean, 2 * RATE_FLOOR), rel=1e-4)


def test_a_silent_unit_can_still_spike(poisson):
    poisson.start_from([torch.zeros(10, 3)])
    assert torch.isfinite(poisson(torch.zeros(1, 4)).log_prob(torch.tensor([[1.0, 0.0, 9.0]]))).all()


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_the_parts_of_every_likelihood_add_up_to_its_distribution(kind, features):
    likelihood = LIKELIHOODS[kind](n_features=4, n_units=3)
    distribution = likelihood(features)
    activity = distribution.sample()
    parts = likelihood.log_kernel(features, activity) + likelihood.log_base(activity)
    torch.testing.assert_close(parts, distribution.log_prob(activity).sum(-1), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(likelihood.mean(features), distribution.mean)
