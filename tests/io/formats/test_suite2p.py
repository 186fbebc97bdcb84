"""Folders as suite2p writes them, made with NumPy alone."""

import datetime as dt
import os
import pathlib
import pickle

import numpy as np
import pytest

from alveus.errors import QualityError, RecordingError, TemporaryError
from alveus.io import ReadOptions, modality, read_recording
from alveus.io.files.npy import NpyMatrix
from alveus.preprocessing.units import choose_units

N_ROIS, N_FRAMES = 5, 40


def read(path, **options):
    return read_recording("suite2p", path, ReadOptions(**options))


def traces(seed=0, n_rois=N_ROIS, n_frames=N_FRAMES):
    return np.random.default_rng(seed).uniform(100, 200, (n_rois, n_frames)).astype(np.float32)


def ops(**changes):
    """Return settings with the types of entries that those of suite2p have."""
    return {
        "fs": 30.0,
        "tau": 0.7,
        "nplanes": 1,
        "nframes": N_FRAMES,
        "badframes": np.zeros(N_FRAMES, bool),
        "meanImg": np.ones((4, 6), np.float32),
        "refImg": np.ones((4, 6), ">i2").T,
        "yrange": [0, 4],
        "filelist": ["a.tif", "b.tif"],
        "save_path": pathlib.PurePosixPath("/data/suite2p/plane0"),
        "date_proc": dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
        "diameter": np.array([12.0, 12.0]),
        "timing": {"registration": np.float64(3.5)},
        "threshold": np.float32(1.5),
        **changes,
    }


@pytest.fixture
def write_plane(tmp_path):
    """Write one plane; arguments replace or (None) leave out files."""

    def write(plane="plane0", seed=0, **files):
        folder = tmp_path / "session" / "suite2p" / plane
        folder.mkdir(parents=True)
        whole = {
            "F": traces(seed),
            "Fneu": traces(seed + 100),
            "spks": traces(seed + 200),
            "iscell": np.column_stack([np.arange(N_ROIS) != 1, np.linspace(0, 1, N_ROIS)]),
            "ops": ops(),
            **files,
        }
        for name, content in whole.items():
            if content is not None:
                np.save(folder / f"{name}.npy", content)
        return folder

    return write


def whats(recording):
    return {finding.what: finding.count for finding in recording.findings}


def test_fluorescence_neuropil_and_cells_are_those_numpy_saved(write_plane):
    folder = write_plane()
    recording = read(folder)
    activity = recording.activity
    assert (activity.signal, activity.sampling_rate, recording.tau) == ("fluorescence", 30.0, 0.7)
    np.testing.assert_array_equal(activity.values[3:17], traces().T[3:17])
    np.testing.assert_array_equal(activity.values.traces(slice(1, 3)), traces()[1:3])
    np.testing.assert_array_equal(activity.neuropil[0:N_FRAMES], traces(100).T)
    assert recording.units.ids == ("0", "1", "2", "3", "4")
    assert recording.units.columns["iscell"].tolist() == [1, 0, 1, 1, 1]
    np.testing.assert_array_equal(recording.units.columns["iscell_probability"], np.linspace(0, 1, N_ROIS))
    assert recording.stop == pytest.approx(N_FRAMES / 30)
    assert (activity.missing, activity.delays, recording.findings) == (None, None, ())
    assert modality("suite2p", folder) == "calcium"


def test_the_folder_may_be_the_planes_the_one_of_suite2p_or_the_one_above(write_plane):
    folder = write_plane()
    for path in (folder, folder.parent, folder.parent.parent):
        np.testing.assert_array_equal(read(path).activity.values[0:5], traces().T[:5])


def test_events_are_those_of_suite2p_and_dff_is_refused_with_advice(write_plane):
    folder = write_plane()
    events = read(folder, signal="events").activity
    assert (events.signal, events.neuropil) == ("events", None)
    np.testing.assert_array_equal(events.values[0:N_FRAMES], traces(200).T)
    with pytest.raises(RecordingError, match=r"holds no dff.* but fluorescence and events: leave signal at auto"):
        read(folder, signal="dff")


def test_without_fluorescence_the_events_are_taken(write_plane):
    folder = write_plane(F=None, Fneu=None)
    assert read(folder).activity.signal == "events"


