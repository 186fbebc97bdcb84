"""Scores of events and ΔF/F: 1 for what is perfect, 0 for what is useless, known numbers in between."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from alveus.scores import ScoreSettings
from alveus.scores.real_valued import (
    co_smoothing_r2,
    explained_by_readout,
    likelihood_by_decoder,
    r2_by_decoder,
)

SETTINGS = ScoreSettings(shifts=10, resamples=100)
N_BINS, N_UNITS, SIGNAL = 6000, 12, 0.8


@pytest.fixture(scope="module")
def latents():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(N_BINS, 2))
    z = np.zeros((N_BINS, 2))
    for t in range(1, N_BINS):
        z[t] = 0.8 * z[t - 1] + 0.6 * noise[t]
    return z


@pytest.fixture(scope="module")
def signal(latents):
    loadings = np.random.default_rng(1).normal(size=(2, N_UNITS))
    return latents @ (loadings / np.linalg.norm(loadings, axis=0))


@pytest.fixture(scope="module")
def activity(signal):
    """The latents explain 0.8 of the variance of each unit; units of measure differ by up to 1e8."""
    noise = np.random.default_rng(2).normal(size=signal.shape)
    both = np.sqrt(SIGNAL) * signal + np.sqrt(1 - SIGNAL) * noise
    return both * np.geomspace(1e-4, 1e4, N_UNITS) + np.linspace(-3, 3, N_UNITS)


@pytest.fixture(scope="module")
def parts(make_split):
    return make_split(N_BINS)


def test_latents_that_made_the_activity_reach_the_share_of_the_signal(latents, activity, parts):
    row = co_smoothing_r2(latents, activity, parts, SETTINGS)
    assert row.low < row.value < row.high
    assert row.value == pytest.approx(SIGNAL, abs=0.02)
    assert 0 <= row.floor < 0.02
    r2, nats = explained_by_readout(latents[None], activity, parts, SETTINGS)
    assert r2.value == pytest.approx(row.value)
    # normal around a mean that explains a share s of the variance: −½ ln(1 − s) a unit more than without
    gain = -0.5 * N_UNITS * np.log(1 - SIGNAL)
    assert nats.value - nats.floor == pytest.approx(gain, rel=0.03)


def test_perfect_latents_reach_one_and_useless_ones_nothing(latents, signal, activity, parts):
    assert co_smoothing_r2(latents, signal * 1e6 - 5, parts, SETTINGS).value == pytest.approx(1, abs=1e-6)
    useless = np.random.default_rng(3).normal(size=(N_BINS, 3))
    row = co_smoothing_r2(useless, activity, parts, SETTINGS)
    assert abs(row.value) < 0.01
    assert row.low <= row.floor
    constant = co_smoothing_r2(np.ones((N_BINS, 3)), activity, parts, SETTINGS)
    assert (constant.value, constant.floor) == pytest.approx((0, 0), abs=1e-9)


def test_it_is_the_mean_r2_of_scikit_learn_where_units_vary_alike(latents, activity, parts):
    train, test = parts == 0, parts == 2
    predicted = LinearRegression().fit(latents[train], activity[train]).predict(latents[test])
    error = ((activity[test] - predicted) ** 2).sum(0)
    total = ((activity[test] - activity[train].mean(0)) ** 2).sum(0)
    share = total / ((activity - activity[train].mean(0)) ** 2).sum(0)
    expected = 1 - (error / total * share).sum() / share.sum()
    assert co_smoothing_r2(latents, activity, parts, SETTINGS).value == pytest.approx(expected, abs=1e-4)


def test_a_change_of_units_changes_no_r2_and_no_gain(latents, activity, parts):
    unit = 10.0 ** np.arange(-6, 6)
    (r2, nats), (other_r2, other_nats) = (
        explained_by_readout(latents[None], x, parts, SETTINGS) for x in (activity, activity * unit)
    )
    assert other_r2.value == pytest.approx(r2.value, rel=1e-9)
    assert other_r2.floor == pytest.approx(r2.floor, abs=1e-9)
    assert other_nats.value == pytest.approx(nats.value - np.log(unit).sum(), rel=1e-9)
    assert other_nats.floor == pytest.approx(nats.floor - np.log(unit).sum(), rel=1e-9)


def test_a_unit_that_wakes_up_after_training_does_not_outweigh_the_others(latents, activity, parts):
    woken = activity.copy()
    first = np.flatnonzero(parts == 0)[0]
    woken[:, 0] = 0
    woken[first, 0] = 1
    woken[parts == 2, 0] = np.random.default_rng(0).random((parts == 2).sum()) < 0.3
    value = co_smoothing_r2(latents, woken, parts, SETTINGS).value
    assert SIGNAL * 0.6 < value < SIGNAL


def test_units_that_do_not_vary_in_training_are_left_out_and_counted(latents, activity, parts):
    still = activity.copy()
    still[:, :3] = 7.1
    still[parts == 2, 0] = 9
    row = co_smoothing_r2(latents, still, parts, SETTINGS)
    assert row.value == pytest.approx(SIGNAL, abs=0.02)
    assert "left out: 3" in row.note
    silent = co_smoothing_r2(latents, still[:, :3], parts, SETTINGS)
    assert silent.status == "not estimable"
    assert {r.status for r in explained_by_readout(latents[None], still[:, :3], parts, SETTINGS)} == {
        "not estimable"
    }


def test_a_decoder_is_held_against_the_mean_and_against_its_own_density(signal, activity, parts):
    train = parts == 0
    variance = ((activity - activity[train].mean(0)) ** 2).mean(0)
    size = np.geomspace(1e-4, 1e4, N_UNITS)
    expected = np.sqrt(SIGNAL) * signal * size + np.linspace(-3, 3, N_UNITS)
    perfect, mean = np.zeros(N_BINS), ((activity - activity[train].mean(0)) ** 2 / variance).sum(1)
    true = ((activity - expected) ** 2 / variance).sum(1)
    rows = r2_by_decoder(np.stack([perfect, true, mean, 2 * mean]), activity, parts, SETTINGS)
    assert [row.value for row in rows] == pytest.approx([1, SIGNAL, 0, -1], abs=0.02)
    assert {row.floor for row in rows} == {0.0}
    nats = -0.5 * (
        (activity - expected) ** 2 / size**2 / (1 - SIGNAL) + np.log(2 * np.pi * size**2 * (1 - SIGNAL))
    )
    (row,) = likelihood_by_decoder(nats.sum(1)[None], activity, parts, SETTINGS, likelihood="gaussian")
    assert row.value - row.floor == pytest.approx(-0.5 * N_UNITS * np.log(1 - SIGNAL), rel=0.03)
    assert row.low > row.floor


def test_too_few_bins_are_not_estimable(latents, activity):
    parts = np.zeros(N_BINS, np.int8)
    rows = [
        co_smoothing_r2(latents, activity, parts, SETTINGS),
        *explained_by_readout(latents[None], activity, parts, SETTINGS),
        *r2_by_decoder(np.zeros((1, N_BINS)), activity, parts, SETTINGS),
        *likelihood_by_decoder(np.zeros((1, N_BINS)), activity, parts, SETTINGS, likelihood="gaussian"),
    ]
    assert {row.status for row in rows} == {"not estimable"}
