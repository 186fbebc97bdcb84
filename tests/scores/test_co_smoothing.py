import numpy as np

from alveus.scores.co_smoothing import co_smoothing
from alveus.scores.settings import ScoreSettings


def test_true_latents_predict_held_out_units(latents, counts, split):
    row = co_smoothing(latents, counts[:, ::5], split, ScoreSettings())
    assert row.low > row.floor
    assert row.low < row.value < row.high


def test_shuffled_latents_stay_at_the_floor(latents, counts, split):
    shuffled = np.random.default_rng(0).permutation(latents)
    row = co_smoothing(shuffled, counts[:, ::5], split, ScoreSettings())
    assert abs(row.value - row.floor) < 0.005
    assert row.value < 0.005


def test_slow_latents_of_another_recording_stay_near_their_floor(make_split):
    rng = np.random.default_rng(1)
    drift = np.cumsum(rng.standard_normal((2, 3000, 2)), axis=1) / 50
    x = rng.poisson(np.exp(drift[0] @ rng.normal(0, 0.5, (2, 10)) - 1))
    rows = [co_smoothing(z, x, make_split(3000), ScoreSettings()) for z in drift]
    assert rows[0].value > rows[0].floor
    assert rows[1].value < rows[0].value


def test_a_linear_mix_of_the_latents_scores_the_same(latents, counts, split):
    mixing = np.random.default_rng(0).standard_normal((4, 4))
    plain = co_smoothing(latents, counts[:, ::5], split, ScoreSettings())
    mixed = co_smoothing(latents @ mixing + 3, counts[:, ::5], split, ScoreSettings())
    np.testing.assert_allclose(mixed.value, plain.value, atol=2e-4)


def test_too_short_or_silent_recordings_are_not_estimable(latents, counts, split):
    short = co_smoothing(latents[:60], counts[:60], np.repeat([0, 2], [50, 10]), ScoreSettings())
    silent = co_smoothing(latents, np.zeros((4000, 3), int), split, ScoreSettings())
    assert (short.status, short.note) == ("not estimable", "10 test bins, at least 20 are needed")
    assert silent.status == "not estimable"
