"""Stretches bring every bin once, and nothing around it that belongs to another part or segment."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alveus.fit.batches import VALIDATION_BINS, Bins, Stretches, whole
from alveus.fit.data import Activity
from alveus.fit.loop import shuffled

CPU = torch.device("cpu")
TEST = 2


@st.composite
def recordings(draw):
    """Part and segment of every bin: runs of any length, in any order."""
    runs = draw(
        st.lists(st.tuples(st.sampled_from([-1, 0, 0, 1, 2]), st.integers(1, 30), st.booleans()), min_size=1)
    )
    split = np.repeat([part for part, _, _ in runs], [n for _, n, _ in runs]).astype(np.int8)
    segment = np.repeat(np.cumsum([new for _, _, new in runs]), [n for _, n, _ in runs]).astype(np.int32)
    return split, segment


REACH = st.integers(0, 12)
LENGTH = st.integers(1, 20)


def numbered(n_bins):
    """Activity that tells the number of its bin."""
    return Activity(np.arange(n_bins, dtype=np.float32)[:, None], None, CPU)


def of_number(activity):
    return -activity.sum(-1)


def stretches(split, segment, before, after, length):
    return Stretches(numbered(split.size), split, segment, of_number, before=before, after=after, length=length)


def targets(batches, items):
    """Numbers of the bins that count, as they were gathered."""
    batch = batches.batch(items)
    return batch.of_targets(batch.activity)[..., 0][batch.counted].int().tolist(), batch


def items_of(batches):
    """Items of each part that has any."""
    return [(part, items) for part, items in ((0, batches.train), (1, batches.validation)) if len(items)]


@given(recordings(), REACH, REACH, LENGTH)
def test_every_bin_of_a_part_is_a_target_exactly_once_an_epoch(recording, before, after, length):
    split, segment = recording
    batches = stretches(split, segment, before, after, length)
    assert batches.training_bins.tolist() == np.flatnonzero(split == 0).tolist()
    for part, items in items_of(batches):
        order = shuffled(items, seed=0, epoch=0)
        found = [bin_ for some in order.split(3) for bin_ in targets(batches, some)[0]]
        assert sorted(found) == np.flatnonzero(split == part).tolist()


def walk(start, step, reach, usable):
    """Numbers of the usable bins next to a bin, at most so many, up to the first that is not."""
    found = []
    while len(found) < reach and 0 <= start + step < usable.size and usable[start + step]:
        start += step
        found.append(start)
    return found


@given(recordings(), REACH, REACH, LENGTH)
def test_around_a_stretch_is_all_of_its_segment_up_to_another_part_and_nothing_else(
    recording, before, after, length
):
    split, segment = recording
    batches = stretches(split, segment, before, after, length)
    for part, items in items_of(batches):
        batch = targets(batches, items)[1]
        for gathered, present, counted in zip(batch.activity[..., 0], batch.present, batch.counted, strict=True):
            own = gathered[batch.first : batch.last][counted].int().tolist()
            usable = np.isin(split, (part, -1)) & (segment == segment[own[0]])
            there = gathered[present].int().tolist()
            spare = batches.length - len(own)  # a short stretch has room for more
            assert there == [
                *walk(own[0], -1, before, usable)[::-1], *own, *walk(own[-1], 1, after + spare, usable)
            ]  # fmt: skip


@given(recordings(), REACH, LENGTH)
def test_the_base_measure_goes_with_its_bins_and_is_nothing_where_there_is_none(recording, before, length):
    split, segment = recording
    batches = stretches(split, segment, before, 0, length)
    for _, items in items_of(batches):
        batch = batches.batch(items)
        own = -batch.of_targets(batch.activity)[..., 0]
        assert torch.equal(batch.log_base, torch.where(batch.counted, own, 0.0))


@given(recordings(), REACH, REACH, LENGTH)
def test_a_whole_recording_is_in_order_whatever_its_parts(recording, before, after, length):
    split, segment = recording
    batches = whole(numbered(split.size), segment, before=before, after=after, length=length)
    found = [bin_ for items in batches.train.split(2) for bin_ in targets(batches, items)[0]]
    assert found == list(range(split.size))


@pytest.mark.parametrize("sequential", [True, False])
def test_of_many_validation_bins_a_part_is_evaluated_from_all_over_the_recording(sequential):
    split = np.tile(np.repeat(np.array([0, 1], np.int8), 500), 20)
    activity, segment = numbered(split.size), np.zeros(split.size, np.int32)
    if sequential:
        batches = Stretches(activity, split, segment, of_number, before=3, after=3)
        bins = np.array(targets(batches, batches.validation)[0])
    else:
        batches = Bins(activity, split, of_number)
        bins = batches.batch(batches.validation).activity[:, 0].int().numpy()
    assert 0.9 * VALIDATION_BINS <= bins.size <= VALIDATION_BINS
    assert np.unique(bins).size == bins.size
    assert (np.bincount(bins // 1000, minlength=20) > 0.7 * VALIDATION_BINS / 20).all()
    assert (split[bins] == 1).all()
