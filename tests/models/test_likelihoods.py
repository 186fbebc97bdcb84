import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alveus.models.likelihoods import LIKELIHOODS, NegativeBinomialLikelihood, PoissonLikelihood
from alveus.models.likelihoods.rates import RATE_CEILING, RATE_FLOOR


def poisson_of_scipy(likelihood, features):
    return scipy.stats.poisson(likelihood.mean(features).detach().double().numpy())


def negative_binomial_of_scipy(likelihood, features):
    r, mean = likelihood.dispersion.detach().double().numpy(), likelihood.mean(features).detach().double().numpy()
    return scipy.stats.nbinom(r, r / (r + mean))


def gaussian_of_scipy(likelihood, features):
    normal = likelihood(features)
    return scipy.stats.norm(normal.mean.detach().double().numpy(), normal.stddev.detach().double().numpy())


class ZeroInflatedGammaOfScipy:
    """Zeros, a shifted gamma distribution, and a uniform one below it, put together from SciPy's."""

    def __init__(self, likelihood, features):
        def double(values):
            return values.detach().double().numpy()

        found = likelihood(features)
        self.q, self.slip = scipy.special.expit(double(found.logits)), double(likelihood.slip)
        k, location = double(likelihood.shape), double(likelihood.location)
        self.gamma = scipy.stats.gamma(k, location, double(likelihood.size) * double(found.ratio) / k)
        self.below = scipy.stats.uniform(0, location)
        self.location = location

    def logpdf(self, x):
        with np.errstate(divide="ignore"):
            positive = np.where(
                x > self.location,
                np.log1p(-self.slip) + self.gamma.logpdf(x),
                np.log(self.slip) + self.below.logpdf(x),
            )
        return np.where(x > 0, np.log(self.q) + positive, np.log1p(-self.q))

    def moment(self, order):
        above = self.gamma.mean() if order == 1 else self.gamma.var() + self.gamma.mean() ** 2
        return self.q * ((1 - self.slip) * above + self.slip * self.location**order / (order + 1))

    def mean(self):
        return self.moment(1)

    def var(self):
        return self.moment(2) - self.moment(1) ** 2


TABLE = [
    ("poisson", {"link": "softplus"}, poisson_of_scipy),
    ("poisson", {"link": "exp"}, poisson_of_scipy),
    ("negative_binomial", {"link": "softplus"}, negative_binomial_of_scipy),
    ("negative_binomial", {"link": "exp"}, negative_binomial_of_scipy),
    ("gaussian", {"variance": "per_unit"}, gaussian_of_scipy),
    ("gaussian", {"variance": "from_latents"}, gaussian_of_scipy),
    ("zero_inflated_gamma", {}, ZeroInflatedGammaOfScipy),
]


@pytest.mark.parametrize(("kind", "own", "of_scipy"), TABLE, ids=["-".join([k, *o.values()]) for k, o, _ in TABLE])
def test_every_likelihood_agrees_with_scipy(kind, own, of_scipy, features):
    likelihood = LIKELIHOODS[kind](n_features=4, n_units=3, **own)
    likelihood.start_from([torch.poisson(torch.tensor([0.2, 2.0, 30.0]).expand(500, 3))])
    with torch.no_grad():
        for parameter in likelihood.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
        ours = likelihood(features)
        activity = ours.sample()
        parts = likelihood.log_kernel(features, activity) + likelihood.log_base(activity)
    truth = of_scipy(likelihood, features)
    logpdf = getattr(truth, "logpmf", None) if likelihood.of_counts else truth.logpdf
    expected = logpdf(activity.double().numpy())
    np.testing.assert_allclose(parts.double().numpy(), expected, rtol=2e-4, atol=2e-3)
    np.testing.assert_allclose(ours.mean.double().numpy(), truth.mean(), rtol=1e-4)
    np.testing.assert_allclose(ours.variance.double().numpy(), truth.var(), rtol=1e-3)
    np.testing.assert_allclose(likelihood.mean(features).detach().double().numpy(), truth.mean(), rtol=1e-4)


def events(n_bins=4000, seed=0):
    """Events of three units: with a threshold, with many tiny ones, and rare ones; in units a million apart."""
    rng = np.random.default_rng(seed)
    size = np.stack(
        [0.5 + rng.gamma(2.0, 1.0, n_bins), rng.gamma(0.3, 2.0, n_bins), rng.gamma(1.0, 3.0, n_bins)], axis=1
    )
    return np.where(rng.random((n_bins, 3)) < [0.3, 0.6, 0.02], size, 0.0) * [1e-3, 1.0, 1e3]


