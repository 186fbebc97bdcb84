import numpy as np
import pytest

from alveus.baselines.bins import TrainingBins
from alveus.baselines.moments import refuse_low_rank, resampled_moments
from alveus.errors import SettingError


def test_moments_agree_with_numpy(bins, counts, train):
    ours = resampled_moments(bins, 1)[0]
    rooted = 2 * np.sqrt(counts[train] + 3 / 8)
    assert ours.n_bins == train.sum()
    np.testing.assert_allclose(ours.mean, rooted.mean(0), rtol=1e-12)
    np.testing.assert_allclose(ours.covariance, np.cov(rooted.T), atol=1e-12)


def test_only_units_that_never_change_are_constant(train, make_bins):
    activity = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32)
    activity *= np.array([1e-12, 1e6, 0, 0], np.float32)
    activity += np.array([0, 1e6, 1234.567, 0], np.float32)
    assert resampled_moments(make_bins(activity), 1)[0].varies.tolist() == [True, True, False, False]


def test_resampled_means_vary_as_blocks_do_not_as_bins():
    """On activity that hardly changes within a block, a bootstrap of bins would be far too sure of the mean."""
    slow = np.repeat(np.random.default_rng(1).poisson(3.0, (50, 25)).astype(np.uint8), 100, axis=0)  # 10 s each
    bins = TrainingBins(slow, np.ones(5000, bool), np.zeros(5000, np.int32), 0.1)
    means = np.stack([one.mean for one in resampled_moments(bins, 40)[1:]])
    rooted = 2 * np.sqrt(slow + 3 / 8)
    of_blocks = rooted.std(0) / np.sqrt(50)
    assert np.median(means.std(0) / of_blocks) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("variance", "n_latents", "expected"),
    [([3.0, 1.0, 1e-15], 3, "along 2 axes only.*set `latents` to 2 or less"), ([0.0, 0.0], 1, "0 axes.*: leave")],
)
def test_more_latents_than_axes_that_vary_are_refused(bins, variance, n_latents, expected):
    with pytest.raises(SettingError, match=expected):
        refuse_low_rank(np.array(variance), resampled_moments(bins, 1)[0], n_latents)
