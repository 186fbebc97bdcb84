"""NWB files with traces of ROIs, written by pynwb as suite2p, CaImAn and others export them."""

import warnings

import h5py
import numpy as np
import pytest

from alveus.errors import QualityError, RecordingError
from alveus.io import ReadOptions, modality, read_recording
from alveus.io.cleaning.frames import place_frames

N_FRAMES, N_ROIS, RATE = 60, 4, 10.0


def read(path, **options):
    return read_recording("nwb", path, ReadOptions(**options))


def traces(seed=0, n_frames=N_FRAMES, n_rois=N_ROIS):
    return np.random.default_rng(seed).uniform(100, 200, (n_frames, n_rois)).astype(np.float32)


def whats(recording):
    return {finding.what: finding.count for finding in recording.findings}


@pytest.fixture
def add_plane():
    """Add an imaging plane, its ROI table and series to an NWBFile."""

    def add(file, series, *, name="PlaneSegmentation", columns=None, rate=RATE, imaging_rate=RATE, times=None,
            start=0.0, rois=range(N_ROIS), n_rows=N_ROIS, module="ophys", **more):  # fmt: skip
        from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

        device = next(iter(file.devices.values()))
        plane = file.create_imaging_plane(
            name=f"imaging {name}", optical_channel=OpticalChannel("green", "green", 510.0), device=device,
            description="V1", excitation_lambda=920.0, indicator="GCaMP6f", location="V1",
            imaging_rate=imaging_rate,
        )  # fmt: skip
        if module not in file.processing:
            file.create_processing_module(module, "optical physiology")
        place = file.processing[module]
        if "ImageSegmentation" not in place.data_interfaces:
            place.add(ImageSegmentation())
        table = place["ImageSegmentation"].create_plane_segmentation("ROIs", plane, name)
        for roi in range(n_rows):
            table.add_roi(id=10 + roi, pixel_mask=[(roi, roi, 1.0)])
        for column, values in (columns or {}).items():
            table.add_column(column, "of the exporter", data=values)
        for where, data in series.items():
            container, label = where.split("/")
            kind = DfOverF if container == "DfOverF" else Fluorescence
            if container not in place.data_interfaces:
                place.add(kind(name=container))
            timing = {"timestamps": times} if times is not None else {"rate": rate, "starting_time": start}
            place[container].add_roi_response_series(
                RoiResponseSeries(name=label, data=data, unit="n.a.", rois=table.create_roi_table_region(
                    "ROIs", region=list(rois)), **timing, **more))  # fmt: skip

    return add


@pytest.fixture
def write(write_nwb, add_plane):
    """Write a file of one plane without units."""

    def write(series=None, name="s.nwb", *, spikes=None, change=None, **options):
        def both(file):
            add_plane(file, {"Fluorescence/RoiResponseSeries": traces()} if series is None else series, **options)
            if change is not None:
                change(file)

        return write_nwb(name, spikes=spikes or {}, change=both)

    return write


def test_fluorescence_and_neuropil_are_those_pynwb_wrote(write):
    both = {"Fluorescence/RoiResponseSeries": traces(), "Fluorescence/Neuropil": traces(1)}
    path = write(both, columns={"Accepted": [1, 0, 1, 1], "Rejected": [0, 1, 0, 0]}, start=2.5)
    recording = read(path)
    activity = recording.activity
    assert (activity.signal, activity.sampling_rate, recording.start) == ("fluorescence", RATE, 2.5)
    np.testing.assert_array_equal(activity.values[7:23], traces()[7:23])
    np.testing.assert_array_equal(activity.neuropil[0:N_FRAMES], traces(1))
    assert recording.units.ids == ("10", "11", "12", "13")
    assert recording.units.columns["iscell"].tolist() == [1, 0, 1, 1]
    assert (activity.missing, activity.delays, recording.findings) == (None, None, ())
    assert recording.source["indicator"] == "GCaMP6f"
    assert modality("nwb", path) == "calcium"
    part = read(path, start=3.5, duration=2.0).activity
    np.testing.assert_array_equal(part.values[0:20], traces()[10:30])
    np.testing.assert_array_equal(part.neuropil[5:6], traces(1)[15:16])


