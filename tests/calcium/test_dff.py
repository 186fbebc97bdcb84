"""Fluorescence to ΔF/F as a whole: against SciPy's filters, simulated truth, and bad ROIs of every kind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from alveus.calcium import dff as module
from alveus.calcium.dff import NOISIEST, divide_by_baseline, to_dff
from alveus.calcium.missing import find_stretches
from alveus.config.calcium import ConstantBaseline, MaximinBaseline, PercentileBaseline
from alveus.config.preprocess import Preprocess
from alveus.errors import RecordingError

RATE, N = 30.0, 6000
SETTINGS = Preprocess()


def simulated(n_units=4, seed=0, n=N):
    """Return fluorescence, neuropil and the true ΔF/F."""
    rng = np.random.default_rng(seed)
    spikes = rng.random((n_units, n)) < 0.2 / RATE
    kernel = np.exp(-np.arange(120) / (0.7 * RATE))
    truth = np.stack([np.convolve(row, kernel)[:n] for row in spikes])
    rest = rng.uniform(300, 900, (n_units, 1)) * np.exp(-np.arange(n) / (6 * n))
    around = 400 + 40 * np.sin(np.arange(n) / 50) + 5 * rng.standard_normal((n_units, n))
    noise = 0.1 * rest * rng.standard_normal((n_units, n))
    return (rest * (1 + truth) + noise + 0.7 * around).astype(np.float32), around.astype(np.float32), truth


def run(block, signal="fluorescence", stretches=None, settings=SETTINGS, **given):
    return to_dff(block, signal, RATE, stretches or find_stretches(block.shape[1]), settings, **given)


def test_dff_is_scipys_filters_and_a_division():
    F, around, _ = simulated()
    found = run(F, neuropil=around)
    own = F.astype(float) - 0.7 * around.astype(float)
    smoothed = ndimage.gaussian_filter1d(own, 0.33 * RATE, axis=1)
    rest = ndimage.maximum_filter1d(ndimage.minimum_filter1d(smoothed, 1801, axis=1), 1801, axis=1)
    np.testing.assert_allclose(found.values, (own - rest) / rest, atol=1e-5)
    np.testing.assert_allclose(found.columns["baseline"], np.median(rest, axis=1), rtol=1e-3)
    assert found.values.dtype == np.float32
    assert found.columns["status"].tolist() == ["kept"] * 4
    assert found.columns["reason"].tolist() == [""] * 4


@pytest.mark.parametrize("kind", [MaximinBaseline(), PercentileBaseline(percentile=20)])
def test_the_true_dff_is_found_beneath_neuropil_and_bleaching(kind):
    F, around, truth = simulated(n_units=8, seed=1)
    found = run(F, neuropil=around, settings=Preprocess(baseline=kind))
    for unit in range(8):
        slope, _ = np.polyfit(truth[unit], found.values[unit], 1)
        assert slope == pytest.approx(1, abs=0.15)  # F0 is found somewhat too small
        assert np.corrcoef(truth[unit], found.values[unit])[0, 1] > 0.9
    np.testing.assert_allclose(found.columns["noise_sd"], 0.1, rtol=0.2)
    contaminated = run(F, settings=Preprocess(baseline=kind))
    assert (contaminated.columns["noise_sd"] < found.columns["noise_sd"]).all()  # divided by light of others too


def test_dff_that_comes_as_such_is_not_changed():
    _, _, truth = simulated()
    values = (truth + 0.1 * np.random.default_rng(0).standard_normal(truth.shape)).astype(np.float32)
    found = run(values, "dff")
    np.testing.assert_array_equal(found.values, values)
    assert np.isnan(found.columns["baseline"]).all()
    assert found.columns["status"].tolist() == ["kept"] * 4


def test_a_roi_does_not_depend_on_its_block_and_blocks_run_in_threads(monkeypatch):
    F, around, _ = simulated(n_units=7)
    missing = np.zeros(N, bool)
    missing[[100, 500, 501]] = missing[900:950] = True
    stretches = find_stretches(N, missing=missing)
    whole = run(F, stretches=stretches, neuropil=around)
    monkeypatch.setattr(module, "VALUES_PER_TILE", 3 * N)
    blocks = [slice(0, 1), slice(1, 6), slice(6, 7)]
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda b: run(F[b], stretches=stretches, neuropil=around[b]), blocks))
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), whole.values)
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(np.concatenate([part.columns[name] for part in parts]), column)


def test_the_result_can_take_the_place_of_the_block():
    F, around, _ = simulated()
    expected = run(F.copy(), neuropil=around).values
    found = run(F, neuropil=around, out=F)
    assert found.values is F
    np.testing.assert_array_equal(F, expected)


def test_transposed_memory_and_a_block_without_units_are_taken():
    F, around, _ = simulated()
    expected = run(F, neuropil=around)
    found = run(np.asfortranarray(F), neuropil=np.asfortranarray(around))
    np.testing.assert_array_equal(found.values, expected.values)
    empty = run(F[:0])
    assert empty.values.shape == (0, N)
    assert {name: column.size for name, column in empty.columns.items()} == dict.fromkeys(expected.columns, 0)


@given(st.floats(0.001, 1000))
def test_dff_does_not_depend_on_the_gain_of_the_detector(gain):
    F, around, _ = simulated(n_units=2, n=900)
    one = run(F.astype(float), neuropil=around.astype(float))
    other = run(F.astype(float) * gain, neuropil=around.astype(float) * gain)
    np.testing.assert_allclose(other.values, one.values, atol=1e-5)
    np.testing.assert_allclose(other.columns["baseline"], one.columns["baseline"] * gain, rtol=1e-9)


# Frames without a signal.


@pytest.mark.parametrize("garbage", [np.nan, 0.0, 1e9, -np.inf])
@pytest.mark.parametrize("kind", [MaximinBaseline(), PercentileBaseline(), ConstantBaseline()])
def test_what_lies_in_masked_frames_changes_nothing(garbage, kind):
    F, around, _ = simulated()
    missing = np.zeros(N, bool)
    missing[[40, 41, 300]] = missing[1000:1100] = missing[-3:] = True
    stretches = find_stretches(N, missing=missing)
    settings = Preprocess(baseline=kind)
    clean = run(F, stretches=stretches, neuropil=around, settings=settings)
    F[:, missing], around[:, missing] = garbage, garbage
    found = run(F, stretches=stretches, neuropil=around, settings=settings)
    np.testing.assert_array_equal(found.values, clean.values)
    np.testing.assert_array_equal(found.columns["noise_level"], clean.columns["noise_level"])
    assert found.columns["status"].tolist() == ["kept"] * 4
    assert (found.values[:, stretches.segment < 0] == 0).all()
    kept = stretches.segment >= 0
    assert np.isfinite(found.values[:, kept]).all()
    middle = (found.values[:, 299] + found.values[:, 301]) / 2
    np.testing.assert_allclose(found.values[:, 300], middle, atol=2e-3)  # F is interpolated, F0 varies a little


def test_a_few_missing_values_of_one_roi_are_interpolated_and_flagged():
    F, around, _ = simulated()
    F[1, [50, 700]], around[1, 900] = np.nan, np.nan
    found = run(F, neuropil=around)
    assert found.columns["interpolated"].tolist() == [0, 3, 0, 0]
    assert found.columns["status"].tolist() == ["kept", "flagged", "kept", "kept"]
    assert found.columns["reason"][1] == "interpolated: 3 frames without a value"
    assert np.isfinite(found.values).all()


def test_neuropil_that_is_not_subtracted_is_not_looked_at():
    F, around, _ = simulated()
    around[:] = np.nan
    found = run(F, neuropil=around, settings=Preprocess(neuropil=0))
    np.testing.assert_array_equal(found.values, run(F).values)
    assert run(F, neuropil=around).columns["reason"][0] == "neuropil not finite: no frame has a value"


# ROIs that are good for nothing, one of each kind beside good ones.


@pytest.mark.parametrize("signal", ["fluorescence", "dff"])
def test_useless_rois_are_refused_with_a_reason_and_the_others_are_as_without_them(signal):
    F, around, _ = simulated(n_units=6)
    expected = run(F, signal, neuropil=around)
    F[1], F[2], F[3, 10:20] = np.nan, 12.5, np.nan
    found = run(F, signal, neuropil=around)
    assert found.refused.tolist() == [False, True, True, True, False, False]
    reasons = found.columns["reason"]
    assert reasons[1] == "not finite: no frame has a value"
    assert reasons[2] == "constant: every frame is 12.5"
    assert "10 frames in a row have no value, more than max_missing (2)" in reasons[3]
    assert np.isnan(found.values[found.refused]).all()
    for name in ("noise_level", "noise_sd", "snr", "skewness"):
        assert np.isnan(found.columns[name][found.refused]).all()
    np.testing.assert_array_equal(found.values[~found.refused], expected.values[~found.refused])


@pytest.mark.parametrize("offset", [0.0, -500.0])
def test_a_baseline_that_is_zero_or_negative_is_refused(offset):
    rng = np.random.default_rng(3)
    F = offset + 20 * rng.standard_normal((1, N))
    found = run(F)
    assert found.refused.tolist() == [True]
    assert (
        "F0 is not positive, or too small against the noise, in 100% of the frames" in found.columns["reason"][0]
    )
    assert found.columns["baseline"][0] < 0


@given(st.floats(0.02, 3), st.sampled_from([5.0, 30.0, 200.0]))
def test_no_kept_trace_is_noisier_than_allowed(rest, rate):
    noise = np.random.default_rng(4).standard_normal((1, 3000))
    settings = Preprocess(baseline=ConstantBaseline(percentile=50))
    found = to_dff(rest + noise, "fluorescence", rate, find_stretches(3000), settings)
    level = 100 * np.median(np.abs(np.diff(noise))) / np.sqrt(rate) / (rest + np.sort(noise[0])[1500])
    assert found.refused[0] == (not 0 <= level <= NOISIEST)
    if not found.refused[0]:
        assert found.columns["noise_level"][0] == pytest.approx(level)


def test_a_shutter_that_closes_for_a_moment_does_not_cost_the_roi():
    F, _, _ = simulated()
    F[2, 3000:3055] = 0
    found = run(F)
    assert found.columns["status"].tolist() == ["kept", "kept", "flagged", "kept"]
    assert found.columns["reason"][2].startswith("dim: in ")
    assert np.abs(found.values[2]).max() < 100
    F[2, 3000:3150] = 0
    assert run(F).refused[2]


def test_a_saturated_roi_is_flagged_with_its_count_and_kept():
    F, around, _ = simulated()
    top = np.quantile(F[1], 0.99)
    F[1] = np.minimum(F[1], top)
    found = run(F, neuropil=around)
    n = int((F[1] == F[1].max()).sum())
    assert found.columns["saturated"].tolist() == [0, n, 0, 0]
    assert found.columns["status"].tolist() == ["kept", "flagged", "kept", "kept"]
    assert found.columns["reason"][1].startswith(f"saturated: {n} frames (")
    counts = np.clip(F, 0, 1000).astype(np.int16)
    counts[0, 5] = 32_767
    assert run(counts).columns["saturated"][0] == 1


def test_a_denoised_trace_is_flagged_as_one_without_noise():
    trace = np.zeros((1, 300))
    trace[0, 100:130] = 0.9 ** np.arange(30)
    found = run(trace, "dff")
    assert found.columns["reason"][0].startswith("no noise")
    assert np.isnan(found.columns["snr"][0])


def test_shapes_that_contradict_each_other_are_refused():
    F, around, _ = simulated()
    with pytest.raises(RecordingError, match="4 ROIs × 6000 frames, neuropil 4 × 5999"):
        run(F, neuropil=around[:, 1:])
    with pytest.raises(RecordingError, match="6000 frames but segment 10"):
        run(F, stretches=find_stretches(10))


@pytest.mark.recordings
def test_a_real_plane_of_suite2p_is_kept_whole(recordings):
    folder = recordings / "suite2p-plane" / "suite2p" / "plane0"
    F, around = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("F", "Fneu"))
    found = run(F, neuropil=around)
    assert not found.refused.any()
    expected = 100 * np.median(np.abs(np.diff(found.values, axis=1)), axis=1) / np.sqrt(RATE)
    np.testing.assert_allclose(found.columns["noise_level"], expected, rtol=1e-4)
    assert (found.columns["snr"] > 4).all()


def test_frames_with_too_small_a_baseline_are_divided_by_the_smallest_that_is_allowed():
    F = 100 + np.random.default_rng(7).standard_normal((1, 500))
    least = 100 * np.median(np.abs(np.diff(F))) / np.sqrt(RATE) / NOISIEST
    rest = np.full((1, 500), 90.0)
    rest[0, :4] = [0, -5, 0.9 * least, 1.1 * least]
    expected = (F - rest) / np.maximum(rest, least)
    values = F.copy()
    assert divide_by_baseline(values, rest, np.array([0, 500]), RATE).tolist() == [3]
    np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize(("share", "status"), [(0.3, "flagged"), (0.6, "refused")])
def test_a_trace_that_is_saturated_most_of_the_time_is_refused(share, status):
    block = np.random.default_rng(0).integers(100, 200, (1, 2000)).astype(np.uint8)
    block[:, : round(share * 2000)] = 255
    found = to_dff(block, "fluorescence", 30.0, find_stretches(2000), Preprocess())
    assert found.columns["status"].tolist() == [status]
    assert found.columns["reason"][0].startswith(f"saturated: {round(share * 2000)} frames")
