"""Agreement of latents that agree in a known way, and what nothing in common looks like."""

import numpy as np
import pytest
import scipy.spatial
import scipy.stats
from scipy.signal import lfilter
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import FastICA
from sklearn.linear_model import LinearRegression

from alveus.errors import ArtefactError
from alveus.scores.identifiability import comparison_rows, seed_rows
from alveus.scores.identifiability.agreement import (
    affine_r2,
    correlation,
    mcc_weak,
    moments_of,
    procrustes_r2,
    udr,
)
from alveus.scores.identifiability.convergence import not_converged
from alveus.scores.identifiability.halves import halves, joined_with_ones
from alveus.scores.identifiability.pairs import _rotated, compare_pairs
from alveus.scores.nulls import floor_of
from alveus.scores.settings import ScoreSettings
from alveus.simulation import mixing

N_BINS, N_SEEDS = 6000, 5
SETTINGS = ScoreSettings(resamples=100)
ACROSS = ("mcc_strong", "mcc_spearman", "mcc_weak", "affine_r2", "procrustes_r2", "udr")


def white(n_latents=4, seed=0, n_bins=N_BINS):
    return np.random.default_rng(seed).standard_normal((n_bins, n_latents))


def turned(z, transforms, noise=0.05):
    rng = np.random.default_rng(9)
    return np.stack([z @ t + noise * rng.standard_normal((len(z), t.shape[1])) for t in transforms])


def rotations(n_latents, n=N_SEEDS):
    return scipy.stats.ortho_group.rvs(n_latents, size=n, random_state=1)


def orders(n_latents):
    rng = np.random.default_rng(2)
    return [np.eye(n_latents)[rng.permutation(n_latents)] * rng.choice([-1, 1], n_latents) for _ in range(N_SEEDS)]


def scored(mean, make_split, **known):
    n_seeds, n_bins, n_latents = mean.shape
    known = {"prior_variance": np.ones((n_seeds, n_latents))} | known
    rows = seed_rows(mean, make_split(n_bins), SETTINGS, **known)
    return {(row.score, row.target, row.seed): row for row in rows}


def whole(rows, score):
    return rows[score, "", None]


def moments(a, b):
    joined = joined_with_ones(a, b)
    return moments_of(joined.T @ joined, a.shape[1])


def test_order_and_sign_do_not_matter(make_split):
    rows = scored(turned(white(), orders(4), noise=0), make_split)
    for score in ACROSS:
        assert whole(rows, score).value == pytest.approx(1, abs=0.15 if score == "udr" else 1e-6)
    assert whole(rows, "verdict").value == "unique"
    assert rows["mcc_strong", "z1", 0].value == pytest.approx(1)


@pytest.mark.parametrize(
    ("transforms", "word"),
    [
        (rotations(4), "rotation"),
        ([np.eye(4), *(np.random.default_rng(s).standard_normal((4, 4)) for s in range(4))], "affine"),
    ],
    ids=["rotated", "mixed"],
)
def test_maps_of_the_same_latents_are_told_apart(transforms, word, make_split):
    rows = scored(turned(white(), transforms), make_split)
    assert whole(rows, "verdict").value == word
    assert whole(rows, "affine_r2").low > 0.9
    assert whole(rows, "mcc_strong").value < whole(rows, "mcc_weak").value


def test_noise_is_not_reproducible(make_split):
    rows = scored(np.stack([white(seed=s) for s in range(N_SEEDS)]), make_split)
    assert whole(rows, "verdict").value == "not reproducible"
    assert whole(rows, "mcc_strong").value < whole(rows, "mcc_strong").floor


@pytest.mark.parametrize(("n_latents", "expected"), [(2, 0.90), (3, 0.83), (5, 0.73), (10, 0.59)])
def test_random_rotations_score_what_is_known_of_them(n_latents, expected):
    null, _ = _rotated(white(n_latents), 3, SETTINGS, isotropic=False)
    assert null["mcc_strong"].mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("n_latents", "expected", "within"), [(5, 0.32, 0.12), (1, 0.21, 0.15)])
