"""Information against closed forms: posteriors N(x, s²) of normal x make a normal mixture."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
import scipy.special
import scipy.stats

from alveus.scores import ScoreSettings, aggregate
from alveus.scores.conditions import conditions_by_mean
from alveus.scores.information import SCORES, information_rows
from alveus.scores.information_parts import Posterior, estimate

SETTINGS = ScoreSettings(shifts=10, resamples=100)


def posterior(mean, scale, *, variance=1.0, prior_mean=None, bins=None):
    """Posteriors and their exact divergence from N(prior_mean, variance)."""
    mean = np.asarray(mean, np.float32)
    scale = np.broadcast_to(np.asarray(scale, np.float32), mean.shape)
    variance = np.broadcast_to(np.asarray(variance, float), mean.shape[1:])
    off = mean - (0 if prior_mean is None else prior_mean)
    kl = 0.5 * ((scale**2 + off**2) / variance - 1 - np.log(scale**2 / variance))
    return Posterior(
        mean, scale, kl.astype(np.float32), np.arange(len(mean)) if bins is None else bins, variance, prior_mean
    )


def normal(n, covariance, *, tau=0.0, seed=0):
    noise = np.random.default_rng(seed).standard_normal((n, len(covariance)))
    if tau:
        rho = np.exp(-1 / tau)
        noise[1:] *= np.sqrt(1 - rho**2)
        noise = scipy.signal.lfilter([1], [1, -rho], noise, axis=0)
    return noise @ np.linalg.cholesky(covariance).T


def score(found, **options):
    names = [f"z{j + 1}" for j in range(found.mean.shape[1])]
    rows = information_rows(found, SETTINGS, names=names, seed=0, **options)
    return {(row.score, row.target): row for row in rows}


def closed_form(covariance, scale, variance):
    """I, TC and dimension-wise KL where posterior means are N(0, covariance)."""
    whole = covariance + np.diag(scale**2)
    log_det = np.linalg.slogdet(whole)[1]
    spread = np.diag(whole)
    marginal = 0.5 * (spread / variance - 1 - np.log(spread / variance))
    return 0.5 * log_det - np.log(scale).sum(), 0.5 * (np.log(spread).sum() - log_det), marginal


R = np.array([[1.0, 0.7, 0.0], [0.7, 1.0, 0.0], [0.0, 0.0, 0.5]])
DUPLICATED = np.full((2, 2), 0.91) + 1e-9 * np.eye(2)
TURNED = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
CASES = {
    "independent": (0.75 * np.eye(2), np.full(2, 0.5), np.ones(2)),
    "one latent": (0.91 * np.eye(1), np.full(1, 0.3), np.ones(1)),
    "dependent": (R, np.array([0.4, 0.6, 0.5]), np.array([2.0, 1.0, 0.5])),
    "duplicated": (DUPLICATED, np.full(2, 0.3), np.ones(2)),
    "axes of two variances": (np.diag([4.0, 0.5]), np.full(2, 0.5), np.ones(2)),
    "turned by 45 degrees": (TURNED @ np.diag([4.0, 0.5]) @ TURNED.T, np.full(2, 0.5), np.ones(2)),
    "a dead latent": (np.diag([0.75, 0.0]) + 1e-12 * np.eye(2), np.array([0.5, 1.0]), np.ones(2)),
    "collapsed": (1e-12 * np.eye(3), np.ones(3), np.ones(3)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("tau", [0, 10])
def test_parts_are_those_of_the_closed_form(case, tau):
    covariance, scale, variance = case
    rows = score(posterior(normal(8000, covariance, tau=tau), scale, variance=variance))
    information, dependence, marginal = closed_form(covariance, scale, variance)
    reach = 0.1 if tau == 0 else 0.25  # 8000 bins that remember ten are some 400
    low, high = rows["mutual_information", ""], rows["mutual_information_upper", ""]
    assert low.value == pytest.approx(information, abs=reach)
    assert low.value <= high.value + 0.01
    if tau == 0:
        assert low.low - 0.02 <= information <= high.high + 0.02
    for j, expected in enumerate(marginal):
        assert rows["dimension_kl", f"z{j + 1}"].value == pytest.approx(expected, abs=reach * (1 + expected))
    if len(scale) == 1:
        assert rows["total_correlation", ""].status == "not defined"
        return
    row = rows["total_correlation", ""]
    assert row.value == pytest.approx(dependence, abs=reach)
    assert row.low <= row.value <= row.high
    assert (row.value > row.floor + 0.05) == (dependence > 0.1)


def test_what_is_no_information_is_not_lost():
    """Turning posteriors of equal width leaves I, and moves what the axes share from TC to single latents."""
    rows = [score(posterior(normal(8000, CASES[name][0]), 0.5)) for name in list(CASES)[4:6]]
    key = ("mutual_information", "")
    assert rows[0][key].value == pytest.approx(rows[1][key].value, abs=0.05)
    assert rows[0]["total_correlation", ""].value < 0.02 < rows[1]["total_correlation", ""].value


def test_the_interval_of_the_dependence_covers_what_the_bracket_leaves_open():
    for seed in range(10):
        found = posterior(normal(600, 0.84 * np.eye(4), seed=seed), 0.4)
        row = score(found)["total_correlation", ""]
        assert row.status == "ok"
        assert row.low <= 0 <= row.high


def published_log_weights(n_batch, n_bins):
    """As several public codes have it: a column where the diagonal belongs."""
    m = n_batch - 1
    weights = np.full((n_batch, n_batch), 1 / m)
    weights.reshape(-1)[:: m + 1] = 1 / n_bins
    weights.reshape(-1)[1 :: m + 1] = (n_bins - m) / (n_bins * m)
    weights[m - 1, 0] = (n_bins - m) / (n_bins * m)
    return np.log(weights)


def from_minibatches(mean, scale, log_weights, n_batch, seed=1):
    """Estimate I and TC as minibatch codes do."""
    rng = np.random.default_rng(seed)
    found = []
    for start in range(0, len(mean) - n_batch + 1, n_batch):
        x = mean[start : start + n_batch]
        log_q = scipy.stats.norm(x, scale).logpdf((x + scale * rng.standard_normal(x.shape))[:, None])
        joint = scipy.special.logsumexp(log_q.sum(-1) + log_weights, axis=1)
        marginals = scipy.special.logsumexp(log_q + log_weights[..., None], axis=1).sum(-1)
        found.append([(np.einsum("iij->i", log_q) - joint).mean(), (joint - marginals).mean()])
    return np.mean(found, axis=0)


def test_the_table_of_estimates_from_minibatches():
    """D = 5, s² = 0.05, N = 1e4, batches of 128: truth I 7.49, TC 0; the published weights give 4.74 and 2.62."""
    n, n_batch, scale = 10_000, 128, np.sqrt(0.05)
    mean = normal(n, 0.95 * np.eye(5))
    truth = -2.5 * np.log(0.05)
    assert truth == pytest.approx(7.49, abs=0.005)
    wrong = from_minibatches(mean, scale, published_log_weights(n_batch, n), n_batch)
    np.testing.assert_allclose(wrong, [4.74, 2.62], atol=0.1)
    weighted = from_minibatches(mean, scale, np.full((n_batch, n_batch), -np.log(n_batch * n)), n_batch)
    uniform = from_minibatches(mean, scale, np.full((n_batch, n_batch), -np.log(n_batch)), n_batch)
    np.testing.assert_allclose(weighted - uniform, [np.log(n), 4 * np.log(n)], rtol=1e-9)
    found = posterior(mean, scale)
    parts = estimate(found, [np.arange(n)], 1, SETTINGS, 0)
    low, high = parts.information.mean(), parts.information_without.mean()
    assert low < truth < high
    assert high - low < 1
    assert parts.dependence_least.mean() < 0 < parts.dependence_most.mean()
    assert score(found)["mutual_information", ""].status == "not estimable"  # the bracket is wider than half a nat


def test_leaving_out_single_bins_makes_the_bracket_of_slow_latents_falsely_narrow():
    covariance, truth = 0.84 * np.eye(4), -4 * np.log(0.4)
    near_one, blocks = [], []
    for seed in range(8):
        found = posterior(normal(1500, covariance, tau=30, seed=seed), 0.4)
        whole = [np.arange(1500)]
        near_one.append(estimate(found, whole, 1, SETTINGS, 0).information_without.mean())
        blocks.append(estimate(found, whole, 30, SETTINGS, 0).information_without.mean())
    assert np.mean(near_one) < truth < np.mean(blocks)


@pytest.mark.parametrize(("n", "tau", "scale"), [(500, 0, 0.01), (4000, 100, 0.2)])
def test_what_so_few_independent_bins_cannot_show_is_not_estimable(n, tau, scale):
    rows = score(posterior(normal(n, np.eye(4), tau=tau), scale))
    for name in ("mutual_information", "mutual_information_upper", "total_correlation"):
        assert rows[name, ""].status == "not estimable"
        assert rows[name, ""].value is None
        assert "at least" in rows[name, ""].note or "independent bins" in rows[name, ""].note


def test_latents_slower_than_the_recording_are_not_estimable():
    drift = np.linspace(-2, 2, 2000)[:, None] * np.ones(2)
    rows = score(posterior(drift, 0.5))
    assert {row.status for row in rows.values()} == {"not estimable"}
    assert "forget themselves after" in rows["mutual_information", ""].note


def test_one_outlier_of_fifty_sd_moves_information_by_little_and_breaks_nothing():
    mean = normal(4000, 0.75 * np.eye(2))
    calm = score(posterior(mean, 0.5))["mutual_information", ""]
    mean[2001, 0] = 50
    rows = score(posterior(mean, 0.5))
    low = rows["mutual_information", ""]
    assert low.status == "not estimable" or low.value == pytest.approx(calm.value, abs=0.05)
    assert all(row.value is None or np.isfinite(row.value) for row in rows.values())


def test_parts_that_do_not_add_up_are_not_reported():
    found = posterior(normal(3000, 0.75 * np.eye(3)), 0.5)
    rows = score(replace(found, kl=found.kl * 1.05))
    assert {row.status for row in rows.values()} == {"not estimable"}
    assert "not of one posterior" in rows["mutual_information", ""].note
    # of a prior whose variance is not what it is said to be
    rows = score(replace(found, prior_variance=np.full(3, 1.1)))
    assert {row.status for row in rows.values()} == {"not estimable"}


def test_a_posterior_with_covariance_is_not_defined_and_would_not_add_up():
    found = posterior(normal(3000, 0.75 * np.eye(2)), 0.5)
    for kind, told in (("full", "full covariance"), ("smoothed", "joined over time")):
        rows = score(found, kind=kind)
        assert [row.status for row in rows.values()] == ["not defined"] * len(SCORES)
        assert told in rows["mutual_information", ""].note
    dependent = -0.5 * np.log(1 - 0.5**2) / 2  # what correlation within a bin adds to the divergence
    rows = score(replace(found, kl=found.kl + np.float32(dependent)))
    assert {row.status for row in rows.values()} == {"not estimable"}


def test_points_have_no_information_to_speak_of():
    found = posterior(normal(100, np.eye(2)), 1.0)
    scale = np.array(found.scale)
    scale[3, 1] = 0
    rows = score(replace(found, scale=scale))
    assert {row.status for row in rows.values()} == {"not defined"}
    assert "1 of 200 standard deviations are 0" in rows["mutual_information", ""].note


def test_under_a_prior_that_joins_bins_only_information_is_defined():
    found = posterior(normal(4000, 0.75 * np.eye(2), tau=5), 0.5)
    rows = score(replace(found, over_time=True, kl=found.kl * 0.3))
    truth = -2 * np.log(0.5)
    assert rows["mutual_information", ""].value == pytest.approx(truth, abs=0.25)
    for name in ("total_correlation", "dimension_kl"):
        assert (rows[name, ""].status, "joins bins" in rows[name, ""].note) == ("not defined", True)


@pytest.fixture
def conditional():
    rng = np.random.default_rng(3)
    u = rng.integers(0, 4, 8000)
    center = rng.normal(0, 3, (4, 2)).astype(np.float32)
    mean = center[u] + normal(8000, 0.75 * np.eye(2))
    jitter = 1e-7 * rng.standard_normal((8000, 2)).astype(np.float32)  # as two blocks of one network would differ
    return posterior(mean, 0.5, prior_mean=center[u] + jitter)


def test_of_a_few_conditions_the_parts_are_given_the_condition(conditional):
    rows = score(conditional)
    assert rows["mutual_information", ""].value == pytest.approx(-2 * np.log(0.5), abs=0.06)
    assert "I(Z;X|U)" in rows["mutual_information", ""].note
    assert rows["total_correlation", ""].value == pytest.approx(0, abs=0.03)
    assert rows["total_correlation", ""].floor is None
    for j in (1, 2):
        assert rows["dimension_kl", f"z{j}"].value == pytest.approx(0, abs=0.06)
    whole = score(posterior(conditional.mean, 0.5))["mutual_information", ""].value
    assert whole > rows["mutual_information", ""].value + 0.5  # which condition it is


def test_of_a_continuous_covariate_only_information_is_defined(conditional):
    moving = np.random.default_rng(0).standard_normal((8000, 2)).astype(np.float32)
    rows = score(replace(conditional, prior_mean=moving))
    assert "what covariates tell included" in rows["mutual_information", ""].note
    for name in ("total_correlation", "dimension_kl"):
        assert rows[name, ""].status == "not defined"


def test_a_chain_of_close_means_is_no_condition():
    line = np.linspace(0, 1, 200_001)[:, None].astype(np.float32)
    assert conditions_by_mean(line, np.ones(1)) is None
    groups = conditions_by_mean(np.repeat([[0.0], [1.0]], 50, axis=0), np.ones(1))
    assert [len(group) for group in groups] == [50, 50]


def test_more_bins_than_components_leave_the_bracket_around_the_truth(monkeypatch):
    found = posterior(normal(12_000, 0.84 * np.eye(3), tau=5), 0.4)
    monkeypatch.setattr(aggregate, "MAX_COMPONENTS", 3000)
    rows = score(found)
    truth = -3 * np.log(0.4)
    low, high = rows["mutual_information", ""], rows["mutual_information_upper", ""]
    assert low.low < truth < high.high
    assert low.value == pytest.approx(truth, abs=0.2)


def test_scoring_twice_gives_the_same_numbers():
    found = posterior(normal(1000, 0.75 * np.eye(2)), 0.5)
    assert score(found) == score(found)