def test_the_zero_inflated_gamma_is_a_density_of_all_positive_numbers():
    likelihood = LIKELIHOODS["zero_inflated_gamma"](n_features=1, n_units=3)
    likelihood.start_from([torch.tensor(events(200), dtype=torch.float32)])
    zero, location = torch.zeros(1, 1), likelihood.location.double().numpy()
    excess = np.geomspace(1e-14, 60, 20_000)[:, None] * likelihood.size.double().numpy()
    with torch.no_grad():

        def density(x):
            return likelihood(zero).log_prob(torch.tensor(x)).double().exp().numpy()

        below = density(location[None] / 2)[0] * location  # the same everywhere
        above = np.trapezoid(density(location + excess) * excess, np.log(excess), axis=0)
        silent = density(np.zeros((1, 3)))[0]
    np.testing.assert_allclose(silent + below + above, 1, atol=5e-3)


def test_what_the_zero_inflated_gamma_starts_from_is_that_of_its_events():
    values = events()
    likelihood = LIKELIHOODS["zero_inflated_gamma"](n_features=1, n_units=3)
    likelihood.start_from(torch.tensor(values).split(333))
    with torch.no_grad():
        start = likelihood(torch.zeros(1, 1))
    np.testing.assert_allclose(start.logits.sigmoid()[0].numpy(), (values > 0).mean(0), rtol=0.05)
    # the little that lies below the location is all that parts the mean and the variance from the sample's
    np.testing.assert_allclose(start.mean[0].numpy(), values.mean(0), rtol=0.02)
    np.testing.assert_allclose(start.variance[0].numpy(), values.var(0), rtol=0.04)
    assert (likelihood.location.numpy() < np.where(values > 0, values, np.inf).min(0)).all()


def test_events_train_alike_in_any_unit_of_measure(features):
    values, unit = torch.tensor(events(50), dtype=torch.float32), torch.tensor([1e-6, 1.0, 1e7])
    kernels, shapes = [], []
    for scale in (torch.ones(3), unit):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            likelihood = LIKELIHOODS["zero_inflated_gamma"](n_features=4, n_units=3)
        likelihood.start_from([values * scale])
        kernels.append(likelihood.log_kernel(features, values * scale))
        shapes.append(likelihood.shape)
        # also at the edges: an event smaller than any before, and one far larger
        edges = torch.tensor([[1e-9], [1e4]]) * likelihood.size
        assert torch.isfinite(likelihood.log_kernel(features[:2], edges)).all()
    expected = torch.where(values > 0, unit.log(), 0.0)
    torch.testing.assert_close(kernels[0] - kernels[1], expected.expand_as(kernels[0]), rtol=1e-4, atol=2e-3)
    torch.testing.assert_close(*shapes, rtol=1e-5, atol=0)


@pytest.mark.parametrize("n_events", [0, 1, 2])
def test_a_unit_of_few_events_or_none_stays_calm(n_events):
    values = torch.tensor(events(500), dtype=torch.float32)
    values[:, 2] = 0
    values[:n_events, 2] = 40.0
    likelihood = LIKELIHOODS["zero_inflated_gamma"](n_features=2, n_units=3)
    likelihood.start_from([values])
    with torch.no_grad():
        likelihood.log_shape.fill_(50.0)  # wherever training goes, a few equal events are no proof of a shape
    features, surprising = torch.zeros(4, 2, requires_grad=True), torch.tensor([0.0, 4.0, 40.0, 400.0])
    kernel = likelihood.log_kernel(features, surprising[:, None].expand(4, 3))[:, 2]
    assert (kernel > -60 if n_events else torch.isfinite(kernel)).all()
    kernel.sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in [features, *likelihood.parameters()])
    assert likelihood.shape[2] <= max(1, n_events)


