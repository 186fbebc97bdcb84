from fractions import Fraction

import numpy as np
import pytest

from alveus.errors import QualityError, RecordingError
from alveus.io import ReadOptions, modality, read_recording
from alveus.recording import BinnedCounts, Traces
from alveus.recording.spikes import NANOSECOND_CLOCK


def read(path, **options):
    return read_recording("npz", path, ReadOptions(**options))


def test_spikes_come_back_unit_by_unit(write_npz, spikes, read_back):
    recording = read(write_npz())
    assert recording.units.ids == ("3", "7", "12")
    assert recording.activity.clock == NANOSECOND_CLOCK
    for times, expected in zip(read_back(recording.activity), spikes.values(), strict=True):
        np.testing.assert_array_equal(times, expected)


def test_without_a_stated_span_the_recording_reaches_from_the_first_spike_to_the_last(write_npz):
    recording = read(write_npz())
    assert recording.start == 0.1
    assert 9.99 < recording.stop <= 9.99 + 2e-9


def test_the_file_states_the_span_and_the_session_overrides_it(write_npz):
    path = write_npz(start=1.0, duration=8.0)
    assert (read(path).start, read(path).stop) == (1.0, 9.0)
    assert (read(path, start=2.0).start, read(path, start=2.0).stop) == (2.0, 9.0)
    assert read(path, duration=3.0).stop == 4.0


def test_units_may_have_names(write_npz):
    path = write_npz(bare=True, spike_times=[0.1, 0.2, 0.35], spike_units=["β", "a", "β"])
    recording = read(path)
    assert recording.units.ids == ("a", "β")
    assert recording.activity.spike_counts().tolist() == [1, 2]


