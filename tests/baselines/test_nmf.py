import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, nnls
from sklearn.decomposition import NMF

from alveus.baselines import nmf
from alveus.baselines.bins import BLOCK_BINS
from alveus.baselines.nmf import fit_nmf, project_nmf
from alveus.config.models import Nmf
from alveus.errors import SettingError

SETTINGS = Nmf(method="nmf", latents=4)


def fits(bins, n_seeds=1, **settings):
    return fit_nmf(bins, SETTINGS.model_copy(update=settings), n_seeds)


@pytest.fixture(scope="module")
def parts():
    """Four sparse non-negative parts of 30 units, and counts (bin, unit) that they sum to, in the mean."""
    rng = np.random.default_rng(0)
    components = rng.gamma(0.5, 2.0, (4, 30)) * (rng.random((4, 30)) < 0.4)
    latents = rng.gamma(0.5, 2.0, (5000, 4))
    return components, rng.poisson(latents @ components).clip(0, 255).astype(np.uint8)


def squared_error(parameters, counts):
    return np.square(counts - project_nmf(parameters, counts).mean @ parameters["components"]).sum()


def test_from_every_start_reconstruction_is_within_one_percent_of_scikit_learn(parts, make_bins, train):
    counts = parts[1]
    for seed, one in enumerate(fits(make_bins(counts), n_seeds=3)):
        oracle = NMF(4, init="random", random_state=seed, max_iter=1000).fit(counts[train].astype(np.float64))
        assert squared_error(one.parameters, counts[train]) < 1.01 * oracle.reconstruction_err_**2


def test_a_fifth_of_the_bins_is_within_two_percent_of_all(parts, make_bins, train, monkeypatch):
    counts = parts[1]
    everything = fits(make_bins(counts))[0].parameters
    monkeypatch.setattr(nmf, "SAMPLED_COUNTS", counts[train].size // 5)
    sampled = fits(make_bins(counts))[0].parameters
    assert not np.array_equal(sampled["components"], everything["components"])
    assert squared_error(sampled, counts[~train]) < 1.02 * squared_error(everything, counts[~train])


def test_a_sample_is_spread_over_all_training_bins_and_is_never_empty(bins, train, monkeypatch):
    monkeypatch.setattr(nmf, "SAMPLED_COUNTS", 25 * 100)
    sampled = nmf._sampled(bins)
    assert sampled.size == 100
    assert train[sampled].all()
    assert (sampled[0], sampled[-1]) == (0, np.flatnonzero(train)[-1])
    assert np.diff(np.searchsorted(np.flatnonzero(train), sampled)).max() <= 36
    monkeypatch.setattr(nmf, "SAMPLED_COUNTS", 1)
    assert nmf._sampled(bins).size == 1


def test_true_parts_are_found(parts, make_bins):
    components, counts = parts
    found = fits(make_bins(counts))[0].parameters["components"]
    cosines = (components / np.linalg.norm(components, axis=1)[:, None]) @ found.T
    assert cosines[linear_sum_assignment(-cosines)].min() > 0.95


def test_latents_are_non_negative_least_squares_weights(parts, make_bins):
    counts = np.tile(parts[1], (3, 1))
    assert counts.shape[0] > BLOCK_BINS
    fitted = fits(make_bins(parts[1]))[0].parameters
    latents = project_nmf(fitted, counts)
    assert latents.scale is None
    assert (latents.mean >= 0).all()
    matrix = fitted["components"].T.astype(np.float64)
    chosen = np.arange(0, counts.shape[0], 97)
    expected = [nnls(matrix, counts[i].astype(np.float64))[0] for i in chosen]
    np.testing.assert_allclose(latents.mean[chosen], expected, atol=1e-5)


def test_components_have_length_one_and_come_in_the_order_of_what_they_explain(parts, make_bins, train):
    counts = parts[1]
    fitted = fits(make_bins(counts))[0].parameters
    assert (fitted["components"] >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(fitted["components"], axis=1), 1, rtol=1e-6)
    assert (np.diff(np.square(project_nmf(fitted, counts[train]).mean).sum(0)) < 0).all()


def test_seeds_are_random_starts_and_only_training_bins_have_an_influence(parts, make_bins, train):
    counts = parts[1]
    elsewhere = np.where(train[:, None], counts, 255).astype(np.uint8)
    one, other = (fits(make_bins(c), n_seeds=2) for c in (counts, elsewhere))
    assert not np.array_equal(one[0].parameters["components"], one[1].parameters["components"])
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a.parameters["components"], b.parameters["components"])


def test_negative_activity_is_refused_with_its_extent(make_bins):
    traces = np.ones((5000, 3), np.float32)
    traces[4999, 1], traces[7, 1] = -0.25, -0.5  # one of them in a test bin: latents are wanted there too
    with pytest.raises(SettingError, match=r"2 of 15000 values are negative, in 1 of 3 units, down to -0\.5"):
        fits(make_bins(traces), latents=2)


def test_events_of_any_unit_of_measure_have_the_same_latents(parts, make_bins):
    events = parts[1].astype(np.float32)
    unit = 2.0 ** np.arange(-15, 15).astype(np.float32)  # powers of 2: nothing is rounded
    latents = [project_nmf(fits(make_bins(a))[0].parameters, a).mean for a in (events, events * unit)]
    np.testing.assert_allclose(*latents, rtol=1e-5, atol=1e-6)
    size = fits(make_bins(events))[0].parameters["size"]
    square = (events[make_bins(events).train] ** 2).mean(0)
    np.testing.assert_allclose(size, np.where(square > 0, np.sqrt(square), 1), rtol=1e-6)


def test_silence_is_refused_and_a_silent_unit_is_not(parts, make_bins):
    counts = parts[1].copy()
    with pytest.raises(SettingError, match="all 30 units are silent in the 3500 training bins"):
        fits(make_bins(counts * 0))
    counts[:, 3] = 0
    assert (fits(make_bins(counts))[0].parameters["components"][:, 3] < 1e-6).all()


def test_more_parts_than_there_are_leave_finite_numbers(make_bins):
    one_part = np.outer(np.arange(5000) % 7, [1, 2, 0, 3]).astype(np.uint8)
    fit = fits(make_bins(one_part), latents=3)[0]
    latents = project_nmf(fit.parameters, one_part).mean
    assert np.isfinite(latents).all()
    np.testing.assert_allclose(latents @ fit.parameters["components"], one_part, atol=0.02)


def test_a_part_that_no_bin_needs_is_noted(make_bins):
    counts = np.zeros((5000, 3), np.uint8)
    counts[0] = [1, 0, 0]
    for fit in fits(make_bins(counts), latents=3, n_seeds=3):
        n_empty = int((fit.parameters["components"] == 0).all(1).sum())
        assert n_empty > 0
        assert fit.notes == (f"{n_empty} of 3 components of NMF are empty: ask for fewer latents",)
        np.testing.assert_allclose(
            project_nmf(fit.parameters, counts).mean @ fit.parameters["components"], counts, atol=1e-5
        )


def test_too_few_steps_are_noted_and_no_warning(parts, make_bins):
    assert fits(make_bins(parts[1]), max_steps=1)[0].notes == (
        "NMF did not converge within `max_steps` (1): raise it",
    )
    assert fits(make_bins(parts[1]))[0].notes == ()
