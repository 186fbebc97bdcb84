import tracemalloc

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter1d

from alveus.errors import SettingError
from alveus.simulation import SIMULATIONS, two_photon
from alveus.simulation.field_of_view import GAIN, LARGEST, READ_NOISE, Cell, FieldOfView
from alveus.simulation.indicators import INDICATORS
from alveus.simulation.two_photon import draw_spikes, firing_rate, lost_frames, matern_latents

SMALL = {"units": 12, "minutes": 2.0}


@pytest.fixture(scope="module")
def clean():
    return two_photon(noise=0, **SMALL)


@pytest.fixture(scope="module")
def noisy():
    return two_photon(**SMALL)


def test_it_is_found_by_its_name():
    assert SIMULATIONS["two_photon"] is two_photon


def test_a_recording_is_raw_fluorescence_with_all_that_is_known(noisy):
    traces = noisy.activity
    assert (traces.signal, traces.sampling_rate, traces.values.shape) == ("fluorescence", 30, (3600, 12))
    assert traces.neuropil.shape == (3600, 12)
    assert traces.missing is None
    assert noisy.truth.latents.shape == (3600, 3)
    assert noisy.truth.ceiling is None
    assert noisy.stop == pytest.approx(120)
    np.testing.assert_array_equal(noisy.behavior[0].values, noisy.truth.latents[:, 0])
    assert set(noisy.units.columns) == {"x", "y", "baseline", "fault"}
    assert all(times.min() >= 0 and times.max() < 120 for times in noisy.truth_spike_times if times.size)


def test_latents_have_variance_one_and_matern_autocorrelation():
    latents = matern_latents(400_000, 10.0, (2.0, 0.5), np.random.default_rng(0))
    for column, tau in zip(latents.T, (2.0, 0.5), strict=True):
        for lag in (0, 5, 20):
            time = lag / 10
            found = (column[: column.size - lag] * column[lag:]).mean()
            assert found == pytest.approx((1 + time / tau) * np.exp(-time / tau), abs=0.04)


def test_spikes_are_a_poisson_process_of_the_given_rate():
    rng = np.random.default_rng(0)
    firing = np.exp(rng.standard_normal(20_000).cumsum() / 20 % 3)
    times = draw_spikes(firing, 30.0, rng)
    edges = np.arange(firing.size + 1) / 30
    expected = np.interp(times, edges, np.concatenate([[0], np.cumsum(firing) / 30]))
    assert stats.kstest(np.diff(expected), "expon").pvalue > 0.01  # time rescaling
    assert times.size == pytest.approx(firing.sum() / 30, abs=4 * np.sqrt(firing.sum() / 30))


def test_the_mean_rate_over_latents_is_the_base_rate():
    latents = np.random.default_rng(0).standard_normal((500_000, 3))
    assert firing_rate(latents, np.array([0.5, -0.4, 0.2]), 2.0).mean() == pytest.approx(2, rel=0.02)


def test_spikes_follow_the_latents():
    recording = two_photon(units=60, minutes=10)
    edges = np.arange(18_001) / 30
    counts = np.stack([np.histogram(times, edges)[0] for times in recording.truth_spike_times], axis=1)
    smooth = gaussian_filter1d(counts.astype(float), 15, axis=0)
    inputs = np.column_stack([smooth, np.ones(len(smooth))])
    train, test = slice(0, 12_000), slice(12_000, None)
    weights = np.linalg.lstsq(inputs[train], recording.truth.latents[train], rcond=None)[0]
    truth = recording.truth.latents[test]
    error = ((truth - inputs[test] @ weights) ** 2).sum(axis=0)
    assert (1 - error / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)).min() > 0.25


def test_without_noise_neuropil_comes_off_and_leaves_the_cell():
    """F − 0.7·Fneu is the cell's own light: baseline, its drift, bleaching and ΔF/F, and nothing else."""
    rng = np.random.default_rng(0)
    indicator = INDICATORS["jgcamp8s"]
    sources = (1 + 0.2 * rng.random((3000, 16))).astype(np.float32)
    cell = Cell(rng.uniform(0, 100, 60), indicator, 350.0, 200.0, np.full(16, 1 / 16), 0.04, 250.0, 0.7)
    field = FieldOfView("test", 0, [cell], sources, 30.0, 0.0, np.zeros(3000, bool))
    time = (np.arange(3000) + 1) / 30
    alone = 350 * (1 + indicator.dff(indicator.calcium(cell.spikes, 3000, 30.0)))
    alone *= 1 + 0.04 * np.sin(2 * np.pi * time / 250 + 0.7)
    alone *= 1 - 0.15 * (1 - np.exp(-time / 1200))
    np.testing.assert_allclose(field.fluorescence(0) - 0.7 * field.neuropil(0), alone, rtol=1e-5)
    faded = 200 * sources.mean(axis=1) * (1 - 0.15 * (1 - np.exp(-time / 1200)))
    np.testing.assert_allclose(field.neuropil(0), faded, rtol=1e-5)


def test_cells_at_rest_have_the_baseline_that_is_told(clean):
    light = clean.activity.values[:].astype(float) - 0.7 * clean.activity.neuropil[:]
    lowest = np.percentile(light, 2, axis=0) / clean.units.columns["baseline"]
    assert ((lowest > 0.93) & (lowest < 1.2)).all()


