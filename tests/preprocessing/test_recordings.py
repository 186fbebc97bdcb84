"""Real recordings against arithmetic on the arrays of their files, cell by cell."""

from fractions import Fraction

import numpy as np
import pytest

from alveus.config.preprocess import Preprocess
from alveus.preprocessing import prepare
from alveus.recording import Behavior, BinnedCounts, FlatSpikeTrains, Recording, Units

pytestmark = pytest.mark.recordings
NANOSECONDS = Fraction(10**9)


def spikes_in_seconds(times, codes, start, stop, **rest):
    order = np.argsort(times, kind="stable")
    ticks = np.rint(times[order] * 1e9).astype(np.int64)
    n_units = int(codes.max()) + 1
    trains = FlatSpikeTrains(ticks, codes[order].astype(np.int32), n_units, NANOSECONDS)
    return Recording(trains, Units(tuple(map(str, range(n_units)))), start, stop, **rest), ticks, codes[order]


def expected_counts(ticks, codes, n_units, start_tick, ticks_per_bin, n_bins):
    """Distinct (tick, unit) pairs in bins, by whole-number division."""
    pairs = np.unique(np.stack([ticks, codes]), axis=1)
    row = (pairs[0] - start_tick) // ticks_per_bin
    inside = (row >= 0) & (row < n_bins)
    wanted = np.zeros((n_bins, n_units), np.int64)
    np.add.at(wanted, (row[inside], pairs[1][inside]), 1)
    return wanted


def read_all(prepared, dtype=np.uint8):
    return np.concatenate(list(prepared.activity(dtype, 5000)))


def test_linear_track_spikes_before_its_start_are_dropped_and_counted(recordings):
    with np.load(recordings / "linear-track" / "linear-track.npz") as file:
        data = dict(file)
    start, stop = float(data["start"]), float(data["start"]) + float(data["duration"])
    times, first = np.unique(data["behavior_time"], return_index=True)
    position = Behavior("position", times, data["behavior_position"][first].astype(float))
    recording, ticks, codes = spikes_in_seconds(
        data["spike_times"], data["spike_units"], start, stop, behavior=(position,)
    )
    prepared = prepare(recording, Preprocess(bin_size=0.1), session="linear-track")
    counts = read_all(prepared)
    zero = round(start * 1e9)
    wanted = expected_counts(ticks, codes, 31, zero, 10**8, prepared.n_bins)
    np.testing.assert_array_equal(counts, wanted)
    assert prepared.n_bins == 19_824
    assert prepared.counted()["spikes_before_start"] == (data["spike_times"] < start).sum() > 0
    assert "spikes_out_of_range" in [f.what for f in prepared.findings_after()]
    assert prepared.behavior[0].coverage > 0.99
    assert prepared.plan.fractions()["test"] == pytest.approx(0.2, abs=0.02)


def test_w_maze_counts_at_30_khz_without_its_noise_cluster(recordings):
    folder = recordings / "w-maze"
    ticks = np.load(folder / "spike_times.npy").astype(np.int64).ravel()
    codes = np.load(folder / "spike_clusters.npy").astype(np.int64).ravel()
    group = np.array(["noise" if unit == 19 else "good" for unit in range(25)])
    units = Units(tuple(map(str, range(25))), {"group": group})
    trains = FlatSpikeTrains(ticks, codes, 25, Fraction(30_000))
    start, stop = trains.first_tick / 30_000, (trains.last_tick + 1) / 30_000
    prepared = prepare(Recording(trains, units, start, stop), Preprocess(bin_size=0.005), session="w-maze")
    assert "19" not in prepared.units.ids
    wanted = expected_counts(ticks, codes, 25, ticks[0], 150, prepared.n_bins)
    kept = [int(unit) for unit in prepared.units.ids]
    np.testing.assert_array_equal(read_all(prepared), wanted[:, kept])
    total = sum(prepared.counted().values())
    assert total == np.isin(codes, kept).sum()


def test_retinal_waves_from_spike_times_in_seconds(recordings):
    with np.load(recordings / "retina" / "Demas2006_p12wt1.npz") as file:
        times, codes = file["spike_times"], file["spike_units"]
    recording, ticks, codes = spikes_in_seconds(times, codes, float(times[0]), float(times[-1]) + 1e-9)
    prepared = prepare(recording, Preprocess(bin_size=0.02), session="retina")
    wanted = expected_counts(ticks, codes, 35, int(ticks[0]), 20_000_000, prepared.n_bins)
    np.testing.assert_array_equal(read_all(prepared), wanted)
    kept, out = prepared.counted()["spikes_kept"], prepared.counted()["spikes_unobserved"]
    assert kept == wanted.sum()
    assert out <= 5  # in the incomplete bin at the end


@pytest.mark.parametrize("name", ["beforeLearning", "afterLearning"])
def test_bci_counts_are_used_as_they_are_and_every_target_is_trained_and_tested(recordings, name):
    with np.load(recordings / "bci-m1" / f"{name}.npz") as file:
        data = dict(file)
    target = Behavior(
        "target",
        data["behavior_time"],
        data["behavior_target"].astype(np.int64),
        "categorical",
        labels=tuple("12345678"),
    )
    source = BinnedCounts(data["counts"], float(data["bin_size"]), data["segment"].astype(np.int64))
    n_bins, n_units = data["counts"].shape
    units = Units(tuple(map(str, range(n_units))))
    recording = Recording(source, units, 0.0, n_bins * 0.045, behavior=(target,))
    prepared = prepare(recording, Preprocess(bin_size=0.045), session=name)
    kept = [int(unit) for unit in prepared.units.ids]
    np.testing.assert_array_equal(read_all(prepared), data["counts"][:, kept])
    codes = prepared.behavior[0].read(0, n_bins)
    np.testing.assert_array_equal(codes, data["behavior_target"])
    split = prepared.split(0, n_bins)
    for code in range(8):
        assert {0, 2} <= set(split[codes == code].tolist())
    twice = prepare(recording, Preprocess(bin_size=0.09), session=name)
    assert twice.n_bins == 8 * 34