def test_the_rawest_signal_is_taken_unless_another_is_wanted(write):
    path = write({
        "Fluorescence/RoiResponseSeries": traces(), "Fluorescence/Deconvolved": traces(1),
        "DfOverF/RoiResponseSeries": traces(2), "Fluorescence/Denoised": traces(3),
    })  # fmt: skip
    for wanted, signal, seed in ((None, "fluorescence", 0), ("events", "events", 1), ("dff", "dff", 2)):
        activity = read(path, signal=wanted).activity
        assert (activity.signal, activity.neuropil) == (signal, None)
        np.testing.assert_array_equal(activity.values[0:9], traces(seed)[:9])
    assert whats(read(path)) == {"no_neuropil": 1}
    only = write({"DfOverF/dff": traces()}, "only.nwb")
    assert read(only).activity.signal == "dff"
    with pytest.raises(RecordingError, match=r"holds no events.* but dff: leave signal at auto"):
        read(only, signal="events")


def test_suite2p_names_containers_and_keeps_iscell_and_probability_in_one_column(write):
    names = {"Fluorescence/plane0": traces(), "Neuropil/plane0": traces(1), "Deconvolved/plane0": traces(2)}
    recording = read(write(names, columns={"iscell": np.array([[1, 0.9], [0, 0.2], [1, 0.8], [1, 0.7]])}))
    np.testing.assert_array_equal(recording.activity.values[0:9], traces()[:9])
    np.testing.assert_array_equal(recording.activity.neuropil[0:9], traces(1)[:9])
    assert recording.units.columns["iscell"].tolist() == [1, 0, 1, 1]
    assert recording.units.columns["iscell_probability"].tolist() == [0.9, 0.2, 0.8, 0.7]


def test_corrected_fluorescence_gets_no_neuropil_and_comes_after_the_raw(write):
    names = {"corrected_fluorescence/traces": traces(), "neuropil_trace/traces": traces(1)}
    assert read(write(names)).activity.neuropil is None
    recording = read(write({**names, "raw_fluorescence/traces": traces(2)}, "raw.nwb"))
    np.testing.assert_array_equal(recording.activity.values[0:9], traces(2)[:9])
    np.testing.assert_array_equal(recording.activity.neuropil[0:9], traces(1)[:9])
    assert whats(recording) == {"other_series": 1}


@pytest.mark.parametrize("names", [{"columns": {"is_cell": [True, False, True, True]}},
                                   {"columns": {"rejected": [0, 1, 0, 0]}},
                                   {"columns": {"valid_roi": [1, 0, 1, 1]}}])  # fmt: skip
def test_cells_are_those_the_exporter_accepted(write, names):
    assert read(write(**names)).units.columns["iscell"].tolist() == [1, 0, 1, 1]


def test_traces_may_be_of_some_rois_in_any_order(write):
    path = write({"Fluorescence/a": traces(n_rois=2)}, rois=[3, 1], columns={"depth": [1.0, 2.0, 3.0, 4.0]})
    recording = read(path)
    assert recording.units.ids == ("13", "11")
    assert recording.units.columns["depth"].tolist() == [4.0, 2.0]


def test_traces_on_their_side_are_turned_by_the_roi_table(write):
    path = write({"Fluorescence/a": traces().T, "Fluorescence/Neuropil": traces(1).T})
    recording = read(path)
    np.testing.assert_array_equal(recording.activity.values[3:9], traces()[3:9])
    np.testing.assert_array_equal(recording.activity.values.traces(slice(1, 3)), traces().T[1:3])
    np.testing.assert_array_equal(recording.activity.neuropil[3:9], traces(1)[3:9])
    assert whats(recording) == {"transposed_traces": 1}


def test_neither_side_of_the_traces_fits_the_roi_table(write):
    with pytest.raises(RecordingError, match=r"shape \(60, 3\), but its ROI table has 4 ROIs"):
        read(write({"Fluorescence/a": traces(n_rois=3)}))


def test_neuropil_of_another_length_is_refused(write):
    with pytest.raises(RecordingError, match=r"shape \(60, 4\) but .*Neuropil \(59, 4\): they must agree"):
        read(write({"Fluorescence/a": traces(), "Fluorescence/Neuropil": traces(n_frames=59)}))


def test_conversion_and_offset_are_applied(write):
    recording = read(write(conversion=0.5, offset=3.0))
    np.testing.assert_allclose(recording.activity.values[0:9], traces()[:9] * 0.5 + 3.0)