def test_the_newer_layout_says_the_same_in_three_files(write_plane):
    bad = np.arange(N_FRAMES) % 10 == 3
    folder = write_plane(
        ops=None,
        settings={"fs": 15.0, "tau": 1.5, "detection": {"threshold": 1.0}, "diameter": [12.0, 12.0]},
        db={"nplanes": 1, "nframes": N_FRAMES, "data_path": ["/raw"]},
        reg_outputs={"badframes": bad, "yoff": np.arange(N_FRAMES, dtype=np.int32)},
    )
    recording = read(folder)
    assert (recording.activity.sampling_rate, recording.tau) == (15.0, 1.5)
    np.testing.assert_array_equal(recording.activity.missing, bad)
    assert whats(recording) == {"bad_frames": 4}


def test_frames_the_user_listed_are_missing_too(write_plane):
    marked = np.arange(N_FRAMES) == 5
    folder = write_plane(ops=ops(badframes=marked), bad_frames=np.array([7, 9]))
    assert np.flatnonzero(read(folder).activity.missing).tolist() == [5, 7, 9]
    np.save(folder / "bad_frames.npy", [N_FRAMES])
    with pytest.raises(RecordingError, match=f"numbers of frames from 0 to {N_FRAMES - 1}"):
        read(folder)


def test_planes_are_joined_and_scanned_in_turn(write_plane):
    for plane in (0, 1, 10):
        write_plane(f"plane{plane}", seed=plane, ops=ops(nplanes=12, fs=5.0))
    folder = write_plane("combined").parent
    recording = read(folder)
    activity = recording.activity
    assert activity.values.shape == (N_FRAMES, 15)
    expected = np.concatenate([traces(seed) for seed in (0, 1, 10)])
    np.testing.assert_array_equal(activity.values[10:30], expected[:, 10:30].T)
    np.testing.assert_array_equal(activity.values.traces(slice(3, 12)), expected[3:12])
    assert recording.units.ids[::5] == ("plane0-0", "plane1-0", "plane10-0")
    np.testing.assert_allclose(activity.delays[::5], np.array([0, 1, 10]) / (5.0 * 12))
    assert recording.units.columns["plane"].tolist() == [0] * 5 + [1] * 5 + [10] * 5
    part = read(folder, start=2.0, duration=4.0).activity
    np.testing.assert_array_equal(part.values[0:5], expected[:, 10:15].T)
    np.testing.assert_array_equal(part.values.traces(slice(4, 6)), expected[4:6, 10:30])


def test_a_plane_of_several_has_its_own_delay(write_plane):
    folder = write_plane("plane2", ops=ops(nplanes=4, fs=7.5))
    np.testing.assert_allclose(read(folder).activity.delays, 2 / 30)


def test_a_volume_that_was_not_finished_loses_its_frame(write_plane):
    write_plane("plane0", F=traces(0, n_frames=41), Fneu=traces(1, n_frames=41), ops=ops(nplanes=2, nframes=41,
                badframes=np.zeros(41, bool)))  # fmt: skip
    folder = write_plane("plane1", ops=ops(nplanes=2)).parent
    recording = read(folder)
    assert recording.activity.values.shape == (N_FRAMES, 10)
    assert whats(recording) == {"unfinished_volume": 1}
    np.save(folder / "plane1" / "F.npy", traces(n_frames=30))
    np.save(folder / "plane1" / "Fneu.npy", traces(n_frames=30))
    with pytest.raises(RecordingError, match="plane1 has 30 frames but plane0 41"):
        read(folder)


def test_one_plane_more_than_settings_know_leaves_delays_unknown(write_plane):
    write_plane("plane0")
    recording = read(write_plane("plane1").parent)
    assert recording.activity.delays is None
    assert whats(recording) == {"unknown_delays": 2}


def test_the_rate_of_all_planes_together_is_refused(write_plane):
    for plane in range(4):
        folder = write_plane(f"plane{plane}", ops=ops(nplanes=4, fs=7.5)).parent
    with pytest.raises(RecordingError, match=r"30 Hz, suite2p 7\.5 Hz for each of 4 planes.*give 7\.5"):
        read(folder, sampling_rate=30.0)
    assert whats(read(folder, sampling_rate=8.0)) == {"other_rate": 1}


@pytest.mark.parametrize("wrong", [0, -3.0, float("nan"), "thirty", True, [30.0]])
def test_an_impossible_rate_is_refused_and_the_table_can_mend_it(write_plane, wrong):
    folder = write_plane(ops=ops(fs=wrong))
    with pytest.raises(RecordingError, match=r"fs is .*give sampling_rate"):
        read(folder)
    assert read(folder, sampling_rate=30.0).activity.sampling_rate == 30.0


def test_without_settings_the_table_gives_the_rate(write_plane):
    folder = write_plane(ops=None)
    with pytest.raises(RecordingError, match=r"ops\.npy or settings\.npy, fs.*give sampling_rate"):
        read(folder)
    recording = read(folder, sampling_rate=30.0)
    assert (recording.activity.sampling_rate, recording.tau, recording.findings) == (30.0, None, ())


