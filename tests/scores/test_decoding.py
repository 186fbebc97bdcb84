import numpy as np
import pytest
from scipy.signal import lfilter

from alveus.scores.covariate import Covariate
from alveus.scores.decoding import decoding, decoding_competitor
from alveus.scores.settings import ScoreSettings

N = 3000


def slow(seed, shape, rho=0.99):
    return lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(shape), axis=-2)


@pytest.fixture(scope="module")
def split(make_split):
    return make_split(N)


@pytest.fixture(scope="module")
def latents():
    return slow(0, (1, N, 3))


def test_a_linear_function_of_the_latents_is_decoded_perfectly(latents, split):
    row = decoding(latents, Covariate(latents[0] @ [1.0, -2.0, 0.5] + 1e5), split, ScoreSettings(), target="x")[0]
    assert row.value == pytest.approx(1, abs=1e-3)
    assert row.floor < 0.5
    assert (row.score, row.target, row.seed) == ("decoding_r2", "x", 0)


def test_unrelated_slow_signals_do_not_decode_above_their_floor(split):
    rows = []
    for seed in range(15):
        z, y = slow(2 * seed + 100, (1, N, 3)), slow(2 * seed + 101, (N, 1))[:, 0]
        rows += decoding(z, Covariate(y), split, ScoreSettings(seed=seed, resamples=50), target="x")
    assert sum(row.value > row.floor for row in rows) <= 3  # 5 % of 15 is 0.75
    # the floor of shuffled bins would be near 0 for all: slow signals spread far more than that
    assert np.std([row.value for row in rows]) > 0.02


def test_an_angle_is_decoded_across_its_seam(split):
    angle = np.cumsum(np.random.default_rng(0).standard_normal(N)) * 10
    z = np.column_stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))])[None]
    circular = decoding(z, Covariate(angle % 360, "circular", 360.0), split, ScoreSettings(), target="h")[0]
    straight = decoding(z, Covariate(angle % 360), split, ScoreSettings(), target="h")[0]
    assert circular.value > 0.999
    assert straight.value < 0.9


def test_categories_are_decoded_by_accuracy_against_the_most_frequent_label(latents, split):
    codes = (latents[0, :, 0] > 0).astype(int) + (latents[0, :, 0] > 8)
    row = decoding(
        latents, Covariate(codes, "categorical", labels=("a", "b", "c")), split, ScoreSettings(), target="s"
    )[0]
    most = np.bincount(codes[split == 2]).max() / np.count_nonzero(split == 2)
    assert row.score == "decoding_accuracy"
    assert row.value > max(row.floor, most)
    assert row.note.startswith(f"the most frequent label alone: {most:.3g}")


def test_missing_values_are_neither_fitted_nor_scored(latents, split):
    x = latents[0, :, 0].copy()
    gone = np.random.default_rng(0).random(N) < 0.3
    x[gone] = np.nan
    row = decoding(latents, Covariate(x), split, ScoreSettings(), target="x")[0]
    assert row.value == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("covariate", "status"),
    [
        (Covariate(np.full(N, 3.3, np.float32)), "not defined"),
        (Covariate(np.full(N, 90.0), "circular", 360.0), "not defined"),
        (Covariate(np.zeros(N, int), "categorical", labels=("only",)), "not defined"),
        (Covariate(np.arange(N), "categorical"), "not defined"),
        (Covariate(np.full(N, np.nan)), "not estimable"),
        (Covariate(np.full(N, -1), "categorical", labels=("a",)), "not estimable"),
    ],
)
def test_constant_or_missing_covariates_get_no_number(latents, split, covariate, status):
    rows = decoding(np.repeat(latents, 2, axis=0), covariate, split, ScoreSettings(), target="x")
    assert [(r.status, r.value) for r in rows] == [(status, None)]
    assert decoding_competitor(latents[0], covariate, split, ScoreSettings(), target="x").status == status


def test_categories_that_training_never_saw_give_no_accuracy(latents, split):
    codes = np.where(split == 2, 1 + np.arange(N) % 2, 0)
    row = decoding(
        latents, Covariate(codes, "categorical", labels=("a", "b", "c")), split, ScoreSettings(), target="s"
    )
    assert [r.status for r in row] == ["not estimable"]
    assert "100% of the test bins have a category that never occurs in training" in row[0].note


def test_a_position_in_two_dimensions_is_one_score(latents, split):
    position = latents[0, :, :2] * [3.0, 1.0]
    row = decoding(latents[:, :, :1], Covariate(position), split, ScoreSettings(), target="position")[0]
    assert 0 < row.value < 1


def test_scores_do_not_change_from_run_to_run(latents, split):
    x = Covariate(slow(5, (N, 1))[:, 0])
    assert decoding(latents, x, split, ScoreSettings(), target="x") == decoding(
        latents, x, split, ScoreSettings(), target="x"
    )
