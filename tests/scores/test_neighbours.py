import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from alveus.scores import Covariate, ScoreSettings
from alveus.scores.decoding import decoding
from alveus.scores.neighbours import NEIGHBOURS, competitor_by_neighbours, decoding_by_neighbours, find_neighbours

N = 3000
SETTINGS = ScoreSettings(resamples=50)


def slow(seed, shape, rho=0.99):
    return lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(shape), axis=-2)


@pytest.fixture(scope="module")
def split(make_split):
    return make_split(N)


@pytest.fixture(scope="module")
def latents():
    return slow(0, (1, N, 2))


def decode(latents, covariate, split, settings=SETTINGS):
    return decoding_by_neighbours(latents, {"x": covariate}, split, settings)


def test_neighbours_are_those_of_scikit_learn(latents, split):
    found = find_neighbours(latents[0] + 1e3, split)
    expected = NearestNeighbors(n_neighbors=64).fit(latents[0][split == 0]).kneighbors(latents[0][split == 2])
    own = np.linalg.norm(latents[0][found.train[found.of_test]] - latents[0][found.test][:, None], axis=2)
    np.testing.assert_allclose(own, expected[0], atol=2e-3)


def test_r2_and_accuracy_are_those_of_scikit_learn(latents, split):
    train, test = split == 0, split == 2
    x = np.sin(latents[0, :, 0] / 2) + np.random.default_rng(0).normal(0, 0.3, N)
    row = decode(latents, Covariate(x), split)[0]
    n = int(row.note.split("; ")[1].split()[0])
    expected = KNeighborsRegressor(n).fit(latents[0][train], x[train]).score(latents[0][test], x[test])
    assert row.value == pytest.approx(expected, abs=2e-3)
    codes = (latents[0, :, 0] > 0).astype(int) + (latents[0, :, 1] > 2)
    row = decode(latents, Covariate(codes, "categorical", labels=("a", "b", "c")), split)[0]
    n = int(row.note.split("; ")[1].split()[0])
    expected = KNeighborsClassifier(n).fit(latents[0][train], codes[train]).score(latents[0][test], codes[test])
    assert row.value == pytest.approx(expected, abs=5e-3)
    assert (row.score, row.target) == ("decoding_accuracy", f"x{NEIGHBOURS}")


def test_what_no_line_follows_is_found(latents, split):
    covariate = Covariate(np.square(latents[0, :, 0] - latents[0, :, 0].mean()))
    assert decode(latents, covariate, split)[0].value > 0.8
    assert decoding(latents, covariate, split, SETTINGS, target="x")[0].value < 0.6


def test_an_angle_is_decoded_across_its_seam(split):
    angle = np.cumsum(np.random.default_rng(0).standard_normal(N)) * 10
    z = np.column_stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))])[None]
    assert decode(z, Covariate(angle % 360, "circular", 360.0), split)[0].value > 0.99


def test_duplicated_dead_and_rotated_latents_and_an_outlier_of_50_sd_change_nothing(latents, split):
    covariate = Covariate(latents[0, :, 0])
    plain = decode(latents, covariate, split)[0].value
    c = np.sqrt(0.5)
    outlier = latents.copy()
    outlier[0, np.flatnonzero(split == 0)[100]] += 50 * latents.std()
    for changed in (
        np.concatenate([latents, latents], axis=2),
        np.concatenate([latents, np.zeros((1, N, 1))], axis=2),
        latents @ np.array([[c, -c], [c, c]]),
        outlier,
    ):
        assert decode(changed, covariate, split)[0].value == pytest.approx(plain, abs=5e-3)


def test_unrelated_slow_signals_do_not_decode_above_their_floor(split):
    rows = [
        decode(slow(2 * seed + 100, (1, N, 2)), Covariate(slow(2 * seed + 101, (N, 1))[:, 0]), split,
               ScoreSettings(seed=seed, resamples=20))[0]
        for seed in range(15)
    ]  # fmt: skip
    assert sum(row.value > row.floor for row in rows) <= 3  # 5 % of 15 is 0.75


def test_missing_values_have_no_say(latents, split):
    x = latents[0, :, 0].copy()
    x[np.random.default_rng(0).random(N) < 0.3] = np.nan
    assert decode(latents, Covariate(x), split)[0].value > 0.95


def test_constant_covariates_and_sessions_without_test_bins_get_no_number(latents, split):
    constant = Covariate(np.full(N, 3.3))
    assert [row.status for row in decode(latents, constant, split)] == ["not defined"]
    assert [row.status for row in decode(latents, constant, np.zeros(N, int))] == ["not estimable"]
    assert competitor_by_neighbours(latents[0], {"x": constant}, np.zeros(N), SETTINGS, competitor="c") == []


def test_a_competitor_has_its_name_in_the_target(latents, split):
    (row,) = competitor_by_neighbours(
        latents[0], {"x": Covariate(latents[0, :, 1])}, split, SETTINGS, competitor="raw counts"
    )
    assert (row.target, row.seed, row.floor) == (f"x from raw counts{NEIGHBOURS}", None, None)
    assert row.value == decode(latents, Covariate(latents[0, :, 1]), split)[0].value