def test_planes_of_different_rates_are_refused(write_plane):
    write_plane("plane0", ops=ops(nplanes=2))
    folder = write_plane("plane1", ops=ops(nplanes=2, fs=10.0)).parent
    with pytest.raises(RecordingError, match="different frame rates, 10 to 30 Hz"):
        read(folder)


def test_shapes_that_contradict_each_other_are_refused(write_plane):
    with pytest.raises(RecordingError, match=r"F.npy has shape \(5, 40\) but Fneu.npy \(5, 39\)"):
        read(write_plane("plane0", Fneu=traces(n_frames=39)))
    with pytest.raises(RecordingError, match=r"shape \(5, 40\), but iscell.npy has 7 ROIs"):
        read(write_plane("plane1", iscell=np.ones((7, 2))))
    with pytest.raises(RecordingError, match="39 frames are marked as good or bad, but the traces have 40"):
        read(write_plane("plane2", ops=ops(badframes=np.zeros(39, bool), nplanes=3)))


@pytest.mark.parametrize("order", ["C", "F"])
def test_traces_on_their_side_are_turned_where_iscell_tells(write_plane, order):
    turned = {name: np.asarray(traces(seed).T, order=order) for name, seed in (("F", 0), ("Fneu", 100))}
    recording = read(write_plane("plane0", **turned))
    np.testing.assert_array_equal(recording.activity.values[5:9], traces().T[5:9])
    np.testing.assert_array_equal(recording.activity.values.traces(slice(1, 4)), traces()[1:4])
    assert whats(recording) == {"transposed_traces": 1}
    with pytest.raises(RecordingError, match=r"40 ROIs of only 5 frames.*restore iscell.npy"):
        read(write_plane("plane1", iscell=None, **turned))


def test_without_iscell_all_rois_are_cells(write_plane):
    recording = read(write_plane(iscell=None))
    assert "iscell" not in recording.units.columns
    assert whats(recording) == {"no_iscell": 1}


def test_the_default_filter_keeps_cells_and_no_cell_at_all_is_a_matter_of_quality(write_plane):
    from alveus.config.preprocess import Preprocess

    def kept(recording, **settings):
        units = recording.units
        return choose_units(units, np.ones(len(units.ids)), 1.0, Preprocess(**settings), quantity="events")[0]

    assert kept(read(write_plane("plane0"))).tolist() == [0, 2, 3, 4]
    none = read(write_plane("plane1", iscell=np.zeros((N_ROIS, 2))))
    with pytest.raises(
        QualityError, match=r"no ROI is marked as a cell: curate .* or set unit_filter: \{\}"
    ) as error:
        kept(none)
    assert error.value.exit_status == 3
    assert kept(none, unit_filter={}).size == N_ROIS


def test_planes_without_rois_are_left_out_and_none_at_all_is_a_matter_of_quality(write_plane):
    empty = {"F": None, "Fneu": None, "spks": None, "iscell": None}
    folder = write_plane("plane0", ops=ops(nplanes=2), **empty).parent
    for path in (folder, folder / "plane0"):
        with pytest.raises(QualityError, match="found no ROIs in 1 planes"):
            read(path)
    write_plane("plane1", ops=ops(nplanes=2))
    recording = read(folder)
    assert whats(recording) == {"planes_without_rois": 1}
    np.testing.assert_allclose(recording.activity.delays, 1 / 60)


def test_some_planes_without_a_file_are_refused(write_plane):
    write_plane("plane0")
    folder = write_plane("plane1", Fneu=None).parent
    with pytest.raises(RecordingError, match=r"1 of 2 planes have no Fneu.npy \(plane1\)"):
        read(folder)
    with pytest.raises(RecordingError, match="holds no output of suite2p"):
        read(folder.parent.parent)