def test_spikes_listed_unit_after_unit_are_sorted_and_counted(write_npz, spikes, read_back):
    times = np.concatenate(list(spikes.values()))
    units = np.repeat(list(spikes), [t.size for t in spikes.values()])
    recording = read(write_npz(spike_times=times, spike_units=units))
    assert [finding.what for finding in recording.findings] == ["unsorted_spikes"]
    assert recording.findings[0].count == 2
    for found, expected in zip(read_back(recording.activity), spikes.values(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_sampling_rate_is_the_clock_only_when_spikes_lie_on_its_grid(write_npz):
    samples = np.sort(np.random.default_rng(0).choice(30000 * 60, 500, replace=False))
    on_grid = write_npz("on.npz", bare=True, spike_times=samples / 30000, spike_units=np.zeros(500, int))
    assert read(on_grid, sampling_rate=30000).activity.clock == 30000
    assert read(on_grid, sampling_rate=25000).activity.clock == NANOSECOND_CLOCK
    tdt = write_npz("tdt.npz", bare=True, spike_times=samples / 24414.0625, spike_units=np.zeros(500, int))
    assert read(tdt, sampling_rate=24414.0625).activity.clock == Fraction(390625, 16)


def test_columns_of_units_tell_of_units_without_spikes(write_npz):
    path = write_npz(bare=True, spike_times=[0.1, 0.25], spike_units=[1, 3], unit_position=np.eye(5, 2))
    recording = read(path)
    assert recording.units.ids == ("0", "1", "2", "3", "4")
    assert recording.activity.spike_counts().tolist() == [0, 1, 0, 1, 0]
    assert recording.units.columns["position"].shape == (5, 2)


def test_unit_id_names_the_rows_of_unit_columns(write_npz):
    path = write_npz(unit_id=[12, 3, 5, 7], unit_group=["good", "mua", "noise", "good"])
    recording = read(path)
    assert recording.units.ids == ("12", "3", "5", "7")
    assert recording.activity.spike_counts().tolist() == [3, 4, 0, 4]
    assert recording.units.columns["group"].tolist() == ["good", "mua", "noise", "good"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64, ">i2"])
def test_counts_are_read_in_blocks_as_they_were_written(write_npz, dtype, order):
    counts = np.asarray(np.random.default_rng(1).poisson(2, (100, 7)), dtype, order=order)
    path = write_npz(bare=True, counts=counts, bin_size=0.045, start=10.0, segment=np.arange(100) // 50)
    recording = read(path)
    assert isinstance(recording.activity, BinnedCounts)
    assert (recording.start, recording.stop) == (10.0, pytest.approx(14.5))
    blocks = [recording.activity.counts[i : i + 30] for i in range(0, 100, 30)]
    np.testing.assert_array_equal(np.concatenate(blocks), counts)
    np.testing.assert_array_equal(recording.activity.counts[40:50], counts[40:50])  # also backwards
    np.testing.assert_array_equal(np.asarray(recording.activity.counts), counts)
    np.testing.assert_array_equal(recording.activity.segment, np.arange(100) // 50)


def test_start_and_duration_cut_counts(write_npz):
    counts = np.arange(200).reshape(100, 2)
    path = write_npz(bare=True, counts=counts, bin_size=0.1, start=5.0, segment=np.arange(100))
    recording = read(path, start=6.0, duration=2.0)
    assert (recording.start, recording.stop) == (pytest.approx(6.0), pytest.approx(8.0))
    np.testing.assert_array_equal(recording.activity.counts[0:20], counts[10:30])
    np.testing.assert_array_equal(recording.activity.segment, np.arange(10, 30))
    assert [f.what for f in read(path, duration=60.0).findings] == ["shorter_than_stated"]


@pytest.mark.parametrize("signal", ["fluorescence", "dff", "events"])
def test_traces_keep_their_signal(write_npz, signal):
    values = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32)
    neuropil = {"neuropil": values / 2} if signal == "fluorescence" else {}
    path = write_npz(bare=True, **{signal: values}, sampling_rate=30.0, **neuropil)
    activity = read(path).activity
    assert isinstance(activity, Traces)
    assert activity.signal == signal
    np.testing.assert_array_equal(activity.values[10:20], values[10:20])
    assert (activity.neuropil is not None) == bool(neuropil)
    assert modality("npz", path) == "calcium"


def test_true_spikes_and_true_latents_are_kept(write_npz):
    path = write_npz(
        truth_time=np.arange(5.0),
        truth_latents=np.ones((5, 2)),
        truth_spike_times=[3.0, 1.0, 2.0],
        truth_spike_units=[7, 7, 3],
    )
    recording = read(path)
    assert recording.truth.latents.shape == (5, 2)
    assert [times.tolist() for times in recording.truth_spike_times] == [[2.0], [1.0, 3.0], []]


def test_behaviour_trials_and_an_unknown_key_are_noticed(write_npz):
    path = write_npz(
        behavior_time=np.arange(4.0),
        behavior_position=np.ones((4, 2)) * np.arange(4)[:, None],
        behavior_licks=[True, False, False, True],
        trial_start=[0.0, 5.0],
        trial_stop=[4.0, 9.0],
        trial_side=["left", "right"],
        trial_good=[True, False],
        spike_unit=[1],
    )
    recording = read(path)
    assert [(b.name, b.kind) for b in recording.behavior] == [("position", "continuous"), ("licks", "categorical")]
    assert recording.trials.columns["side"].tolist() == ["left", "right"]
    (finding,) = recording.findings
    assert finding.what == "unknown_key"
    assert "'spike_unit' is not used; did you mean 'spike_units'?" in finding.message


def test_a_behaviour_file_adds_variables_and_trials(write_npz):
    extra = write_npz("position.npz", bare=True, behavior_time=np.arange(4.0), behavior_x=np.arange(4.0),
                      trial_start=[1.0], trial_stop=[2.0], other=[1])  # fmt: skip
    recording = read(write_npz(), behavior_file=extra)
    assert [b.name for b in recording.behavior] == ["x"]
    assert recording.trials.start.tolist() == [1.0]
    assert recording.source["behavior_file"] == "position.npz"
    assert [f.what for f in recording.findings] == ["unknown_key"]
    own = write_npz("own.npz", behavior_time=np.arange(4.0), behavior_x=np.arange(4.0))
    with pytest.raises(RecordingError, match="both hold the variable 'x'"):
        read(own, behavior_file=extra)


def test_an_npz_without_a_spike_is_refused_by_quality(write_npz):
    with pytest.raises(QualityError, match="no units"):
        read(write_npz(bare=True, spike_times=np.empty(0), spike_units=np.empty(0, int)))
    silent = write_npz(bare=True, spike_times=np.empty(0), spike_units=np.empty(0, int), unit_id=[1, 2])
    with pytest.raises(QualityError, match="2 units without a single spike"):
        read(silent)
    assert read(silent, duration=60.0).stop == 60.0


def test_of_several_signals_the_rawest_is_taken_unless_another_is_wanted(write_npz):
    values = np.random.default_rng(2).normal(size=(50, 3))
    path = write_npz(bare=True, events=values, dff=values + 1, fluorescence=values + 2, sampling_rate=30.0)
    for wanted, signal, added in ((None, "fluorescence", 2), ("dff", "dff", 1), ("events", "events", 0)):
        activity = read(path, signal=wanted).activity
        assert activity.signal == signal
        np.testing.assert_array_equal(activity.values[0:50], values + added)
    only = write_npz("only.npz", bare=True, dff=values, sampling_rate=30.0)
    with pytest.raises(RecordingError, match=r"holds no fluorescence, .* but dff"):
        read(only, signal="fluorescence")
    with pytest.raises(RecordingError, match="holds counts and dff"):
        read(write_npz("both.npz", bare=True, dff=values, counts=values, sampling_rate=30.0))


def test_missing_frames_and_the_decay_of_the_indicator_are_kept(write_npz):
    values = np.random.default_rng(2).normal(size=(50, 3))
    missing = np.arange(50) % 7 == 3
    path = write_npz(bare=True, fluorescence=values, sampling_rate=10.0, missing=missing, tau=0.7)
    recording = read(path)
    assert (recording.tau, recording.findings) == (0.7, ())
    np.testing.assert_array_equal(recording.activity.missing, missing)
    np.testing.assert_array_equal(read(path, start=1.0, duration=2.0).activity.missing, missing[10:30])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"neuropil": np.ones((50, 2))}, r"fluorescence has shape \(50, 3\) but neuropil \(50, 2\)"),
        ({"missing": np.zeros(49, bool)}, "missing has 49 values of type bool for 50 frames"),
        ({"missing": np.full(50, 0.5)}, "give true or false for each frame"),
        ({"tau": -1.0}, "tau is -1"),
    ],
)
def test_optical_arrays_that_do_not_fit_are_refused(write_npz, arrays, message):
    path = write_npz(bare=True, fluorescence=np.ones((50, 3)), sampling_rate=10.0, **arrays)
    with pytest.raises(RecordingError, match=message):
        read(path)
