import warnings

import h5py
import numpy as np
import pytest

from alveus.config.preprocess import BehaviorKinds
from alveus.errors import QualityError, RecordingError
from alveus.io import ReadOptions, modality, read_recording


def read(path, **options):
    return read_recording("nwb", path, ReadOptions(**options))


def add_behavior(file):
    from pynwb.base import TimeSeries
    from pynwb.behavior import BehavioralTimeSeries, Position, SpatialSeries

    times = np.linspace(0, 10, 101)
    module = file.create_processing_module("behavior", "what the animal did")
    xy = SpatialSeries("xy", data=np.column_stack([times, -times]), timestamps=times, reference_frame="box",
                       conversion=0.01, offset=0.5, unit="meters")  # fmt: skip
    module.add(Position(spatial_series=xy))
    speed = TimeSeries("speed", data=np.arange(200, dtype="int16"), rate=20.0, starting_time=0.25, unit="cm/s")
    licks = TimeSeries("speed", data=np.array([0, 1, 0], "int8"), timestamps=[1.0, 2.0, 3.0], unit="n.a.")
    module.add(BehavioralTimeSeries("running", time_series=speed))
    module.add(BehavioralTimeSeries("licking", time_series=licks))
    file.add_acquisition(TimeSeries("spectrum", data=np.zeros((5, 40)), rate=1.0, unit="V"))
    electrodes(file)


def electrodes(file):
    from pynwb.ecephys import ElectricalSeries

    group = file.create_electrode_group("shank", "a shank", "CA1", file.devices["probe A"])
    file.add_electrode(location="CA1", group=group)
    region = file.create_electrode_table_region([0], "all")
    file.add_acquisition(ElectricalSeries("raw", data=np.zeros((9, 1)), electrodes=region, rate=30000.0))


def test_units_and_spikes_are_those_pynwb_wrote(write_nwb, spikes, read_back):
    recording = read(write_nwb(quality=True))
    assert recording.units.ids == ("3", "7", "12")
    for times, expected in zip(read_back(recording.activity), spikes.values(), strict=True):
        np.testing.assert_array_equal(times, expected)
    assert recording.units.columns["quality"].tolist() == ["gut ✓", "mua", "mua"]
    np.testing.assert_array_equal(recording.units.columns["depth"], [31.5, 73.5, 126.0])
    assert recording.source["subject"] == "rat7"
    assert recording.source["device"] == "probe A"
    assert (recording.start, recording.observed) == (0.1, None)


def test_observation_intervals_give_the_span_and_only_shared_time_is_observed(write_nwb):
    wide = np.array([[0.0, 4.0], [5.0, 12.0]])
    same = read(write_nwb("same.nwb", intervals=dict.fromkeys((3, 7, 12), wide)))
    np.testing.assert_array_equal(same.observed, wide)
    assert (same.start, same.stop, same.findings) == (0.0, 12.0, ())
    narrow = {3: wide, 7: np.array([[1.0, 6.0]]), 12: wide}
    recording = read(write_nwb("narrow.nwb", intervals=narrow))
    np.testing.assert_array_equal(recording.observed, [[1.0, 4.0], [5.0, 6.0]])
    assert [(f.what, f.count) for f in recording.findings] == [("differing_intervals", 3)]
    apart = {3: np.array([[0.0, 1.0]]), 7: np.array([[2.0, 3.0]]), 12: wide}
    with pytest.raises(QualityError, match="no time was observed by all 3 units"):
        read(write_nwb("apart.nwb", intervals=apart))


def test_series_come_in_their_units_with_conversion_and_offset_applied(write_nwb):
    recording = read(write_nwb(change=add_behavior))
    found = {b.name: b for b in recording.behavior}
    assert set(found) == {"xy", "processing/behavior/running/speed", "processing/behavior/licking/speed"}
    times = np.linspace(0, 10, 101)
    np.testing.assert_allclose(found["xy"].values[:, 0], 0.01 * times + 0.5)
    np.testing.assert_array_equal(found["xy"].times, times)
    assert found["xy"].unit == "meters"
    running = found["processing/behavior/running/speed"]
    assert (running.unit, running.kind) == ("cm/s", "continuous")
    np.testing.assert_allclose(running.times, 0.25 + np.arange(200) / 20)
    assert found["processing/behavior/licking/speed"].kind == "categorical"
    assert [(f.what, "acquisition/spectrum" in f.message) for f in recording.findings] == [
        ("left_out_behavior", True)
    ]


