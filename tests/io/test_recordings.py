"""Real recordings, against reading them with h5py, NumPy and pynwb alone."""

import warnings

import h5py
import numpy as np
import pytest

from alveus.io import ReadOptions, modality, read_recording

pytestmark = pytest.mark.recordings


@pytest.mark.parametrize("folder", ["alm-nwb", "a8604-nwb"])
def test_nwb_files_hold_the_spikes_that_h5py_reads(recordings, folder, read_back):
    (path,) = (recordings / folder).glob("*.nwb")
    ours = read_recording("nwb", path)
    with h5py.File(path) as file:
        times, ends = file["units/spike_times"][:], file["units/spike_times_index"][:].astype(int)
    for found, expected in zip(read_back(ours.activity, step=60), np.split(times, ends[:-1]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=5.1e-10)
    assert (ours.start, ours.stop) == (pytest.approx(times.min()), pytest.approx(times.max()))
    assert ours.activity.clock == 10**9  # the sampling rate that one of them states is not their spikes'


def test_trials_are_those_pynwb_reads(recordings):
    (path,) = (recordings / "alm-nwb").glob("*.nwb")
    ours = read_recording("nwb", path).trials
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pynwb import NWBHDF5IO

        with NWBHDF5IO(path, "r") as io:
            theirs = io.read().trials.to_dataframe()
    np.testing.assert_array_equal(ours.start, theirs["start_time"])
    assert set(ours.columns) == set(theirs.columns) - {"start_time", "stop_time"}
    assert ours.columns["type"].tolist() == theirs["type"].tolist()
    np.testing.assert_array_equal(ours.columns["cue_end_time"], theirs["cue_end_time"])


def test_pynapple_reads_the_same_units(recordings):
    nap = pytest.importorskip("pynapple")
    (path,) = (recordings / "a8604-nwb").glob("*.nwb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = nap.load_file(str(path))["units"]
    ours = read_recording("nwb", path)
    assert [str(unit) for unit in theirs.index] == list(ours.units.ids)
    assert [len(theirs[unit]) for unit in theirs.index] == ours.activity.spike_counts().tolist()


def test_the_phy_folder_holds_the_spikes_that_numpy_reads(recordings):
    folder = recordings / "w-maze"
    ours = read_recording("phy", folder, ReadOptions(behavior_file=folder / "position.npz"))
    clusters = np.load(folder / "spike_clusters.npy")
    assert ours.activity.spike_counts().tolist() == np.bincount(clusters).tolist()
    assert ours.units.columns["group"].tolist().count("noise") == 1
    assert ours.activity.clock == 30000
    assert ours.findings == ()
    with np.load(folder / "position.npz") as position:
        np.testing.assert_array_equal(ours.behavior[0].values, position["behavior_position"])


def test_plain_files_hold_the_spikes_that_numpy_reads(recordings):
    paths = [*recordings.glob("retina/*.npz"), *recordings.glob("linear-track/*.npz")]
    assert paths
    for path in paths:
        ours = read_recording("npz", path)
        with np.load(path) as arrays:
            _, counts = np.unique(arrays["spike_units"], return_counts=True)
            first = np.rint(arrays["spike_times"].min() * 1e9)
        assert ours.activity.spike_counts().tolist() == counts.tolist()
        assert ours.activity.first_tick == first


def test_the_linear_track_states_its_span_and_repeats_one_position(recordings):
    ours = read_recording("npz", recordings / "linear-track" / "linear-track.npz")
    assert ours.start == 4397.0317
    assert ours.stop == pytest.approx(4397.0317 + 1982.4239)
    assert [(f.what, f.count) for f in ours.findings] == [("repeated_behavior_times", 1)]


def test_counts_and_traces_are_those_numpy_reads(recordings):
    for path in recordings.glob("bci-m1/*.npz"):
        ours = read_recording("npz", path)
        with np.load(path) as arrays:
            np.testing.assert_array_equal(np.asarray(ours.activity.counts), arrays["counts"])
            np.testing.assert_array_equal(ours.activity.segment, arrays["segment"])
        assert (ours.behavior[0].kind, len(ours.behavior[0].labels)) == ("categorical", 8)
    for path in recordings.glob("gcamp6s-truth/*.npz"):
        ours = read_recording("npz", path)
        with np.load(path) as arrays:
            np.testing.assert_array_equal(np.asarray(ours.activity.values), arrays["dff"])
            np.testing.assert_array_equal(ours.truth_spike_times[0], arrays["truth_spike_times"])
        assert modality("npz", path) == "calcium"