def test_slow_signals_that_know_nothing_of_each_other_correlate_and_the_floor_says_so(n_latents, expected, within):
    def slow(seed):
        return lfilter([1], [1, -np.exp(-1 / 1000)], white(n_latents, seed, 15_000), axis=0)

    split = np.r_[np.zeros(20), np.full(14_980, 2)]
    found = [compare_pairs([slow(2 * s), slow(2 * s + 1)], split, SETTINGS, isotropic=False) for s in range(8)]
    values = np.array([pairs.drawn("mcc_strong")[0, 0] for pairs in found])
    nulls = np.stack([pairs.shifted("mcc_strong") for pairs in found])
    assert values.mean() == pytest.approx(expected, abs=within)
    assert nulls.mean() == pytest.approx(expected, abs=within)
    assert sum(value > floor_of(list(null)) for value, null in zip(values, nulls, strict=True)) <= 2


def test_ica_finds_linearly_mixed_sources_and_whitening_does_not(make_split):
    recording = mixing(bins=N_BINS)
    x, sources = np.asarray(recording.activity.values), recording.truth.latents
    ica = FastICA(5, whiten="unit-variance", random_state=0).fit_transform(x)
    pca = np.linalg.svd(x - x.mean(0), full_matrices=False)[0][:, :5]
    found = [comparison_rows(z, sources, make_split(N_BINS), SETTINGS, target="truth")[0] for z in (ica, pca)]
    assert found[0].value > 0.99
    assert found[1].value < 0.9


def test_one_latent_knows_no_rotation(make_split):
    rows = scored(turned(white(1), [np.array([[s]]) for s in (1, -1, 1, 1, -1)]), make_split)
    assert whole(rows, "verdict").value == "unique"
    assert "circular shifts" in whole(rows, "mcc_strong").floor_name


def test_a_dead_latent_is_left_out(make_split):
    mean = turned(white(3), [np.eye(3)] * N_SEEDS)
    mean[:, :, 1] = 1e-4 * white(1)[:, 0]
    rows = scored(mean, make_split)
    assert whole(rows, "mcc_strong").value > 0.99
    assert rows["mcc_strong", "z2", 0].status == "not defined"
    assert "2/2/2/2/2 of 3" in whole(rows, "mcc_strong").note


def test_latents_without_counterpart_count_nothing(make_split):
    mean = turned(white(4), [np.eye(4)] * 2)
    mean[1, :, 3] = 0
    rows = scored(mean, make_split)
    assert whole(rows, "mcc_strong").value == pytest.approx(0.75, abs=0.01)


def test_duplicated_latents_are_no_obstacle(make_split):
    z = white(2)
    rows = scored(np.stack([np.column_stack([z, z[:, :1]])] * N_SEEDS), make_split)
    for score in ("mcc_strong", "mcc_weak", "affine_r2", "procrustes_r2"):
        assert whole(rows, score).value == pytest.approx(1, abs=1e-6)
    assert whole(rows, "udr").value < 0.9  # two latents have two partners each


def test_one_outlier_moves_spearman_least(make_split):
    mean = np.stack([white(2, seed=s) for s in range(N_SEEDS)])
    test = np.flatnonzero(make_split(N_BINS) == 2)
    mean[:, test[7]] = 50
    rows = scored(mean, make_split)
    assert whole(rows, "mcc_strong").value > 0.5
    assert whole(rows, "mcc_spearman").value < 0.1


def test_latents_that_are_all_dead_are_collapsed(make_split):
    rows = scored(1e-4 * np.stack([white(seed=s) for s in range(3)]), make_split)
    assert whole(rows, "verdict").value == "collapsed"
    assert whole(rows, "mcc_strong").status == "not estimable"


def test_a_model_that_still_learns_is_not_converged(make_split):
    mean = turned(white(), rotations(4))
    steps = np.arange(100)
    still, done = np.tile(np.exp(-steps / 60), (5, 1)), np.tile(np.exp(-steps / 8), (5, 1))
    assert whole(scored(mean, make_split, validation_loss=still), "verdict").value == "not converged"
    assert whole(scored(mean, make_split, validation_loss=done), "verdict").value == "rotation"
    unknown = whole(scored(mean, make_split, trained=True), "verdict")
    assert (unknown.status, unknown.value) == ("not estimable", None)


