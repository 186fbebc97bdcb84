"""HDF5 files with the layout that CNMF.save of CaImAn writes, made with h5py alone."""

import h5py
import numpy as np
import pytest

from alveus.errors import QualityError, RecordingError
from alveus.io import ReadOptions, modality, read_recording

N_UNITS, N_FRAMES = 4, 50


def read(path, **options):
    return read_recording("caiman", path, ReadOptions(**options))


def traces(seed=0, n_units=N_UNITS):
    return np.random.default_rng(seed).normal(size=(n_units, N_FRAMES))


def whats(recording):
    return {finding.what: finding.count for finding in recording.findings}


@pytest.fixture
def write(tmp_path):
    """Write the estimates and parameters; arguments replace estimates or (None) save that there are none."""

    def write(name="cnmf.hdf5", params=None, **estimates):
        path = tmp_path / name
        whole = {"F_dff": traces(), "C": traces(1), "YrA": traces(2), "S": np.abs(traces(3)),
                 "bl": np.ones(N_UNITS),
                 "idx_components": np.array([0, 2, 3]), "SNR_comp": np.arange(4.0), "dims": np.array([6, 8]),
                 "r_values": None, **estimates}  # fmt: skip
        with h5py.File(path, "w") as file:
            for key, value in whole.items():
                file[f"estimates/{key}"] = "NoneType" if value is None else value
            n_units = max(len(value) for key, value in whole.items() if key in ("C", "S") and value is not None)
            file["estimates/A/data"] = np.ones(n_units)
            file["estimates/A/shape"] = (48, N_UNITS)
            for key, value in ({"fr": 15.0, "decay_time": 0.4} if params is None else params).items():
                file[f"params/data/{key}"] = value
        return path

    return write


def test_dff_rate_decay_and_accepted_components_are_those_in_the_file(write):
    path = write()
    recording = read(path)
    activity = recording.activity
    assert (activity.signal, activity.sampling_rate, recording.tau) == ("dff", 15.0, 0.4)
    np.testing.assert_array_equal(activity.values[5:20], traces().T[5:20])
    np.testing.assert_array_equal(activity.values.traces(slice(1, 3)), traces()[1:3])
    assert recording.units.ids == ("0", "1", "2", "3")
    assert recording.units.columns["iscell"].tolist() == [1, 0, 1, 1]
    assert recording.units.columns["snr_caiman"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert "r_value" not in recording.units.columns
    assert recording.stop == pytest.approx(N_FRAMES / 15)
    assert recording.findings == ()
    assert modality("caiman", path) == "calcium"
    part = read(path, start=1.0, duration=1.0).activity
    np.testing.assert_array_equal(part.values.traces(slice(0, 2)), traces()[:2, 15:30])


def test_without_dff_the_traces_before_denoising_are_used_in_arbitrary_units(write):
    recording = read(write(F_dff=None))
    assert recording.activity.signal == "dff"
    np.testing.assert_array_equal(recording.activity.values[3:9], (traces(1) + traces(2)).T[3:9])
    np.testing.assert_array_equal(recording.activity.values.traces(slice(1, 3)), (traces(1) + traces(2))[1:3])
    assert whats(recording) == {"arbitrary_units": 1}


def test_events_are_its_own_and_raw_fluorescence_it_does_not_keep(write):
    path = write()
    events = read(path, signal="events").activity
    assert events.signal == "events"
    np.testing.assert_array_equal(events.values[0:9], np.abs(traces(3)).T[:9])
    with pytest.raises(RecordingError, match=r"holds no fluorescence.* but dff and events"):
        read(path, signal="fluorescence")
    only = write("s.hdf5", F_dff=None, YrA=None)
    assert read(only).activity.signal == "events"
    with pytest.raises(RecordingError, match="neither F_dff, nor C and YrA, nor S"):
        read(write("none.hdf5", F_dff=None, YrA=None, S=None))


def test_traces_on_their_side_are_turned_by_the_footprints(write):
    recording = read(write(F_dff=traces().T))
    np.testing.assert_array_equal(recording.activity.values[5:9], traces().T[5:9])
    np.testing.assert_array_equal(recording.activity.values.traces(slice(1, 3)), traces()[1:3])
    assert whats(recording) == {"transposed_traces": 1}
    with pytest.raises(RecordingError, match=r"shape \(3, 50\), but the footprints /estimates/A has 4 ROIs"):
        read(write("t.hdf5", F_dff=traces(n_units=3)))


def test_components_that_were_not_judged_all_count(write):
    recording = read(write(idx_components=None))
    assert "iscell" not in recording.units.columns
    assert whats(recording) == {"no_iscell": 1}
    with pytest.raises(RecordingError, match="names components outside 0 to 3"):
        read(write("t.hdf5", idx_components=np.array([4])))


def test_traces_and_residuals_must_agree(write):
    with pytest.raises(RecordingError, match=r"C has shape \(4, 50\) but YrA \(4, 49\): they must agree"):
        read(write(F_dff=None, YrA=traces(2)[:, :-1]))


@pytest.mark.parametrize("params", [{}, {"fr": 0.0}, {"fr": np.nan}, {"fr": "NoneType"}])
def test_a_rate_that_is_none_is_asked_for(write, params):
    path = write(params=params)
    with pytest.raises(RecordingError, match="give sampling_rate"):
        read(path)
    assert read(path, sampling_rate=30.0).activity.sampling_rate == 30.0


def test_another_rate_of_the_session_goes_before(write):
    recording = read(write(), sampling_rate=30.0)
    assert recording.activity.sampling_rate == 30.0
    assert whats(recording) == {"other_rate": 1}


def test_what_is_no_file_of_caiman_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["a"] = 1
    with pytest.raises(RecordingError, match="is HDF5 but not of CaImAn"):
        read(tmp_path / "other.hdf5")
    (tmp_path / "text.hdf5").write_text("nothing")
    with pytest.raises(RecordingError, match=r"is no CaImAn \(HDF5\) file"):
        read(tmp_path / "text.hdf5")


def test_no_components_are_a_matter_of_quality(tmp_path):
    with h5py.File(tmp_path / "none.hdf5", "w") as file:
        file["estimates/F_dff"] = np.empty((0, 50))
        file["params/data/fr"] = 15.0
    with pytest.raises(QualityError, match="no units"):
        read(tmp_path / "none.hdf5")
