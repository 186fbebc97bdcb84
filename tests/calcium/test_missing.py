"""Frames without a signal: what is interpolated, what becomes a gap, and which ROIs lack too much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.calcium.missing import MOST_UNKNOWN, find_stretches, frames_without_signal, mend
from alveus.errors import RecordingError


def by_hand(label, missing, most):
    """The same rule, frame by frame."""
    n = len(label)
    kept = [label[i] >= 0 and not missing[i] for i in range(n)]
    signal = list(kept)
    for i in range(n):
        if label[i] < 0 or not missing[i]:
            continue
        a = i
        while a >= 0 and label[a] == label[i] and missing[a]:
            a -= 1
        b = i
        while b < n and label[b] == label[i] and missing[b]:
            b += 1
        kept[i] = a >= 0 and b < n and label[a] == label[i] == label[b] and b - a - 1 <= most
    number, segment = -1, []
    for i in range(n):
        if not kept[i]:
            segment.append(-1)
            continue
        if i == 0 or not kept[i - 1] or label[i] != label[i - 1]:
            number += 1
        segment.append(number)
    return np.array(segment), np.array(kept), np.array(signal)


frames = st.lists(st.tuples(st.integers(-1, 2), st.sampled_from([False, False, True])), min_size=2, max_size=40)


@given(frames, st.integers(0, 4))
def test_stretches_agree_with_the_rule_frame_by_frame(described, most):
    label, missing = (np.array(part) for part in zip(*described, strict=True))
    segment, kept, signal = by_hand(label, missing, most)
    if kept.sum() < 2:
        with pytest.raises(RecordingError, match="have a signal"):
            find_stretches(len(label), label, missing, most)
        return
    found = find_stretches(len(label), label, missing, most)
    np.testing.assert_array_equal(found.segment, segment)
    lengths = np.unique(segment[segment >= 0], return_counts=True)[1]
    np.testing.assert_array_equal(np.diff(found.starts), lengths)
    assert found.n_recorded == kept.sum()
    assert found.n_lost == (missing & (label >= 0) & ~kept).sum()
    # what is taken is what np.interp finds between the frames with a signal
    trace = np.where(missing, np.nan, np.random.default_rng(0).standard_normal(len(label)))
    expected = np.interp(np.flatnonzero(kept), np.flatnonzero(signal), trace[signal])
    np.testing.assert_allclose(found.take(trace[None])[0], expected, atol=1e-12)


def test_dropped_frames_are_interpolated_up_to_the_setting_and_no_further():
    missing = np.zeros(100, bool)
    missing[[10, 11]] = missing[50:53] = True
    found = find_stretches(100, missing=missing, max_missing=2)
    np.testing.assert_array_equal(found.segment, np.repeat([0, -1, 1], [50, 3, 47]))
    np.testing.assert_allclose(found.take(np.arange(100.0)[None])[0], np.delete(np.arange(100.0), [50, 51, 52]))
    assert [(one.what, one.count) for one in found.findings()] == [("interpolated_frames", 2), ("lost_frames", 3)]
    assert "1 runs" in found.findings()[1].message


def test_a_recording_without_gaps_is_one_stretch_and_has_no_findings():
    found = find_stretches(7)
    np.testing.assert_array_equal(found.segment, np.zeros(7))
    assert found.findings() == ()
    assert found.frames == slice(None)


def test_what_is_taken_is_a_copy():
    block = np.ones((2, 5))
    find_stretches(5).take(block)[:] = 7
    assert (block == 1).all()


def test_frames_that_no_roi_has_are_found_and_an_empty_roi_says_nothing():
    block = np.ones((3, 6), np.float32)
    block[:, 2], block[0, 4], block[1] = np.nan, np.nan, np.nan
    np.testing.assert_array_equal(np.flatnonzero(frames_without_signal(block)), [2])
    assert frames_without_signal(block[1:2]).all()  # neutral when blocks are joined with &
    assert not frames_without_signal(np.zeros((3, 6), np.uint16)).any()


@given(st.sets(st.integers(0, 999), max_size=10), st.integers(0, 3), st.integers(1, 999))
def test_few_missing_values_of_one_roi_are_interpolated_within_stretches(unknown, most, cut):
    truth = np.linspace(3, 5, 1000)
    values, starts = truth.copy()[None], np.array([0, cut, 1000])
    frames = np.array(sorted(unknown), int)
    values[0, frames] = np.inf if most % 2 else np.nan
    sides = [frames[frames < cut], frames[frames >= cut]]
    groups = [g for side in sides for g in np.split(side, np.flatnonzero(np.diff(side) > 1) + 1) if len(g)]
    (count,), (reason,) = mend(values, starts, most)
    if any(len(g) > most for g in groups) or len(sides[0]) == cut or len(sides[1]) == 1000 - cut:
        assert reason.startswith("not finite")
        assert (values == 0).all()
        assert count == 0
        return
    assert reason == ""
    assert count == len(frames)
    step = 2 / 999
    np.testing.assert_allclose(values[0], truth, atol=step * (most + 1e-6))  # at ends the nearest value is held
    inner = [f for f in frames if most and not any({0, cut - 1, cut, 999} & set(g) for g in groups if f in g)]
    np.testing.assert_allclose(values[0, inner], truth[inner], atol=1e-12)


def test_rois_that_lack_too_much_are_refused_with_the_number():
    n = 1000
    values = np.ones((4, n))
    values[0] = np.nan
    values[1, : 2 * int(n * MOST_UNKNOWN) : 2] = np.nan  # as many as are allowed
    values[2, : 2 * int(n * MOST_UNKNOWN) + 2 : 2] = np.nan  # one more
    values[3, 100:104] = np.nan
    counts, reasons = mend(values, np.array([0, n]), 3)
    assert reasons[0] == "not finite: no frame has a value"
    assert reasons[1] == ""
    assert "11 frames (1.1%) have no value, more than 1%" in reasons[2]
    assert "4 frames in a row" in reasons[3]
    assert counts.tolist() == [0, 10, 0, 0]
    assert np.isfinite(values).all()