@pytest.mark.parametrize("rate", [30.0, 60.0])
def test_noise_is_white_and_its_variance_follows_the_photons(rate):
    options = {"units": 6, "minutes": 2.0, "rate": rate}
    mean = two_photon(noise=0, **options).activity.values[:].astype(float)
    noise = two_photon(**options).activity.values[:] - mean
    standard = noise / np.sqrt(GAIN * rate / 30 * mean + READ_NOISE**2)
    assert stats.kstest(standard.ravel(), "norm").pvalue > 0.01
    assert abs((standard[1:] * standard[:-1]).mean()) < 4 / np.sqrt(standard.size)


def test_neuropil_is_smooth_in_space_and_follows_the_population():
    recording = two_photon(units=80, minutes=5, noise=0)
    neuropil = recording.activity.neuropil[:].astype(float)
    correlation = np.corrcoef(neuropil.T)
    place = np.stack([recording.units.columns["x"], recording.units.columns["y"]], axis=1)
    distance = np.linalg.norm(place[:, None] - place[None], axis=-1)
    upper = np.triu_indices(80, 1)
    near, far = distance[upper] < 60, distance[upper] > 300
    assert correlation[upper][near].mean() > correlation[upper][far].mean() + 0.1
    calcium = [INDICATORS["gcamp6s"].calcium(t, 9000, 30.0) for t in recording.truth_spike_times]
    assert np.corrcoef(np.mean(calcium, axis=0), neuropil.mean(axis=1))[0, 1] > 0.4


def test_an_indicators_decay_shows_in_the_light():
    lengths = {}
    for name in ("gcamp6s", "gcamp6f", "jgcamp8f"):
        light = two_photon(units=5, minutes=5, noise=0, indicator=name).activity
        cell = light.values[:].astype(float) - 0.7 * light.neuropil[:]
        fast = cell - gaussian_filter1d(cell, 300, axis=0)
        lengths[name] = (fast[6:] * fast[:-6]).mean() / fast.var()
    assert lengths["gcamp6s"] > lengths["gcamp6f"] > lengths["jgcamp8f"]


def test_dropped_frames_are_told_and_hold_nothing():
    recording = two_photon(dropped=0.1, **SMALL)
    missing = recording.activity.missing
    assert np.array_equal(np.isnan(recording.activity.values[:]), np.repeat(missing[:, None], 12, axis=1))
    assert np.array_equal(np.isnan(recording.activity.neuropil[:]), np.repeat(missing[:, None], 12, axis=1))


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_about_the_share_asked_for_is_lost_in_runs_of_geometric_length(share):
    lost = lost_frames(400_000, share, np.random.default_rng(0))
    assert lost.mean() == pytest.approx(share, rel=0.05)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(int), [0]])))
    runs = np.diff(edges.reshape(-1, 2), axis=1)
    assert runs.mean() == pytest.approx(3, rel=0.05)
    assert (runs == 1).mean() == pytest.approx(1 / 3, abs=0.04)


def test_no_frame_is_lost_unless_asked_for():
    assert not lost_frames(1000, 0.0, np.random.default_rng(0)).any()


def test_bad_units_are_the_last_ones_and_say_what_is_wrong(noisy):
    bad = two_photon(bad_units=4, **SMALL)
    assert bad.units.columns["fault"].tolist() == [""] * 8 + ["constant", "missing", "saturated", "constant"]
    values = bad.activity.values[:]
    np.testing.assert_array_equal(values[:, :8], noisy.activity.values[:][:, :8])
    assert np.ptp(values[:, [8, 11]], axis=0).max() == 0
    assert np.isnan(values[:, 9]).all()
    assert 0.1 < (values[:, 10] == LARGEST).mean() < 1
    assert np.isfinite(bad.activity.neuropil[:]).all()


def test_a_unit_is_the_same_whatever_others_there_are(noisy):
    more = two_photon(units=20, minutes=2.0)
    np.testing.assert_array_equal(more.activity.values[:][:, :12], noisy.activity.values[:])
    np.testing.assert_array_equal(more.truth_spike_times[7], noisy.truth_spike_times[7])
    other = two_photon(seed=1, **SMALL)
    assert not np.array_equal(other.truth.latents, noisy.truth.latents)
    assert not np.array_equal(noisy.truth_spike_times[0], noisy.truth_spike_times[1])


def test_every_way_to_read_gives_the_same_values(noisy):
    values = noisy.activity.values
    whole = values[:]
    np.testing.assert_array_equal(values.traces(slice(3, 6)), whole[:, 3:6].T)
    np.testing.assert_array_equal(values[100:200], whole[100:200])
    np.testing.assert_array_equal(values.window(50, 90)[5:10], whole[55:60])
    np.testing.assert_array_equal(values.window(50, 90).traces(slice(0, 2)), whole[50:90, :2].T)


def test_a_large_recording_takes_less_memory_than_its_traces():
    tracemalloc.start()
    try:
        recording = two_photon(units=1500, minutes=8)
        recording.activity.values.traces(slice(1400, 1404))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    n_frames, n_units = recording.activity.values.shape
    assert peak < 0.5 * 4 * n_frames * n_units


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"units": 0, "noise": -1.0}, "units is 0, give at least 1"),
        ({"units": 2, "bad_units": 3}, "units is 2, give at least 3"),
        ({"minutes": 0.0}, "minutes is 0.0"),
        ({"rate": -1.0}, "rate is -1.0"),
        ({"dropped": 0.9}, "dropped is 0.9, give a share of at most 0.5"),
        ({"indicator": "gcamp6"}, "no indicator 'gcamp6'; did you mean 'gcamp6"),
    ],
)
def test_what_cannot_be_made_is_named(options, words):
    with pytest.raises(SettingError, match=words):
        two_photon(**options)
