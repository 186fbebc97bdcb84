import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, FastICA

from alveus.errors import SettingError
from alveus.simulation import SIMULATIONS, ivae
from alveus.simulation.ivae import mean_without_noise, mix, undo_hidden, unmix
from alveus.simulation.matrices import mixing_matrix


@pytest.fixture(scope="module")
def recordings():
    return [ivae(seed=seed, bins=250) for seed in range(5)]


def matrices(n_sources, n_units, layers):
    rng = np.random.default_rng(3)
    return [mixing_matrix(n_sources, n_sources if k < layers - 1 else n_units, rng) for k in range(layers)]


def independent_components(x):
    return FastICA(5, whiten="unit-variance", random_state=0, max_iter=1000, tol=1e-3).fit_transform(x)


def test_sources_are_gaussian_with_another_standard_deviation_in_each_segment():
    recording = ivae(noise=0.0)
    latents = recording.truth.latents.reshape(40, 1000, 5)
    deviation = latents.std(axis=1)
    assert 0.45 < deviation.min() < 0.7
    assert 2.7 < deviation.max() < 3.2
    assert deviation.mean() == pytest.approx(1.75, abs=0.15)
    assert ((latents / deviation[:, None]) ** 4).mean() == pytest.approx(3, abs=0.1)


def test_the_segment_is_a_label(recordings):
    label = recordings[0].behavior[0]
    assert (label.name, label.kind, len(label.labels)) == ("segment_label", "categorical", 40)
    assert np.array_equal(label.values, np.repeat(np.arange(40), 250))


def test_the_mixing_is_a_network_with_leaky_rectifiers():
    layers = matrices(4, 6, 3)
    linear = [torch.nn.Linear(*matrix.shape, bias=False, dtype=torch.float64) for matrix in layers]
    for layer, matrix in zip(linear, layers, strict=True):
        layer.weight.data = torch.tensor(matrix.T)
    leak = torch.nn.LeakyReLU(0.2)
    network = torch.nn.Sequential(linear[0], leak, linear[1], leak, linear[2])
    sources = np.random.default_rng(0).standard_normal((50, 4))
    np.testing.assert_allclose(mix(sources, layers), network(torch.tensor(sources)).detach().numpy(), atol=1e-12)


@pytest.mark.parametrize(("n_units", "layers"), [(4, 3), (7, 3), (4, 1), (7, 2)])
def test_the_mixing_can_be_undone(n_units, layers):
    chain = matrices(4, n_units, layers)
    sources = np.random.default_rng(0).standard_normal((100, 4))
    np.testing.assert_allclose(unmix(mix(sources, chain), chain), sources, atol=1e-9)


def test_undoing_enlarges_volumes_by_the_jacobian():
    layers = matrices(3, 3, 2)
    x, step = np.random.default_rng(0).standard_normal((20, 3)), 1e-6
    moved = [
        undo_hidden(x + step * axis, layers)[0] - undo_hidden(x - step * axis, layers)[0] for axis in np.eye(3)
    ]
    expected = np.linalg.slogdet(np.stack(moved, axis=1) / (2 * step))[1]
    log_volume = undo_hidden(x, layers)[1]
    np.testing.assert_allclose(log_volume - log_volume[0], expected - expected[0], atol=1e-6)


@pytest.mark.filterwarnings("ignore:FastICA did not converge")  # the mixture is not linear
@pytest.mark.parametrize("units", [5, 20])
def test_principal_and_independent_components_find_as_little_as_was_measured(units, mcc):
    components, independent = [], []
    for seed in range(5):
        recording = ivae(seed=seed, bins=250, units=units, noise=0.0)
        signals, sources = recording.activity.values, recording.truth.latents
        components.append(mcc(PCA(5).fit_transform(signals), sources))
        independent.append(mcc(independent_components(signals), sources))
    assert np.mean(components) == pytest.approx(0.55, abs=0.05)
    assert np.mean(independent) == pytest.approx(0.59, abs=0.05)


def test_one_layer_is_a_linear_mixture_that_fastica_undoes(mcc):
    recording = ivae(layers=1, bins=250)
    assert mcc(independent_components(recording.activity.values), recording.truth.latents) > 0.99


def test_the_ceiling_finds_the_sources(recordings, mcc):
    for recording in recordings:
        assert 0.98 < mcc(recording.truth.ceiling, recording.truth.latents) < 1
    exact = ivae(bins=250, noise=0.0).truth
    np.testing.assert_allclose(exact.ceiling, exact.latents, atol=1e-9)
    assert exact.ceiling_name == "exact inverse of the true mixing"


def test_errors_of_the_ceiling_cannot_be_told_from_it(recordings):
    for recording in recordings:
        weights = np.linalg.lstsq(recording.truth.ceiling, recording.truth.latents, rcond=None)[0]
        np.testing.assert_allclose(weights, np.eye(5), atol=0.01)


def test_the_ceiling_of_a_linear_gaussian_model_is_that_of_the_closed_form():
    rng = np.random.default_rng(0)
    layer, noise = mixing_matrix(3, 6, rng), 0.3
    sources = 2 * rng.standard_normal((3000, 3))
    observed = sources @ layer + noise * rng.standard_normal((3000, 6))
    exact = observed @ np.linalg.solve(layer.T @ layer + noise**2 / 4 * np.eye(6), layer.T)
    found = mean_without_noise(observed, noise, [layer], np.full((2, 3), 2.0), rng)
    error = np.sqrt(((found - exact) ** 2).mean())
    assert error < 0.1 * np.sqrt(((sources - exact) ** 2).mean())


def test_the_ceiling_agrees_with_a_sum_over_a_grid():
    rng = np.random.default_rng(0)
    layers, deviations, noise = matrices(2, 3, 3), np.array([[0.5, 2.5], [2.0, 1.0]]), 0.02
    observed = mix(rng.standard_normal((8, 2)), layers) + noise * rng.standard_normal((8, 3))
    axis = np.linspace(-6, 6, 1201)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    prior = (np.exp(-0.5 * (grid[:, None] / deviations) ** 2) / deviations).prod(axis=2).sum(axis=1)
    mixed = mix(grid, layers)
    for x in observed:
        posterior = prior * np.exp(-((x - mixed) ** 2).sum(axis=1) / (2 * noise**2))
        exact = posterior @ grid / posterior.sum()
        spread = np.sqrt(posterior @ (grid - exact) ** 2 / posterior.sum())
        found = mean_without_noise(np.tile(x, (400, 1)), noise, layers, deviations, rng).mean(axis=0)
        assert (np.abs(found - exact) < 0.1 * spread).all()


def test_the_same_seed_gives_the_same_recording_and_another_seed_another():
    first, again, other = (ivae(seed=seed, segments=3, bins=10) for seed in (0, 0, 1))
    assert np.array_equal(first.activity.values, again.activity.values)
    assert np.array_equal(first.truth.ceiling, again.truth.ceiling)
    assert not np.array_equal(first.truth.latents, other.truth.latents)


def test_simulations_are_found_by_name():
    assert SIMULATIONS["ivae"] is ivae


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"segments": 1}, "segments is 1, give at least 2"),
        ({"units": 4}, "units is 4, give at least 5"),
        ({"layers": 0}, "layers is 0, give at least 1"),
        ({"noise": -0.1}, "noise is -0.1, give at least 0"),
        ({"noise": float("nan")}, "noise is nan, give at least 0, and a finite number"),
        ({"noise": 0.5}, "noise is 0.5, give at most 0.02"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(SettingError, match=words):
        ivae(**options)