def test_drawn_events_have_the_mean_the_variance_and_the_zeros_they_should(features):
    likelihood = LIKELIHOODS["zero_inflated_gamma"](n_features=4, n_units=3)
    likelihood.start_from([torch.tensor(events(300), dtype=torch.float32)])
    with torch.no_grad():
        distribution = likelihood(features[:1])
        drawn = distribution.sample((200_000,)).double()
    np.testing.assert_allclose(drawn.mean((0, 1)), distribution.mean[0], rtol=0.1)
    np.testing.assert_allclose(drawn.var((0, 1)), distribution.variance[0], rtol=0.3)
    np.testing.assert_allclose((drawn == 0).double().mean((0, 1)), 1 - distribution.logits.sigmoid()[0], atol=0.01)


@settings(max_examples=50)
@given(st.integers(0, 5000), st.floats(1e-5, 2000), st.floats(0.011, 9e3))
def test_negative_binomial_agrees_with_scipy_for_any_count_mean_and_dispersion(count, mean, dispersion):
    likelihood = NegativeBinomialLikelihood(1, 1, link="exp")
    with torch.no_grad():
        likelihood.readout.weight.zero_()
        likelihood.readout.bias.fill_(float(np.log(mean)))
        likelihood.log_dispersion.fill_(float(np.log(dispersion)))
        features, counts = torch.zeros(1, 1), torch.tensor([[float(count)]])
        parts = likelihood.log_kernel(features, counts) + likelihood.log_base(counts)
    r, m = likelihood.dispersion.item(), likelihood.mean(features).item()
    size = abs(count * np.log(m)) + (count + r) * np.log1p(m / r) + scipy.special.gammaln(count + 1)
    expected = scipy.stats.nbinom(r, r / (r + m)).logpmf(count)
    assert parts.item() == pytest.approx(expected, abs=2e-6 * size + 1e-4)


def test_negative_binomial_becomes_poisson_where_the_dispersion_is_large():
    counts, features = torch.arange(200.0).unsqueeze(1) % 40, torch.zeros(200, 1)
    poisson, negative = PoissonLikelihood(1, 1), NegativeBinomialLikelihood(1, 1)
    with torch.no_grad():
        for likelihood in (poisson, negative):
            likelihood.readout.bias.fill_(10.0)
        negative.log_dispersion.fill_(50.0)  # clamped
        difference = negative.log_kernel(features, counts) - poisson.log_kernel(features, counts)
    # to first order the difference is ((x − m)² − x) / 2r
    expected = ((counts - 10).square() - counts) / (2 * negative.dispersion)
    torch.testing.assert_close(difference, expected, rtol=0.05, atol=2e-4)


def test_dispersion_starts_at_what_the_variance_asks_for():
    rng = np.random.default_rng(0)
    counts = np.stack(
        [rng.negative_binomial(2.0, 2.0 / 7.0, 20_000), rng.poisson(5.0, 20_000), np.zeros(20_000)], 1
    )
    likelihood = NegativeBinomialLikelihood(2, 3)
    likelihood.start_from(torch.tensor(counts, dtype=torch.float32).split(3000))
    found = likelihood.dispersion.detach().numpy()
    assert found[0] == pytest.approx(2.0, rel=0.1)
    assert found[1] > 100
    assert np.isfinite(found).all()
    assert torch.isfinite(likelihood.log_kernel(torch.zeros(1, 2), torch.tensor([[0.0, 3.0, 7.0]]))).all()


def test_gaussian_activity_trains_alike_in_any_unit_of_measure(features):
    blocks = torch.randn(1000, 3) * torch.tensor([1.0, 5.0, 0.1])
    gaussian = LIKELIHOODS["gaussian"](n_features=4, n_units=3, variance="per_unit")
    kernels = []
    for unit in (1.0, 1e4):
        gaussian.start_from([blocks * unit])
        kernels.append(gaussian.log_kernel(features[:1].expand(1000, 4), blocks * unit))
    torch.testing.assert_close(kernels[0] - kernels[1], torch.full((1000, 3), np.log(1e4)), rtol=1e-3, atol=1e-3)


def test_an_exponential_link_stays_finite_for_any_drive():
    likelihood = PoissonLikelihood(1, 1, link="exp")
    rate = likelihood.mean(torch.tensor([[-1e6], [0.0], [1e6]]))
    assert rate.min() >= RATE_FLOOR * 0.999
    assert rate.max() <= RATE_CEILING * 1.001


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
    np.testing.assert_allclose(parts.detach().numpy(), expected, rtol=1e-4, atol=1e-5)


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
    torch.testing.assert_close(parts, distribution.log_prob(activity), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(likelihood.mean(features), distribution.mean)
