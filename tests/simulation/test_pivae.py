import numpy as np
import pytest
from sklearn.decomposition import PCA

from alveus.errors import SettingError
from alveus.simulation import SIMULATIONS, pivae
from alveus.simulation.flow import CouplingFlow
from alveus.simulation.pivae import expected_counts, latents_given, points_of_the_prior
from alveus.simulation.posterior import posterior_mean


@pytest.fixture(scope="module")
def recordings():
    return [pivae(seed=seed) for seed in range(3)]


def of_label(label):
    return np.column_stack([label, 2 * np.sin(label)])


def train(recording):
    return np.arange(len(recording.truth.latents)) // 100 % 5 > 0


def test_the_label_is_uniform_white_and_circular(recordings):
    label = recordings[0].behavior[0]
    assert (label.name, label.kind, label.period) == ("u", "circular", 2 * np.pi)
    turns = label.values / (2 * np.pi)
    np.testing.assert_allclose(np.histogram(turns, 10, (0, 1))[0] / turns.size, 0.1, atol=0.01)
    assert abs(np.corrcoef(turns[1:], turns[:-1])[0, 1]) < 4 / np.sqrt(turns.size)


def test_latents_have_the_means_and_variances_that_the_label_asks_for(recordings):
    label, latents = recordings[0].behavior[0].values, recordings[0].truth.latents
    sine = np.abs(np.sin(label))
    variance = np.column_stack([0.6 - 0.3 * sine, 0.3 * sine])
    standard = (latents - of_label(label)) / np.sqrt(variance)
    for third in np.array_split(np.argsort(sine), 3):
        np.testing.assert_allclose(standard[third].mean(axis=0), 0, atol=0.06)
        np.testing.assert_allclose(np.cov(standard[third].T), np.eye(2), atol=0.07)


def test_the_label_alone_says_as_much_as_was_measured(recordings, r2_of_affine_map, mcc):
    for recording in recordings:
        guess = of_label(recording.behavior[0].values)
        assert r2_of_affine_map(guess, recording.truth.latents, train(recording)) == pytest.approx(0.904, abs=0.01)
        assert mcc(guess, recording.truth.latents) == pytest.approx(0.951, abs=0.005)


def test_principal_components_and_the_ceiling_find_as_much_as_was_measured(recordings, r2_of_affine_map):
    found = {"pca": [], "ceiling": []}
    for recording in recordings:
        components = PCA(2).fit_transform(np.sqrt(recording.activity.counts + 3 / 8))
        for name, latents in (("pca", components), ("ceiling", recording.truth.ceiling)):
            found[name].append(r2_of_affine_map(latents, recording.truth.latents, train(recording)))
    assert np.mean(found["pca"]) == pytest.approx(0.860, abs=0.03)
    assert np.mean(found["ceiling"]) == pytest.approx(0.915, abs=0.02)
    assert np.less(found["pca"], found["ceiling"]).all()


def test_errors_of_the_ceiling_cannot_be_told_from_it(recordings):
    for recording in recordings:  # true of a conditional mean, and of nothing better or worse calibrated
        inputs = np.column_stack([recording.truth.ceiling, np.ones(len(recording.truth.ceiling))])
        weights = np.linalg.lstsq(inputs, recording.truth.latents, rcond=None)[0]
        np.testing.assert_allclose(weights, np.eye(3)[:, :2], atol=0.02)


def test_the_ceiling_agrees_with_gauss_hermite_quadrature():
    rng = np.random.default_rng(0)
    flow = CouplingFlow(30, rng)
    latents = latents_given(rng.uniform(0, 2 * np.pi, 200), rng.standard_normal((200, 2)))
    counts = rng.poisson(expected_counts(flow, latents))
    points = points_of_the_prior()
    ours = posterior_mean(counts, expected_counts(flow, points), points)

    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    label = (np.arange(300) + 0.5) * 2 * np.pi / 300
    first, second, u = (a.ravel() for a in np.meshgrid(nodes, nodes, label, indexing="ij"))
    nodes_of_latents = latents_given(u, np.column_stack([first, second]))
    rate = expected_counts(flow, nodes_of_latents)
    log_posterior = counts @ np.log(rate).T - rate.sum(axis=1)
    log_posterior += np.log(np.outer(weights, weights)).ravel().repeat(label.size)
    posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
    exact = posterior @ nodes_of_latents / posterior.sum(axis=1, keepdims=True)
    error = np.sqrt(((ours - exact) ** 2).mean(axis=0))
    assert (error < 0.03 * np.sqrt(((latents - exact) ** 2).mean(axis=0))).all()


def test_points_of_the_prior_have_its_moments():
    points = points_of_the_prior()
    np.testing.assert_allclose(points.mean(axis=0), [np.pi, 0], atol=5e-3)
    variance = [np.pi**2 / 3 + 0.6 - 0.6 / np.pi, 2 + 0.6 / np.pi]  # of the means, and the mean of the variances
    np.testing.assert_allclose(points.var(axis=0), variance, rtol=5e-3)


def test_units_expect_between_a_ninth_of_a_spike_and_nine(recordings):
    mean = recordings[0].activity.counts.mean(axis=0)
    assert recordings[0].activity.counts.shape == (15_000, 100)
    assert mean.min() > np.exp(-2.2)
    assert mean.max() < np.exp(2.2)


def test_the_same_seed_gives_the_same_recording_and_another_seed_another():
    first, again, other = (pivae(seed=seed, bins=20, units=8) for seed in (0, 0, 1))
    assert np.array_equal(first.activity.counts, again.activity.counts)
    assert not np.array_equal(first.truth.latents, other.truth.latents)


def test_simulations_are_found_by_name():
    assert SIMULATIONS["pivae"] is pivae


def test_impossible_sizes_are_named_all_at_once():
    with pytest.raises(SettingError) as refused:
        pivae(bins=1, units=3)
    assert [p.split(": ")[1].split()[0] for p in refused.value.problems] == ["bins", "units"]