def test_a_seed_that_stopped_early_is_not_hidden_by_the_others():
    losses = np.full((2, 40), np.nan)
    losses[0] = np.exp(-np.arange(40) / 3)
    losses[1, :20] = np.exp(-np.arange(20) / 15)
    assert "seed 1" in not_converged(losses)
    assert "evaluated 5 times" in not_converged([np.ones(5)])


def test_agreement_without_anything_that_pins_the_axes_is_not_unique(make_split):
    mean = turned(white(), orders(4))
    assert whole(scored(mean, make_split, symmetry_gap=-0.003), "verdict").value == "rotation"
    assert whole(scored(mean, make_split, symmetry_gap=-0.3), "verdict").value == "unique"


def test_one_seed_and_few_bins_are_not_estimable(make_split):
    for mean in (white()[None], np.stack([white(n_bins=60)] * 3)):
        rows = scored(mean, make_split)
        assert {row.status for row in rows.values()} == {"not estimable"}


def test_scores_agree_with_scikit_learn_and_scipy():
    a, rng = white(3), np.random.default_rng(3)
    b = a @ rng.standard_normal((3, 3)) + rng.standard_normal((N_BINS, 3)) * [0.2, 1, 3] + 5
    fit, score = slice(None, 3000), slice(3000, None)
    joined = joined_with_ones(a, b)
    one, other = (moments_of(joined[part].T @ joined[part], 3) for part in (fit, score))
    expected = np.mean(
        [LinearRegression().fit(x[fit], y[fit]).score(x[score], y[score]) for x, y in ((a, b), (b, a))]
    )
    assert affine_r2(one, other) == pytest.approx(expected, abs=1e-9)

    cca = CCA(3, max_iter=5000, tol=1e-10).fit(a[fit], b[fit])
    variates = cca.transform(a[score], b[score])
    expected = np.mean([np.corrcoef(variates[0][:, k], variates[1][:, k])[0, 1] for k in range(3)])
    assert mcc_weak(one, other) == pytest.approx(expected, abs=1e-4)

    both = moments(a, b)
    assert procrustes_r2(both, both) == pytest.approx(1 - scipy.spatial.procrustes(a, b)[2], abs=1e-9)
    np.testing.assert_allclose(correlation(both), np.abs(np.corrcoef(a.T, b.T)[:3, 3:]), atol=1e-12)


def test_udr_is_one_only_for_one_partner_each():
    assert udr(np.eye(3)[None])[0] == pytest.approx(1)
    assert udr(np.ones((1, 3, 3)))[0] == pytest.approx(1 / 3)


def test_halves_share_no_bin_and_leave_a_gap_where_a_run_is_cut(make_split):
    one, other = halves(make_split(1000), 10)
    assert abs(one.size - other.size) <= 60
    assert not np.intersect1d(one, other).size
    one, other = halves(np.full(1000, 2), 10)
    assert other.min() - one.max() == 11


def test_latents_of_other_bins_or_with_nan_are_refused(make_split):
    z = white()
    with pytest.raises(ArtefactError, match="cannot be compared"):
        comparison_rows(z, z[:-1], make_split(N_BINS), SETTINGS, target="pca")
    with pytest.raises(ArtefactError, match="1 numbers"):
        comparison_rows(z, np.where(np.arange(z.size).reshape(z.shape) == 5, np.nan, z), make_split(N_BINS),
                        SETTINGS, target="pca")  # fmt: skip


def test_intervals_hold_what_other_seeds_and_other_bins_would_give(make_split):
    """Truth: mean correlation of two seeds z + s·noise with s drawn anew for every seed."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.2, 1.0, (2, 20_000))
    truth = np.mean(1 / np.sqrt((1 + spread[0] ** 2) * (1 + spread[1] ** 2)))
    held = 0
    for seed in range(40):
        draws = np.random.default_rng([1, seed])
        z = draws.standard_normal((2000, 1))
        mean = z + draws.uniform(0.2, 1.0, (N_SEEDS, 1, 1)) * draws.standard_normal((N_SEEDS, 2000, 1))
        row = seed_rows(mean, make_split(2000), ScoreSettings(shifts=1, resamples=100, seed=seed))[0]
        held += row.low <= truth <= row.high
    assert held >= 34
