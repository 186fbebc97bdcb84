import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.ndimage import gaussian_filter1d

from alveus.errors import SettingError
from alveus.simulation import lorenz
from alveus.simulation.lorenz import _trajectories


@pytest.fixture(scope="module")
def recording():
    return lorenz()


def test_trajectories_follow_the_lorenz_equations():
    start = np.array([[1.0, -0.5, 0.3]])

    def velocity(_, p):
        return [10 * (p[1] - p[0]), p[0] * (28 - p[2]) - p[1], p[0] * p[1] - 8 / 3 * p[2]]

    times = np.arange(301, 321) * 0.01
    exact = solve_ivp(velocity, (0, times[-1]), start[0], t_eval=times, rtol=1e-10, atol=1e-10).y.T
    np.testing.assert_allclose(_trajectories(start, 20)[0], exact, atol=2e-3)


def test_the_default_recipe_has_65_conditions_of_20_trials_of_100_bins(recording):
    assert recording.activity.counts.shape == (65 * 20 * 100, 30)
    assert recording.trials.start.size == 1300
    _, repeats = np.unique(recording.trials.columns["condition"], return_counts=True)
    assert (repeats == 20).all()
    assert repeats.size == 65
    assert np.array_equal(np.bincount(recording.activity.segment), np.full(1300, 100))


def test_trials_of_a_condition_share_their_latents_and_not_their_counts(recording):
    same = np.flatnonzero(recording.trials.columns["condition"] == 3)[:2]
    latents = recording.truth.latents.reshape(1300, 100, 3)
    counts = recording.activity.counts.reshape(1300, 100, 30)
    assert np.array_equal(latents[same[0]], latents[same[1]])
    assert not np.array_equal(counts[same[0]], counts[same[1]])


def test_smoothed_counts_find_the_latents_as_well_as_was_published(recording, r2_of_affine_map):
    smooth = gaussian_filter1d(recording.activity.counts.reshape(1300, 100, 30).astype(float), 8, axis=1)
    smooth = smooth.reshape(-1, 30)
    train = np.repeat(np.arange(1300) % 5 > 0, 100)
    centred = smooth - smooth[train].mean(axis=0)
    axes = np.linalg.svd(np.cov(centred[train].T))[2][:3]
    assert r2_of_affine_map(centred @ axes.T, recording.truth.latents, train) == pytest.approx(0.79, abs=0.03)


def test_the_ceiling_lies_between_any_published_method_and_one(recording):
    truth, ceiling = recording.truth.latents, recording.truth.ceiling
    r2 = 1 - ((truth - ceiling) ** 2).sum(axis=0) / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    assert 0.966 < r2.mean() < 1


def test_mean_counts_follow_the_true_rates(recording):
    condition = recording.trials.columns["condition"]
    counts = recording.activity.counts.reshape(1300, 100, 30).astype(float)
    latents = recording.truth.latents.reshape(1300, 100, 3)
    mean = np.stack([counts[condition == k].mean(axis=(0, 1)) for k in range(65)])
    position = np.stack([latents[condition == k][0].mean(axis=0) for k in range(65)])
    inputs = np.column_stack([position, np.ones(65)])
    log_rate = np.log(mean + 1e-3)
    residual = log_rate - inputs @ np.linalg.lstsq(inputs, log_rate, rcond=None)[0]
    assert 1 - residual.var() / (log_rate - log_rate.mean(axis=0)).var() > 0.85


def test_the_same_seed_gives_the_same_recording_and_another_seed_another():
    small = {"conditions": 3, "trials": 2, "bins": 10, "units": 5}
    first, again, other = lorenz(**small), lorenz(**small), lorenz(seed=1, **small)
    assert np.array_equal(first.activity.counts, again.activity.counts)
    assert not np.array_equal(first.truth.latents, other.truth.latents)


def test_impossible_sizes_are_named_all_at_once():
    with pytest.raises(SettingError) as refused:
        lorenz(conditions=0, units=0)
    assert [p.split(": ")[1].split()[0] for p in refused.value.problems] == ["conditions", "units"]
