import numpy as np
import pytest
from scipy.linalg import subspace_angles
from scipy.stats import multivariate_normal
from sklearn.decomposition import FactorAnalysis as Oracle

from alveus.baselines.factor_analysis import TOLERANCE, fit_factor_analysis, project_factor_analysis
from alveus.baselines.moments import resampled_moments
from alveus.config.models import FactorAnalysis
from alveus.errors import SettingError

SETTINGS = FactorAnalysis(method="factor_analysis", latents=3)


def rooted(counts):
    return 2 * np.sqrt(counts + 3 / 8)


def fits(bins, n_seeds=1, **settings):
    return fit_factor_analysis(bins, SETTINGS.model_copy(update=settings), n_seeds)


@pytest.fixture(scope="module")
def fitted(bins):
    return fits(bins)[0].parameters


@pytest.fixture(scope="module")
def oracle(counts, train):
    """scikit-learn on all the bins, from the same start: each unit's own variance as its noise."""
    activity = rooted(counts[train])
    options = {"noise_variance_init": activity.var(0), "tol": TOLERANCE, "svd_method": "lapack"}
    return Oracle(3, **options).fit(activity)


@pytest.fixture(scope="module")
def simulated(train):
    """Latents, loadings and activity (bin, unit) of an exact factor model, and scales to multiply units by."""
    rng = np.random.default_rng(3)
    latents = rng.normal(size=(5000, 4))
    loadings = rng.normal(size=(4, 30)) * np.array([2.0, 1.5, 1.0, 0.7])[:, None]
    activity = latents @ loadings + rng.normal(size=(5000, 30)) * rng.uniform(0.5, 3, 30)
    return latents, loadings, activity, np.geomspace(1e-4, 1e3, 30)


def aligned(ours, theirs):
    return theirs * np.sign((ours * theirs).sum(1, keepdims=True))


def test_a_few_made_up_bins_give_what_all_bins_give_scikit_learn(fitted, oracle):
    np.testing.assert_allclose(fitted["mean"], oracle.mean_, rtol=1e-6)
    np.testing.assert_allclose(fitted["noise_variance"], oracle.noise_variance_, rtol=1e-6)
    expected = aligned(fitted["components"], oracle.components_)
    np.testing.assert_allclose(fitted["components"], expected, atol=1e-6)


def test_the_log_likelihood_is_no_worse_than_that_of_scikit_learns_defaults(fitted, oracle, counts, train):
    """Its default decomposition of random projections ends 15 nats below the maximum here."""
    activity = rooted(counts[train])
    covariance = fitted["components"].T @ fitted["components"] + np.diag(fitted["noise_variance"])
    ours = multivariate_normal(fitted["mean"], covariance).logpdf(activity).mean()
    assert ours == pytest.approx(oracle.score(activity), rel=1e-6)
    assert ours == pytest.approx(Oracle(3, svd_method="lapack").fit(activity).score(activity), rel=1e-6)
    assert ours > Oracle(3).fit(activity).score(activity)


def test_latents_are_the_posterior_mean_of_scikit_learn(fitted, oracle, counts):
    ours = project_factor_analysis(fitted, counts).mean
    np.testing.assert_allclose(ours, aligned(ours.T, oracle.transform(rooted(counts)).T).T, atol=1e-4)


def test_the_scale_is_that_of_the_joint_gaussian(fitted, counts):
    loadings, noise = fitted["components"].astype(np.float64), fitted["noise_variance"].astype(np.float64)
    joint = loadings.T @ loadings + np.diag(noise)
    conditional = np.eye(3) - loadings @ np.linalg.solve(joint, loadings.T)
    scale = project_factor_analysis(fitted, counts[:7]).scale
    np.testing.assert_allclose(scale, np.sqrt(conditional.diagonal()), rtol=1e-5)


def test_true_loadings_are_found_and_true_latents_lie_where_the_posterior_says(simulated, make_bins, train):
    latents, loadings, activity, scales = simulated
    traces = (activity * scales).astype(np.float32)
    fitted = fits(make_bins(traces), latents=4)[0].parameters
    posterior = project_factor_analysis(fitted, traces)
    test = ~train
    rotation = np.linalg.lstsq(posterior.mean[train], latents[train], rcond=None)[0]
    assert np.degrees(subspace_angles((fitted["components"] / scales).T, loadings.T)).max() < 5
    error = latents[test] - posterior.mean[test] @ rotation
    assert np.square(error).sum(1).mean() == pytest.approx(np.square(posterior.scale).sum(), rel=0.05)


def test_the_scale_of_a_trace_does_not_matter(simulated, make_bins):
    _, _, activity, scales = simulated
    plain, scaled = (a.astype(np.float32) for a in (activity, activity * scales))
    one, other = (
        project_factor_analysis(fits(make_bins(a), latents=4)[0].parameters, a).mean for a in (plain, scaled)
    )
    np.testing.assert_allclose(one, aligned(one.T, other.T).T, atol=2e-3)


def test_seeds_are_resamples_and_seed_0_is_all_training_bins(bins, fitted):
    several = [one.parameters for one in fits(bins, n_seeds=3)]
    assert all(np.array_equal(several[0][name], fitted[name]) for name in fitted)
    for seed, moments in enumerate(resampled_moments(bins, 3)):
        np.testing.assert_allclose(several[seed]["mean"], moments.mean, rtol=1e-6)
    angle = np.degrees(subspace_angles(several[1]["components"].T, fitted["components"].T)).max()
    assert 0.1 < angle < 20


def test_silent_and_doubled_units_do_no_harm(counts, make_bins):
    odd = counts.copy()
    odd[:, 4] = 0
    odd[:, 5] = odd[:, 6]
    fitted = fits(make_bins(odd))[0].parameters
    assert (fitted["components"][:, 4] == 0).all()
    awake = odd.copy()
    awake[:, 4] = 200  # a unit that no training bin knows says nothing
    latents = project_factor_analysis(fitted, awake)
    assert np.isfinite(latents.mean).all()
    assert (latents.scale > 0).all()
    np.testing.assert_array_equal(latents.mean, project_factor_analysis(fitted, odd).mean)


def test_as_many_latents_as_there_are_axes_give_finite_numbers(counts, make_bins):
    few = np.repeat(counts[:, :3], 3, axis=1)  # 9 units, rank 3: no noise is left for any
    fitted = fits(make_bins(few))[0].parameters
    latents = project_factor_analysis(fitted, few)
    assert np.isfinite(latents.mean).all()
    assert (latents.scale < 0.01).all()


def test_more_latents_than_axes_are_refused(counts, make_bins):
    few = np.repeat(counts[:, :2], 5, axis=1)
    with pytest.raises(SettingError, match="3 latents for activity that varies along 2 axes only"):
        fits(make_bins(few))


def test_too_few_steps_are_noted_and_no_warning(bins):
    fit = fits(bins, max_steps=2)[0]
    assert fit.notes == (
        "factor analysis did not converge within `max_steps` (2): raise it, or ask for fewer latents",
    )
    assert fits(bins)[0].notes == ()
