"""Ready counts and optical signals in bins: sums conserved, stretches respected, wrong values refused."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from alveus.errors import RecordingError, SettingError
from alveus.preprocessing import CountOverflow, prepare
from alveus.recording import BinnedCounts, Recording, Traces, Units

few = trial(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def in_frames(activity, n_units, stop, start=0.0, **rest):
    return Recording(activity, Units(tuple(f"u{i}" for i in range(n_units))), start, stop, **rest)


def read_all(prepared, dtype=np.uint16, block_bins=17):
    return np.concatenate(list(prepared.activity(dtype, block_bins)))


@few
@given(st.integers(1, 4), st.lists(st.integers(80, 120), min_size=2, max_size=6), st.integers(1, 100))
def test_counts_are_summed_within_their_stretches(settings, k, lengths, block_bins):
    counts = np.random.default_rng(0).poisson(2, (sum(lengths), 3)).astype(np.uint16)
    segment = np.repeat(np.arange(len(lengths)), lengths)
    source = BinnedCounts(counts, 0.045, segment)
    recording = in_frames(source, 3, 0.045 * len(counts))
    prepared = prepare(recording, settings(bin_size=k * 0.045), session="s")
    ends = np.cumsum(lengths)
    wanted = [
        counts[a : a + (n // k) * k].reshape(-1, k, 3).sum(axis=1)
        for a, n in zip(ends - lengths, lengths, strict=True)
    ]
    np.testing.assert_array_equal(read_all(prepared, block_bins=block_bins), np.concatenate(wanted))
    assert (
        prepared.segment(0, prepared.n_bins).tolist()
        == np.repeat(np.arange(len(lengths)), [len(w) for w in wanted]).tolist()
    )
    assert prepared.time(0, 1)[0] == pytest.approx(k * 0.045 / 2)


def test_a_bin_size_that_does_not_fit_says_which_do(settings):
    recording = in_frames(BinnedCounts(np.ones((100, 2), np.uint8), 0.045), 2, 4.5)
    with pytest.raises(SettingError, match=r"binned at 0.045 s.*0.045, 0.09, 0.135"):
        prepare(recording, settings(bin_size=0.02), session="s")
    with pytest.raises(SettingError, match=r"4.5 s at most"):
        prepare(recording, settings(bin_size=9.0), session="s")
    traces = in_frames(Traces(np.ones((100, 2)), 10.0, "events"), 2, 10.0)
    with pytest.raises(SettingError, match=r"frame at 10 Hz: set it to 0\.1 s"):
        prepare(traces, settings(bin_size=0.02), session="s")


def test_raw_fluorescence_is_refused_with_what_to_give_instead(settings):
    traces = Traces(np.ones((100, 2)), 10.0, "fluorescence")
    with pytest.raises(SettingError, match="alveus deconvolve"):
        prepare(in_frames(traces, 2, 10.0), settings(bin_size=0.1), session="s")


@pytest.mark.parametrize(("value", "what"), [(-1, "negative"), (0.5, "whole numbers"), (np.nan, "not finite")])
def test_values_that_are_no_counts_are_refused_with_their_place(settings, value, what):
    counts = np.ones((100, 2))
    counts[41, 1] = value
    with pytest.raises(RecordingError, match=f"{what}.*row 41 of unit u1"):
        prepare(in_frames(BinnedCounts(counts, 0.05), 2, 5.0), settings(), session="s")


def test_sums_that_do_not_fit_are_an_overflow(settings):
    counts = np.full((200, 2), 100, np.uint8)
    prepared = prepare(in_frames(BinnedCounts(counts, 0.01), 2, 2.0), settings(bin_size=0.05), session="s")
    with pytest.raises(CountOverflow):
        read_all(prepared, np.uint8)
    assert (read_all(prepared, np.uint16) == 500).all()


@few
@given(
    rate=st.sampled_from([30.0, 29.97, 15.4567, 118.03]),
    bin_size=st.sampled_from([0.1, 0.0667, 0.25, 0.5]),
    block_bins=st.integers(1, 200),
)
def test_events_are_shared_out_by_exact_overlap(settings, rate, bin_size, block_bins):
    rng = np.random.default_rng(1)
    events = rng.gamma(1, 1, (900, 2)) * (rng.random((900, 2)) < 0.05)
    recording = in_frames(Traces(events, rate, "events"), 2, 900 / rate)
    prepared = prepare(recording, settings(bin_size=bin_size), session="s")
    binned = read_all(prepared, np.float32, block_bins)
    # the sum of events up to a time grows linearly within a frame: its differences are the bins
    so_far = np.concatenate([np.zeros((1, 2)), np.cumsum(events, axis=0)])
    edges = np.arange(prepared.n_bins + 1) * prepared.bin_size * rate
    for unit in range(2):
        wanted = np.diff(np.interp(edges, np.arange(901), so_far[:, unit]))
        np.testing.assert_allclose(binned[:, unit], wanted, atol=2e-6)
        assert binned[:, unit].sum() == pytest.approx(wanted.sum(), rel=1e-5)


def test_all_events_are_conserved_and_silence_is_exactly_zero(settings):
    events = np.zeros((900, 2))
    events[[0, 100, 899], 0] = 1.0, 2.5, 4.0
    recording = in_frames(Traces(events, 30.0, "events"), 2, 30.0)
    binned = read_all(prepare(recording, settings(bin_size=0.25), session="s"), np.float32)
    assert binned.sum() == pytest.approx(7.5, rel=1e-7)
    assert (binned > 0).sum() == 3


def test_dff_is_averaged(settings):
    dff = np.tile(np.arange(900.0)[:, None], 2)
    recording = in_frames(Traces(dff, 30.0, "dff"), 2, 30.0)
    binned = read_all(prepare(recording, settings(bin_size=0.1), session="s"), np.float32)
    np.testing.assert_allclose(binned[:, 0], np.arange(1, 900, 3))


def test_a_bin_size_that_is_the_rounded_frame_is_the_frame(settings):
    events = np.random.default_rng(0).random((900, 2))
    recording = in_frames(Traces(events, 30.0, "events"), 2, 30.0)
    prepared = prepare(recording, settings(bin_size=0.03333333), session="s")
    np.testing.assert_allclose(read_all(prepared, np.float32), events, rtol=1e-6)


def test_bins_never_cross_from_one_stretch_of_frames_to_the_next(settings):
    segment = np.repeat([0, 1, 2], [31, 62, 100])
    events = np.repeat([1.0, 10.0, 100.0], [31, 62, 100])[:, None]
    recording = in_frames(Traces(events, 10.0, "events", segment=segment), 1, 19.3)
    prepared = prepare(recording, settings(bin_size=0.25, min_bins=10), session="s")
    binned = read_all(prepared, np.float32)
    assert set(np.round(binned[:, 0], 4).tolist()) == {2.5, 25.0, 250.0}


def test_frames_are_cut_to_what_was_observed(settings):
    counts = np.arange(100)[:, None]
    observed = np.array([[10.5, 11.7], [12.0, 14.0]])
    recording = in_frames(BinnedCounts(counts, 0.05), 1, 15.0, start=10.0, observed=observed)
    prepared = prepare(recording, settings(), session="s")
    assert read_all(prepared)[:, 0].tolist() == [*range(10, 34), *range(40, 80)]
    assert prepared.time(0, 1)[0] == pytest.approx(10.525)


def test_frames_without_a_signal_are_in_no_bin(settings):
    missing = np.zeros(100, bool)
    missing[40:43] = True
    values = np.arange(100.0)[:, None] + np.zeros(2)
    traces = Traces(values, 10.0, "events", missing=missing)
    prepared = prepare(in_frames(traces, 2, 10.0), settings(bin_size=0.2, min_bins=10), session="s")
    (block,) = prepared.activity(np.float32, 1000)
    expected = values[~missing][:, 0]
    assert block[:20, 0].tolist() == expected[:40].reshape(-1, 2).sum(1).tolist()
    assert block[20:, 0].tolist() == values[44:, 0].reshape(-1, 2).sum(1).tolist()  # bins stay on their grid
    assert prepared.segment(19, 21).tolist() == [0, 1]
    assert prepared.time(20, 21)[0] == pytest.approx(4.5)


def test_planes_that_are_scanned_later_are_binned_later(settings):
    rng = np.random.default_rng(0)
    values = np.repeat(rng.random((60, 1)), 3, axis=1)
    traces = Traces(values, 10.0, "events", delays=np.array([0.0, 0.025, 0.05]))
    prepared = prepare(in_frames(traces, 3, 6.0), settings(bin_size=0.2, min_bins=10), session="s")
    (block,) = prepared.activity(np.float64, 1000)
    # The first bin would begin before the last plane's first frame; a bin takes of each frame what it overlaps.
    assert prepared.time(0, 1)[0] == pytest.approx(0.3)
    for unit, late in enumerate((0.0, 0.25, 0.5)):
        edges = np.arange(2, 61, 2) - late
        held = np.concatenate([[0.0], np.cumsum(values[:, unit])])
        expected = np.diff(np.interp(edges, np.arange(61), held))
        np.testing.assert_allclose(block[:, unit], expected, rtol=1e-12)