def test_dropped_frames_are_missing_and_the_others_at_their_places(write):
    there = np.setdiff1d(np.arange(N_FRAMES + 5), [7, 30, 31, 32, 50])
    recording = read(write(times=1.0 + there / RATE))
    activity = recording.activity
    assert activity.values.shape == (N_FRAMES + 5, N_ROIS)
    assert np.flatnonzero(activity.missing).tolist() == [7, 30, 31, 32, 50]
    np.testing.assert_array_equal(activity.values[0 : N_FRAMES + 5][there], traces())
    assert np.isnan(activity.values[29:33]).all(axis=1).tolist() == [False, True, True, True]
    np.testing.assert_array_equal(activity.values[8:20], traces()[7:19])
    assert activity.sampling_rate == pytest.approx(RATE)
    assert (recording.start, recording.stop) == (1.0, pytest.approx(1.0 + 6.5))
    assert whats(recording)["dropped_frames"] == 5
    part = read(write(name="t.nwb", times=1.0 + there / RATE), start=1.5, duration=1.0).activity
    assert np.flatnonzero(part.missing).tolist() == [2]
    np.testing.assert_array_equal(part.values[3:10], traces()[7:14])


def test_planes_are_joined_with_delays_by_when_they_start(write, add_plane):
    def second(file):
        add_plane(file, {"Fluorescence/b": traces(1)}, name="deep", start=0.05)

    recording = read(write({"Fluorescence/a": traces()}, change=second, columns={"depth": [1.0] * 4}))
    activity = recording.activity
    np.testing.assert_array_equal(activity.values[3:9], np.hstack([traces(), traces(1)])[3:9])
    np.testing.assert_allclose(activity.delays, [0.0] * 4 + [0.05] * 4)
    assert recording.units.ids[::4] == ("PlaneSegmentation-10", "deep-10")
    assert set(recording.units.columns) == {"plane"}


def test_a_plane_that_starts_frames_later_has_none_until_then(write, add_plane):
    def second(file):
        add_plane(file, {"Fluorescence/b": traces(1, N_FRAMES - 2).T}, name="deep", start=0.25)

    activity = read(write({"Fluorescence/a": traces()}, change=second)).activity
    np.testing.assert_allclose(activity.delays, [0.0] * 4 + [0.05] * 4, atol=1e-12)
    assert np.flatnonzero(activity.missing).tolist() == [0, 1]
    found = activity.values[0:N_FRAMES]
    np.testing.assert_array_equal(found[:, :4], traces())
    np.testing.assert_array_equal(found[2:, 4:], traces(1, N_FRAMES - 2))
    assert np.isnan(found[:2, 4:]).all()


def test_planes_with_gaps_of_their_own_lack_the_frames_of_either(write, add_plane):
    there = {0: np.delete(np.arange(N_FRAMES + 1), 7), 1: np.delete(np.arange(N_FRAMES + 1), 30)}

    def second(file):
        add_plane(file, {"Fluorescence/b": traces(1)}, name="deep", times=0.05 + there[1] / RATE)

    activity = read(write({"Fluorescence/a": traces()}, change=second, times=there[0] / RATE)).activity
    assert np.flatnonzero(activity.missing).tolist() == [7, 30]
    found = activity.values[0 : N_FRAMES + 1]
    np.testing.assert_array_equal(found[there[0], :4], traces())
    np.testing.assert_array_equal(found[there[1], 4:], traces(1))


def test_planes_that_differ_by_a_frame_lose_it_and_those_that_differ_by_more_are_refused(write, add_plane):
    def shorter(n_frames):
        return lambda file: add_plane(file, {"Fluorescence/b": traces(1, n_frames)}, name="deep", start=0.05)

    recording = read(write({"Fluorescence/a": traces()}, change=shorter(N_FRAMES - 1)))
    assert recording.activity.values.shape == (N_FRAMES - 1, 2 * N_ROIS)
    assert whats(recording)["unfinished_volume"] == 1
    with pytest.raises(RecordingError, match=r"b has 50 frames but .*a 60"):
        read(write({"Fluorescence/a": traces()}, "t.nwb", change=shorter(50)))


def test_planes_of_different_rates_are_refused(write, add_plane):
    def second(file):
        add_plane(file, {"Fluorescence/b": traces(1)}, name="deep", rate=12.0)

    with pytest.raises(RecordingError, match="different frame rates, 10 to 12 Hz"):
        read(write({"Fluorescence/a": traces()}, change=second))


def test_a_rate_that_the_times_contradict_is_refused(write):
    path = write(times=np.arange(N_FRAMES) / RATE)
    assert read(path, sampling_rate=10.05).activity.sampling_rate == pytest.approx(RATE)
    with pytest.raises(RecordingError, match=r"table says 30 Hz, but by their timestamps there are 10 frames"):
        read(path, sampling_rate=30.0)


