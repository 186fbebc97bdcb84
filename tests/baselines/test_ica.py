import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA, FastICA

from alveus.baselines.ica import fit_ica, project_ica
from alveus.baselines.pca import fit_pca, project_pca
from alveus.config.models import Ica, Pca
from alveus.errors import SettingError
from alveus.scores.truth import shares_of_mcc

SETTINGS = Ica(method="ica", latents=5)


def fits(bins, n_seeds=1, **settings):
    return fit_ica(bins, SETTINGS.model_copy(update=settings), n_seeds)


def sources(seed):
    """Five independent sources (bin, source): three with heavy tails, two without any."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.laplace(size=(5000, 3)), rng.uniform(-2, 2, (5000, 2))])


def mixed(seed, n_units):
    mixing = np.random.default_rng(100 + seed).normal(size=(5, n_units))
    return (sources(seed) @ mixing + 3).astype(np.float32)


def mcc(latents, seed, test):
    return float(shares_of_mcc(latents[test], sources(seed)[test]).mean())


@pytest.mark.parametrize("n_units", [5, 40])
def test_sources_of_a_linear_mixture_are_found(make_bins, train, n_units):
    for seed in range(5):
        activity = mixed(seed, n_units)
        latents = project_ica(fits(make_bins(activity))[0].parameters, activity).mean
        assert mcc(latents, seed, ~train) > 0.98


def test_neither_the_mixture_nor_its_principal_components_hold_the_sources(make_bins, train):
    """The control of the test above: what ICA adds is not given to it."""
    raw, whitened = [], []
    for seed in range(20):
        activity = mixed(seed, 5)
        fit = fit_pca(make_bins(activity), Pca(method="pca", latents=5), 1)[0]
        raw.append(mcc(activity, seed, ~train))
        whitened.append(mcc(project_pca(fit.parameters, activity).mean, seed, ~train))
    assert np.mean(raw) == pytest.approx(0.63, abs=0.05)
    assert np.mean(whitened) == pytest.approx(0.72, abs=0.05)


def test_latents_agree_with_scikit_learn(make_bins, train):
    activity = mixed(0, 12)
    ours = project_ica(fits(make_bins(activity))[0].parameters, activity).mean
    theirs = FastICA(5, whiten="unit-variance", random_state=7).fit(activity[train].astype(np.float64))
    assert shares_of_mcc(ours, theirs.transform(activity)).mean() > 0.9999


def test_counts_are_rooted_and_the_subspace_is_that_of_principal_components(bins, counts, train):
    fitted = fits(bins, latents=3)[0].parameters
    theirs = PCA(3).fit(2 * np.sqrt(counts[train] + 3 / 8))
    assert np.degrees(subspace_angles(fitted["components"].T, theirs.components_.T)).max() < 0.01
    latents = project_ica(fitted, counts)
    assert latents.scale is None
    np.testing.assert_allclose(np.cov(latents.mean[train].T), np.eye(3), atol=1e-3)
    np.testing.assert_allclose(latents.mean[train].mean(0), 0, atol=1e-3)


def test_random_starts_agree_in_order_sign_and_scale(make_bins):
    several = [one.parameters["components"] for one in fits(make_bins(mixed(0, 12)), n_seeds=4)]
    assert not np.array_equal(several[0], several[1])
    for other in several[1:]:
        np.testing.assert_allclose(other, several[0], atol=2e-3 * np.abs(several[0]).max())


def test_latents_come_in_the_order_of_the_variance_they_explain(make_bins, train):
    activity = mixed(0, 12)
    latents = project_ica(fits(make_bins(activity))[0].parameters, activity).mean[train]
    scaled = (activity[train] - activity[train].mean(0)) / activity[train].std(0)
    mixing = np.linalg.lstsq(latents, scaled, rcond=None)[0]
    explained = np.square(mixing).sum(1)
    assert (np.diff(explained) < 0).all()
    assert explained.sum() == pytest.approx(12, rel=1e-3)  # one for each unit
    assert (mixing[np.arange(5), np.abs(mixing).argmax(1)] > 0).all()


def test_only_training_bins_have_an_influence(bins, make_bins, counts, train):
    elsewhere = make_bins(np.where(train[:, None], counts, 255).astype(np.uint8))
    one, other = (fits(b, n_seeds=2, latents=3)[1].parameters for b in (bins, elsewhere))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_silent_units_do_no_harm(counts, make_bins):
    quiet = np.concatenate([counts, np.zeros((5000, 2), np.uint8)], axis=1)
    components = fits(make_bins(quiet), latents=3)[0].parameters["components"]
    np.testing.assert_allclose(components[:, 25:], 0, atol=1e-12)


def test_more_latents_than_axes_are_refused(counts, make_bins):
    doubled = np.repeat(counts[:, :3], 2, axis=1)
    with pytest.raises(SettingError, match=r"5 latents .* along 3 axes only, .*set `latents` to 3 or less"):
        fits(make_bins(doubled))


def test_a_start_that_does_not_converge_is_noted_and_no_warning(make_bins):
    fit = fits(make_bins(mixed(0, 12)), max_steps=1)[0]
    assert len(fit.notes) == 1
    assert fit.notes[0].startswith("FastICA did not converge within `max_steps` (1): ")
    assert np.isfinite(fit.parameters["components"]).all()


def test_a_single_latent_is_the_first_principal_component(bins, counts):
    ours = project_ica(fits(bins, latents=1)[0].parameters, counts).mean[:, 0]
    first = project_pca(fit_pca(bins, Pca(method="pca", latents=1), 1)[0].parameters, counts).mean[:, 0]
    assert abs(np.corrcoef(ours, first)[0, 1]) == pytest.approx(1, abs=1e-6)
