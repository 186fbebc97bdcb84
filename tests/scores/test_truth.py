import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.metrics import r2_score

from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import rotation_mcc, shares_of_mcc, shares_of_r2, truth_mcc, truth_r2


@pytest.mark.parametrize(("n_latents", "expected"), [(2, 0.90), (3, 0.83), (5, 0.73), (10, 0.59)])
def test_random_rotations_score_what_is_known_of_them(n_latents, expected):
    assert rotation_mcc(n_latents, ScoreSettings()) == pytest.approx(expected, abs=0.02)
    z = np.random.default_rng(0).standard_normal((5000, n_latents))
    rotations = ortho_group.rvs(n_latents, size=40, random_state=1)
    scores = [shares_of_mcc(z @ rotation, z).mean() for rotation in rotations]
    assert np.mean(scores) == pytest.approx(expected, abs=0.035)


def test_order_sign_and_scale_do_not_matter_to_mcc(latents, split):
    row = truth_mcc(latents[:, [3, 1, 0, 2]] * [-1, 5, 0.1, 2] + 9, latents, split, ScoreSettings())
    assert row.value == pytest.approx(1)
    assert row.low == pytest.approx(1)


def test_a_missing_or_constant_latent_counts_nothing(latents, split):
    three = truth_mcc(latents[:, :3], latents, split, ScoreSettings())
    dead = truth_mcc(latents * [1, 1, 1, 0] + 2, latents, split, ScoreSettings())
    assert three.value == pytest.approx(0.75)
    assert dead.value == pytest.approx(0.75)


def test_an_affine_map_does_not_matter_to_r2(latents, split):
    mixed = latents @ np.random.default_rng(0).standard_normal((4, 4)) + 100
    row = truth_r2(mixed, latents, split, ScoreSettings())
    assert row.value == pytest.approx(1)
    assert row.high == pytest.approx(1)


def test_r2_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    true = rng.standard_normal((200, 3)) * [1, 5, 0.1]
    predicted = true + rng.standard_normal((200, 3)) * [1, 1, 0.05]
    assert shares_of_r2(true, predicted).mean() == pytest.approx(r2_score(true, predicted))


def test_useless_latents_stay_at_the_floor(latents, split):
    noise = np.random.default_rng(0).standard_normal(latents.shape)
    r2 = truth_r2(noise, latents, split, ScoreSettings())
    mcc = truth_mcc(noise, latents, split, ScoreSettings())
    assert r2.value < 0.01
    assert mcc.value < 1.3 * mcc.floor


def test_the_interval_of_mcc_covers_the_true_correlation(make_split):
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((1500, 1))
        row = truth_mcc(
            0.6 * z + 0.8 * rng.standard_normal((1500, 1)), z, make_split(1500), ScoreSettings(seed=seed)
        )
        covered += row.low <= 0.6 <= row.high
    assert covered >= 34
