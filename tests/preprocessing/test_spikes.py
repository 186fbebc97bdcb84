"""Counts of spikes against whole-number arithmetic, cell by cell, and against other programs."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from alveus.errors import AlveusError, QualityError, RecordingError
from alveus.preprocessing import CountOverflow, prepare

few = trial(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_all(prepared, dtype=np.uint16, block_bins=64):
    return np.concatenate(list(prepared.activity(dtype, block_bins)))


def expected_counts(ticks, codes, n_units, width, clock, intervals, start, *, dedupe=True):
    """Bin by Python's unbounded integers: bins wholly inside an interval of samples, one cell at a time."""
    factor = width * clock
    edge = lambda j: start + -((-j * factor.numerator) // factor.denominator)  # noqa: E731
    rows, left_out, duplicates = [], 0, 0
    kept, j = [], 0
    while edge(j + 1) <= intervals[-1][1]:
        if any(a <= edge(j) and edge(j + 1) <= b for a, b in intervals):
            kept.append(j)
        j += 1
    row_of = {j: i for i, j in enumerate(kept)}
    rows = np.zeros((len(kept), n_units), np.int64)
    seen = set()
    for tick, code in zip(ticks, codes, strict=True):
        j = ((int(tick) - start) * factor.denominator) // factor.numerator
        if j not in row_of:
            left_out += 1
            continue
        if (tick, code) in seen:
            duplicates += 1
            if dedupe:
                continue
        seen.add((tick, code))
        rows[row_of[j], code] += 1
    return rows, left_out, duplicates


CLOCKS = [Fraction(30_000), Fraction("24414.0625"), Fraction(1000), Fraction(10**9), Fraction("29999.954846")]


@few
@given(
    clock=st.sampled_from(CLOCKS),
    bin_size=st.sampled_from([0.005, 0.02, 0.1, 0.0333]),
    seconds=st.lists(st.floats(-0.5, 4.5), max_size=200),
    on_edges=st.lists(st.integers(0, 40), max_size=20),
    repeats=st.integers(0, 5),
    block_bins=st.integers(1, 300),
    gap=st.booleans(),
    by_unit=st.booleans(),
    dedupe=st.booleans(),
    start=st.sampled_from([0.0, 0.13, 4397.0317]),
)
def test_counts_equal_whole_number_arithmetic_cell_by_cell(
    spiking, settings, clock, bin_size, seconds, on_edges, repeats, block_bins, gap, by_unit, dedupe, start
):
    width = Fraction(str(bin_size))
    zero = round(Fraction(str(start)) * clock)
    edges = [zero - ((-j * width * clock) // 1) for j in on_edges]
    ticks = [round((Fraction(str(start)) + Fraction(s)) * clock) for s in seconds] + [int(e) for e in edges]
    ticks = sorted(ticks + ticks[:repeats])
    codes = [(7 * t) % 3 for t in ticks]
    observed = np.array([[0.0, 1.203], [1.9, 4.0]]) + start if gap else None
    recording = spiking(
        ticks, codes, 3, clock=clock, start=start, stop=start + 4.0, observed=observed, by_unit=by_unit
    )
    prepared = prepare(
        recording, settings(bin_size=bin_size, duplicates="drop" if dedupe else "keep"), session="s"
    )
    first_sample = lambda t: -((Fraction(1, 10) - Fraction(repr(float(t))) * clock) // 1)  # noqa: E731
    stop = first_sample(start + 4.0)
    bounds = [[first_sample(t) for t in pair] for pair in observed] if gap else [[zero, stop]]
    wanted, left_out, duplicates = expected_counts(ticks, codes, 3, width, clock, bounds, zero, dedupe=dedupe)
    if ticks and not wanted.sum():
        with pytest.raises(QualityError):
            read_all(prepared)
        return
    counts = read_all(prepared, block_bins=block_bins)
    np.testing.assert_array_equal(counts, wanted)
    counted = prepared.counted()
    assert counted["spikes_duplicate"] == duplicates
    left = counted["spikes_before_start"] + counted["spikes_after_end"] + counted["spikes_unobserved"]
    assert left == left_out
    assert counted["spikes_kept"] + left_out + (duplicates if dedupe else 0) == len(ticks)
    np.testing.assert_array_equal(prepared.unit_spikes(), counts.sum(axis=0))


def test_a_spike_on_a_bin_edge_belongs_to_the_bin_that_starts_there(spiking, settings):
    ticks = np.arange(0, 30_000, 150)  # every 5 ms edge of a second at 30 kHz
    recording = spiking(ticks, np.zeros(ticks.size), 1, clock=Fraction(30_000), stop=1.0)
    counts = read_all(prepare(recording, settings(bin_size=0.005), session="s"))
    np.testing.assert_array_equal(counts, np.ones((200, 1)))


def test_bins_that_are_no_whole_number_of_samples_do_not_drift(spiking, settings):
    clock = Fraction("24414.0625")
    recording = spiking([0, 24414062500 // 1000], [0, 0], 1, clock=clock, stop=1000.0)
    prepared = prepare(recording, settings(bin_size=0.005), session="s")
    assert prepared.n_bins == 200_000
    assert prepared.time(199_999, 200_000)[0] == pytest.approx(999.9975, abs=1e-9)


def test_counts_agree_with_histograms_of_each_unit(spiking, settings):
    rng = np.random.default_rng(0)
    ticks, codes = np.sort(rng.choice(60_000, 5000, replace=False)), rng.integers(0, 4, 5000)
    recording = spiking(ticks, codes, 4, stop=60.0)
    counts = read_all(prepare(recording, settings(bin_size=0.05), session="s"))
    for unit in range(4):
        histogram, _ = np.histogram(ticks[codes == unit], bins=np.arange(0, 60_001, 50))
        np.testing.assert_array_equal(counts[:, unit], histogram)


def test_counts_agree_with_pynapple_away_from_edges(spiking, settings):
    nap = pytest.importorskip("pynapple", exc_type=ImportError)
    rng = np.random.default_rng(1)
    ticks = np.sort(rng.choice(10_000, 800, replace=False) * 10 + 5)  # never on an edge
    codes = rng.integers(0, 3, 800)
    recording = spiking(ticks, codes, 3, stop=100.0)
    counts = read_all(prepare(recording, settings(bin_size=0.05), session="s"))
    group = nap.TsGroup(
        {u: nap.Ts(ticks[codes == u] / 1000) for u in range(3)}, time_support=nap.IntervalSet(0, 100)
    )
    np.testing.assert_array_equal(counts, group.count(0.05).values)


@pytest.mark.filterwarnings("ignore:The 'copy' argument:DeprecationWarning", "ignore::UserWarning")
def test_counts_agree_with_elephant_away_from_edges(spiking, settings):
    conversion = pytest.importorskip("elephant.conversion", exc_type=ImportError)
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    rng = np.random.default_rng(2)
    ticks = np.sort(rng.choice(10_000, 800, replace=False) * 10 + 5)
    codes = rng.integers(0, 3, 800)
    recording = spiking(ticks, codes, 3, stop=100.0)
    counts = read_all(prepare(recording, settings(bin_size=0.05), session="s"))
    trains = [neo.SpikeTrain(ticks[codes == u] / 1000 * pq.s, t_stop=100 * pq.s) for u in range(3)]
    binned = conversion.BinnedSpikeTrain(trains, bin_size=50 * pq.ms)
    np.testing.assert_array_equal(counts, binned.to_array().T)


@pytest.mark.parametrize("by_unit", [False, True])
def test_a_count_that_does_not_fit_is_an_overflow_and_fits_a_wider_type(spiking, settings, by_unit):
    ticks = np.concatenate([np.arange(256) * 3, [9_990]])
    recording = spiking(ticks, np.zeros(ticks.size), 2, by_unit=by_unit)
    prepared = prepare(recording, settings(bin_size=1.0), session="s")
    with pytest.raises(CountOverflow, match="uint8"):
        read_all(prepared, np.uint8)
    assert read_all(prepared, np.uint16)[0, 0] == 256
    full = prepare(spiking(ticks[1:], np.zeros(256), 2, by_unit=by_unit), settings(bin_size=1.0), session="s")
    assert read_all(full, np.uint8)[0, 0] == 255


@pytest.mark.parametrize("by_unit", [False, True])
def test_dropped_units_leave_the_counts_of_the_others_unchanged(spiking, settings, by_unit):
    rng = np.random.default_rng(3)
    ticks, codes = np.sort(rng.choice(10_000, 500, replace=False)), rng.integers(0, 5, 500)
    group = np.array(["good", "noise", "mua", "noise", "good"])
    build = {"n_units": 5, "by_unit": by_unit, "columns": {"group": group}}
    recording = spiking(ticks, codes, **build)
    everything = read_all(prepare(recording, settings(unit_filter={}), session="s"))
    prepared = prepare(recording, settings(), session="s")
    assert prepared.units.ids == ("0", "2", "4")
    np.testing.assert_array_equal(read_all(prepared), everything[:, [0, 2, 4]])


def test_spikes_outside_the_recording_can_be_refused(spiking, settings):
    recording = spiking([-5, 10, 20, 12_000], [0, 0, 0, 0], 1)
    prepared = prepare(recording, settings(out_of_range="refuse"), session="s")
    with pytest.raises(RecordingError, match="2 of 4 spikes lie outside the recording, 1 before"):
        read_all(prepared)


def test_findings_about_spikes_need_the_pass(spiking, settings):
    prepared = prepare(spiking([10, 10, 20], [0, 0, 0], 1), settings(), session="s")
    with pytest.raises(AlveusError, match="pass"):
        prepared.findings_after()
    read_all(prepared)
    assert [f.what for f in prepared.findings_after()] == ["duplicate_spikes"]


def test_a_stray_spike_far_away_costs_neither_time_nor_memory(spiking, settings):
    recording = spiking([10, 20, 2**62], [0, 0, 0], 1)
    prepared = prepare(recording, settings(), session="s")
    assert read_all(prepared).sum() == 2
    assert prepared.counted()["spikes_after_end"] == 1


@pytest.mark.parametrize("by_unit", [False, True])
def test_peak_memory_does_not_grow_with_the_recording(spiking, settings, by_unit):
    def peak(seconds):
        rng = np.random.default_rng(0)
        ticks = np.sort(rng.integers(0, seconds * 1000, seconds * 4000))
        recording = spiking(ticks, rng.integers(0, 40, ticks.size), 40, stop=float(seconds), by_unit=by_unit)
        prepared = prepare(recording, settings(bin_size=0.01), session="s")
        next(prepared.activity(np.uint8, 1000))  # compiled before memory is watched
        tracemalloc.start()
        total = sum(int(block.sum()) for block in prepared.activity(np.uint8, 1000))
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total == prepared.counted()["spikes_kept"]
        return largest

    short, long = peak(600), peak(2400)
    assert long < 1.2 * short + 100_000