def test_a_variable_left_out_for_its_shape_may_still_be_named(write_nwb):
    path = write_nwb(change=add_behavior)
    kinds = BehaviorKinds(ignore=("spectrum", "xy"))
    assert "xy" not in {b.name for b in read(path, kinds=kinds).behavior}
    with pytest.raises(RecordingError, match=r"circular names 'xyz', .* did you mean 'xy'"):
        read(path, kinds=BehaviorKinds(circular={"xyz": 360.0}))


def test_trials_keep_numbers_text_and_truth_values(write_nwb):
    def change(file):
        file.add_trial_column("side", "left or right")
        file.add_trial_column("correct", "rewarded")
        file.add_trial_column("cue_time", "ragged, left out", index=True)
        file.add_trial(start_time=5.0, stop_time=6.0, side="right", correct=True, cue_time=[5.1, 5.2])
        file.add_trial(start_time=1.0, stop_time=5.5, side="left", correct=False, cue_time=[1.1])

    recording = read(write_nwb(change=change))
    assert recording.trials.start.tolist() == [1.0, 5.0]
    assert recording.trials.columns["side"].tolist() == ["left", "right"]
    assert recording.trials.columns["correct"].tolist() == [False, True]
    assert set(recording.trials.columns) == {"side", "correct"}
    assert [f.what for f in recording.findings] == ["overlapping_trials"]


def test_a_resolution_is_the_clock_only_where_spikes_lie_on_it(write_nwb):
    rng = np.random.default_rng(0)
    samples = np.sort(rng.choice(20000 * 60, 300, replace=False))
    for name, times, clock in (("on", samples / 20000, 20000), ("off", samples / 20000 + 1.7e-5, 10**9)):
        path = write_nwb(f"{name}.nwb", spikes={0: times})
        with h5py.File(path, "a") as file:
            file["units/spike_times"].attrs["resolution"] = 1 / 20000
        assert read(path).activity.clock == clock


def test_a_unit_out_of_order_is_sorted_and_the_others_stay_lazy(write_nwb, read_back):
    recording = read(write_nwb(spikes={0: np.array([1.0, 3.0, 2.5]), 1: np.array([0.5, 4.0])}))
    assert [(f.what, f.count) for f in recording.findings] == [("unsorted_spikes", 1)]
    assert [times.tolist() for times in read_back(recording.activity)] == [[1.0, 2.5, 3.0], [0.5, 4.0]]


def test_units_without_spikes_are_units(write_nwb):
    recording = read(write_nwb(spikes={0: np.array([1.0, 3.0]), 1: np.array([])}))
    assert recording.activity.spike_counts().tolist() == [2, 0]


def test_no_units_is_a_matter_of_quality(write_nwb):
    path = write_nwb(spikes={})
    with pytest.raises(QualityError, match="no table of units"):
        read(path)
    assert modality("nwb", path) == "spikes"


def test_links_that_leave_the_file_or_run_in_circles_are_not_followed(write_nwb):
    path = write_nwb(change=add_behavior)
    with h5py.File(path, "a") as file:
        file["processing/behavior/away"] = h5py.ExternalLink("other.nwb", "/processing/behavior/Position")
        file["processing/behavior/round"] = file["processing"]
        file["processing/behavior/soft"] = h5py.SoftLink("/processing")
    assert len(read(path).behavior) == 3


def test_values_kept_in_another_file_are_refused(write_nwb, tmp_path):
    path = write_nwb()
    (tmp_path / "secret").write_bytes(b"\0" * 800)
    with h5py.File(path, "a") as file:
        del file["units/spike_times"]
        file["units"].create_dataset("spike_times", (11,), "f8", external=[("secret", 0, 88)])
    with pytest.raises(RecordingError, match="keeps its values in another file"):
        read(path)


def test_pynwb_reads_what_we_read(write_nwb):
    path = write_nwb(quality=True, change=add_behavior)
    recording = read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pynwb import NWBHDF5IO

        with NWBHDF5IO(path, "r") as io:
            file = io.read()
            assert tuple(str(unit) for unit in file.units.id[:]) == recording.units.ids
            xy = file.processing["behavior"]["Position"]["xy"]
            ours = next(b for b in recording.behavior if b.name == "xy")
            np.testing.assert_allclose(ours.values, xy.get_data_in_units())