def test_rates_that_do_not_agree_are_told(write):
    path = write(imaging_rate=40.0)
    assert whats(read(path))["other_imaging_rate"] == 1
    assert whats(read(path, sampling_rate=12.0))["other_rate"] == 1


@pytest.mark.parametrize("rate", [0.0, np.nan])
def test_a_rate_that_is_none_is_asked_for(write, rate):
    path = write()
    with h5py.File(path, "a") as file:
        file["processing/ophys/Fluorescence/RoiResponseSeries/starting_time"].attrs["rate"] = rate
    with pytest.raises(RecordingError, match="give sampling_rate"):
        read(path)
    assert read(path, sampling_rate=30.0).activity.sampling_rate == 30.0


def test_spikes_go_before_traces_unless_the_table_says_calcium(write, spikes):
    def behave(file):
        from pynwb.base import TimeSeries

        module = file.create_processing_module("behavior", "what the animal did")
        module.add(TimeSeries("speed", data=np.arange(60.0), rate=10.0, unit="cm/s"))
        file.add_trial(start_time=1.0, stop_time=2.0)

    path = write(spikes=spikes, change=behave)
    assert read(path).activity.n_units == 3
    assert modality("nwb", path) == "spikes"
    recording = read(path, modality="calcium")
    assert recording.activity.values.shape == (N_FRAMES, N_ROIS)
    assert [variable.name for variable in recording.behavior] == ["speed"]
    assert recording.trials.start.tolist() == [1.0]
    assert recording.source["subject"] == "rat7"


def test_a_file_without_either_is_refused(write_nwb, write):
    with pytest.raises(QualityError, match="no table of units and no fluorescence of ROIs"):
        read(write_nwb(spikes={}))
    with pytest.raises(RecordingError, match=r"no fluorescence.* of ROIs \(RoiResponseSeries found: none\)"):
        read(write_nwb("spikes.nwb"), modality="calcium")
    with pytest.raises(QualityError, match="no table of units"):
        read(write(), modality="spikes")


def test_a_row_that_the_roi_table_lacks_is_refused(write):
    path = write()
    with h5py.File(path, "a") as file:
        file["processing/ophys/Fluorescence/RoiResponseSeries/rois"][0] = 99
    with pytest.raises(RecordingError, match="has 4 ROIs, but traces belong to row 99"):
        read(path)


def test_pynwb_reads_what_we_read(write):
    path = write(chosen := {"Fluorescence/RoiResponseSeries": traces(), "Fluorescence/Neuropil": traces(1)},
                 columns={"Accepted": [1, 0, 1, 1]})  # fmt: skip
    recording = read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pynwb import NWBHDF5IO

        with NWBHDF5IO(path, "r") as io:
            container = io.read().processing["ophys"]["Fluorescence"]
            assert set(container.roi_response_series) == {name.rpartition("/")[2] for name in chosen}
            series = container["RoiResponseSeries"]
            np.testing.assert_array_equal(recording.activity.values[0:N_FRAMES], series.data[:])
            table = series.rois.to_dataframe()
            assert [str(roi) for roi in table.index] == list(recording.units.ids)
            assert table["Accepted"].tolist() == recording.units.columns["iscell"].tolist()


def test_frames_keep_their_places_over_many_gaps_and_a_clock_that_drifts():
    rng = np.random.default_rng(0)
    true = np.flatnonzero(rng.random(20_000) > 0.05)
    true -= true[0]
    jittered = true / 30.0 + rng.normal(0, 2e-3, true.size)
    placed, _ = place_frames(np.sort(jittered), "t")
    np.testing.assert_array_equal(placed.places, true)
    assert placed.rate == pytest.approx(30.0, rel=1e-5)
    drifting = np.cumsum(1 / np.linspace(30.0, 30.3, 20_000))
    placed, findings = place_frames(drifting, "t")
    assert (placed.places, placed.n_frames) == (None, 20_000)
    assert [finding.what for finding in findings] == ["uneven_frames"]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0, 0.1, np.nan, 0.3], "1 of 4 times are NaN"),
        ([0.0, 0.2, 0.1, 0.3], "1 of 4 frames are not later .* frame 2 at 0.1 s"),
        ([0.0, 0.1, 0.1, 0.3], "not later than the one before"),
        ([0.0], "of two at least"),
        ([0.0, 0.1, 0.2, 1e9], "leave almost all of the time empty"),
    ],
)
def test_times_that_give_no_grid_are_refused(times, message):
    with pytest.raises(RecordingError, match=message):
        place_frames(np.array(times), "t")
