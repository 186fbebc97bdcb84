import numpy as np
import pytest
from sklearn.decomposition import PCA

from alveus.baselines.pca import contiguous_blocks, fit_pca, project, root

BIN_SIZE = 0.1


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    drive = np.cumsum(rng.normal(size=(5000, 4)), 0)
    drive = (drive - drive.mean(0)) / drive.std(0) * np.array([1.0, 0.7, 0.5, 0.3])
    return rng.poisson(np.exp(drive @ rng.normal(size=(4, 25)) * 0.5)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def train():
    return np.arange(5000) % 1000 < 700


def fits(counts, train, n_seeds=1, segment=None):
    segment = np.zeros(len(counts), np.int32) if segment is None else segment
    return fit_pca(counts, train, segment, BIN_SIZE, n_latents=4, n_seeds=n_seeds)


def test_components_and_latents_agree_with_scikit_learn(counts, train):
    ours = fits(counts, train)[0]
    theirs = PCA(4, svd_solver="full").fit(2 * np.sqrt(counts[train] + 3 / 8))
    np.testing.assert_allclose(ours["mean"], theirs.mean_, rtol=1e-6)
    np.testing.assert_allclose(ours["explained_variance"], theirs.explained_variance_, rtol=1e-5)
    sign = np.sign((ours["components"] * theirs.components_).sum(1))
    np.testing.assert_allclose(ours["components"], theirs.components_ * sign[:, None], atol=1e-5)
    expected = theirs.transform(2 * np.sqrt(counts + 3 / 8)) * sign
    np.testing.assert_allclose(project(ours, counts), expected, atol=1e-4)


def test_activity_that_is_no_count_is_taken_as_it_is(train):
    traces = np.random.default_rng(0).normal(size=(5000, 25)).astype(np.float32) * np.linspace(1, 3, 25) - 7
    ours = fits(traces.astype(np.float32), train)[0]
    theirs = PCA(4, svd_solver="full").fit(traces[train])
    np.testing.assert_allclose(ours["explained_variance"], theirs.explained_variance_, rtol=1e-4)


def test_signs_are_fixed_and_two_fits_are_equal(counts, train):
    first, second = fits(counts, train)[0], fits(counts, train)[0]
    assert all(np.array_equal(first[name], second[name]) for name in first)
    largest = np.abs(first["components"]).argmax(1)
    assert (first["components"][np.arange(4), largest] > 0).all()


def test_seeds_are_resamples_of_the_training_part_and_only_of_it(counts, train):
    several = fits(counts, train, n_seeds=3)
    assert all(np.array_equal(several[0][name], fits(counts, train)[0][name]) for name in several[0])
    assert not np.allclose(several[1]["mean"], several[0]["mean"])
    assert not np.allclose(several[1]["mean"], several[2]["mean"])
    elsewhere = np.where(train[:, None], counts, 255).astype(np.uint8)
    for one, other in zip(several, fits(elsewhere, train, n_seeds=3), strict=True):
        assert np.array_equal(one["components"], other["components"])


def test_resampled_means_vary_as_blocks_do_not_as_bins(counts, train):
    """On activity that hardly changes within a block, a bootstrap of bins would be far too sure of the mean."""
    slow = np.repeat(np.random.default_rng(1).poisson(3.0, (50, 25)).astype(np.uint8), 100, axis=0)  # 10 s each
    means = np.stack([one["mean"] for one in fits(slow, np.ones(5000, bool), n_seeds=40)[1:]])
    rooted = 2 * np.sqrt(slow + 3 / 8)
    of_blocks = rooted.std(0) / np.sqrt(50)
    assert np.median(means.std(0) / of_blocks) == pytest.approx(1, abs=0.2)


def test_blocks_cover_every_training_bin_once_and_cross_no_gap():
    rng = np.random.default_rng(0)
    for _ in range(20):
        train = rng.random(300) < 0.9
        segment = np.cumsum(rng.random(300) < 0.02)
        covered = np.zeros(300, int)
        for block in contiguous_blocks(train, segment, 17):
            covered[block] += 1
            assert block.stop - block.start <= 17
            assert len(set(segment[block])) == 1
        assert np.array_equal(covered, train)


def test_rooted_poisson_counts_have_a_variance_of_one():
    counts = np.random.default_rng(0).poisson([4.0, 20.0, 100.0], (20_000, 3)).astype(np.uint8)
    np.testing.assert_allclose(root(counts).var(0), 1, atol=0.06)