FAULTS = {
    "missing": (lambda plane: plane.with_name("none"), "does not exist"),
    "a file": (lambda plane: plane / "F.npy", "is a file: this format is a folder"),
    "empty": (lambda plane: change(plane, "F.npy", b""), r"F\.npy is empty \(0 bytes\)"),
    "cut": (lambda plane: change(plane, "F.npy", (plane / "F.npy").read_bytes()[:500]), r"F\.npy is truncated"),
    "no array": (lambda plane: change(plane, "Fneu.npy", b"x" * 90), r"Fneu\.npy \(90 bytes\) is damaged"),
    "objects": (lambda plane: save(plane, "F", np.array([[{}] * 40] * 5, object)), "Python objects"),
    "text": (lambda plane: save(plane, "F", np.full((5, 40), "a")), "must be a matrix of numbers"),
    "one trace": (lambda plane: save(plane, "F", np.zeros(40)), r"shape \(40,\) .* must be a matrix of numbers"),
    "text in iscell": (lambda plane: save(plane, "iscell", np.full((5, 2), "a")), "must have a row per ROI"),
    "damaged settings": (lambda plane: change(plane, "ops.npy", (plane / "ops.npy").read_bytes()[:200]),
                         r"ops\.npy \(200 bytes\) is damaged"),
    "numbers as settings": (lambda plane: save(plane, "ops", np.arange(3)), "must hold one dictionary"),
    "bad frames": (lambda plane: save(plane, "bad_frames", np.array([1.5])), "must list numbers of frames"),
}  # fmt: skip


def change(plane, name, content):
    (plane / name).write_bytes(content)
    return plane


def save(plane, name, array):
    np.save(plane / f"{name}.npy", array)
    return plane


@pytest.mark.parametrize("name", FAULTS)
def test_a_folder_that_cannot_be_read_is_refused_with_its_reason(write_plane, name):
    make, words = FAULTS[name]
    with pytest.raises(RecordingError, match=words) as caught:
        read(make(write_plane()))
    assert caught.value.exit_status == 2


def test_a_file_that_changes_while_it_is_read_is_a_matter_of_time(write_plane):
    folder = write_plane()
    recording = read(folder)
    np.save(folder / "F.npy", traces(n_frames=N_FRAMES // 2))
    with pytest.raises(TemporaryError, match=r"F\.npy was changed while it was read"):
        recording.activity.values[0:5]


def test_frames_that_are_nan_are_read_as_they_are(write_plane):
    values = traces()
    values[:, 7] = np.nan
    np.testing.assert_array_equal(read(write_plane(F=values)).activity.values[5:9], values.T[5:9])


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_code_is_refused_by_name(write_plane, tmp_path, protocol):
    folder = write_plane(ops=None)
    content = np.array({"fs": 30.0, "evil": Hostile(tmp_path / "ran")}, dtype=object)
    with (folder / "ops.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(content, file, protocol=protocol)
    with pytest.raises(RecordingError, match=r"asks for '(posix|nt|os)\.system', .* could run code"):
        read(folder)
    recording = read(folder, sampling_rate=30.0)
    assert whats(recording) == {"unread_settings": 1}
    assert not (tmp_path / "ran").exists()
    np.load(folder / "ops.npy", allow_pickle=True)
    assert (tmp_path / "ran").exists()  # the pickle is as hostile as it claims to be


def test_more_settings_than_allowed_are_refused(write_plane):
    folder = write_plane(ops=ops(meanImg=np.zeros((200, 200))))
    with pytest.raises(RecordingError, match=r"ops\.npy declares .* more than max_input_gb"):
        read(folder, max_input_gb=1e-4)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix_is_read_part_by_part_in_either_order(tmp_path, order):
    values = np.asarray(np.random.default_rng(3).normal(size=(7, 11)), dtype=">f4", order=order)
    np.save(tmp_path / "m.npy", values)
    matrix = NpyMatrix(tmp_path / "m.npy", 10**6)
    for rows, columns in ((slice(2, 5), slice(3, 9)), (slice(None), slice(4, 4)), (slice(1, None), slice(None))):
        np.testing.assert_array_equal(matrix[rows, columns], values[rows, columns])
        np.testing.assert_array_equal(matrix.transposed()[columns, rows], values.T[columns, rows])
    np.testing.assert_array_equal(matrix[2:4], values[2:4])
    assert matrix[2:4].dtype == np.float32


@pytest.mark.recordings
def test_a_real_plane_holds_what_numpy_reads(recordings):
    folder = recordings / "suite2p-plane"
    plane = folder / "suite2p" / "plane0"
    recording = read(folder, sampling_rate=30.0)
    stored = np.load(plane / "F.npy")
    np.testing.assert_array_equal(recording.activity.values[0 : stored.shape[1]], stored.T)
    np.testing.assert_array_equal(recording.activity.neuropil[100:200], np.load(plane / "Fneu.npy").T[100:200])
    np.testing.assert_array_equal(recording.units.columns["iscell"], np.load(plane / "iscell.npy")[:, 0])
    assert recording.stop == pytest.approx(stored.shape[1] / 30)
    events = read(folder, sampling_rate=30.0, signal="events").activity.values
    np.testing.assert_array_equal(events.traces(slice(0, 3)), np.load(plane / "spks.npy")[:3])
