import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from alveus.baselines.pca import fit_pca, project_pca
from alveus.config.models import Pca

SETTINGS = Pca(method="pca", latents=4)


def fits(bins, n_seeds=1):
    return [one.parameters for one in fit_pca(bins, SETTINGS, n_seeds)]


def test_components_and_latents_agree_with_scikit_learn(bins, counts, train):
    ours = fits(bins)[0]
    theirs = PCA(4, svd_solver="full").fit(2 * np.sqrt(counts[train] + 3 / 8))
    np.testing.assert_allclose(ours["mean"], theirs.mean_, rtol=1e-6)
    np.testing.assert_allclose(ours["explained_variance"], theirs.explained_variance_, rtol=1e-5)
    sign = np.sign((ours["components"] * theirs.components_).sum(1))
    np.testing.assert_allclose(ours["components"], theirs.components_ * sign[:, None], atol=1e-5)
    latents = project_pca(ours, counts)
    np.testing.assert_allclose(latents.mean, theirs.transform(2 * np.sqrt(counts + 3 / 8)) * sign, atol=1e-4)
    assert latents.scale is None


def test_activity_that_is_no_count_is_brought_to_unit_variance(make_bins, train):
    traces = (np.random.default_rng(0).normal(size=(5000, 25)) * np.geomspace(1e-4, 1e4, 25) - 7).astype(
        np.float32
    )
    traces[:, 5] = 3  # a unit that does not vary has no part in it
    ours = fits(make_bins(traces))[0]
    scaled = StandardScaler().fit(traces[train].astype(np.float64))
    theirs = PCA(4, svd_solver="full").fit(scaled.transform(traces[train]))
    np.testing.assert_allclose(ours["explained_variance"], theirs.explained_variance_, rtol=1e-3)
    expected = theirs.transform(scaled.transform(traces))
    sign = np.sign((project_pca(ours, traces).mean * expected).sum(0))
    np.testing.assert_allclose(project_pca(ours, traces).mean, expected * sign, atol=2e-3)


def test_signs_are_fixed_and_two_fits_are_equal(bins):
    first, second = fits(bins)[0], fits(bins)[0]
    assert all(np.array_equal(first[name], second[name]) for name in first)
    largest = np.abs(first["components"]).argmax(1)
    assert (first["components"][np.arange(4), largest] > 0).all()


def test_seeds_are_resamples_of_the_training_part_and_only_of_it(bins, make_bins, counts, train):
    several = fits(bins, n_seeds=3)
    assert all(np.array_equal(several[0][name], fits(bins)[0][name]) for name in several[0])
    assert not np.allclose(several[1]["mean"], several[0]["mean"])
    assert not np.allclose(several[1]["mean"], several[2]["mean"])
    elsewhere = make_bins(np.where(train[:, None], counts, 255).astype(np.uint8))
    for one, other in zip(several, fits(elsewhere, n_seeds=3), strict=True):
        assert np.array_equal(one["components"], other["components"])
