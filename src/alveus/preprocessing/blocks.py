"""Turns one run of bins into blocks of the three parts, and moves their borders out of trials."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_CUT_BINS = 20  # a shorter stretch goes whole to one part: a gap of a twentieth would be no bin
LONG_TRIAL = 20  # a trial longer than a cycle divided by this is trimmed at a border rather than given up

Fractions = tuple[float, float, float]


@dataclass
class Block:
    """Bins [start, stop) that belong to one part."""

    start: int
    stop: int
    part: int


def cut_run(
    start: int,
    stop: int,
    n_cycles: int,
    gap: int,
    fractions: Fractions,
    trials: NDArray[np.int64],
    rng: np.random.Generator,
) -> list[Block]:
    """Cut a run into cycles of all parts, with gaps between different parts and whole trials.

    Parameters
    ----------
    start, stop
        The run.
    n_cycles
        Cycles, each of at least `MIN_CUT_BINS` bins.
    gap
        Bins between different parts.
    fractions
        Of the three parts.
    trials
        (n_trials, 2) ascending and disjoint bins within the run.
    rng
        Draws the order of the parts within each cycle.
    """
    planned = _plan_run(start, stop, n_cycles, gap, fractions, rng)
    longest = (stop - start) // n_cycles // LONG_TRIAL
    blocks: list[Block] = []
    current = planned[0]
    for following in planned[1:]:
        if following.part == current.part:
            current.stop = following.stop
            continue
        end, begin = _border(current, following, start, stop, gap, longest, fractions, trials)
        if begin >= following.stop:  # a long trial of the current part reaches over the following one
            current.stop = max(current.stop, min(end, stop))
            continue
        if end > current.start:
            blocks.append(Block(current.start, end, current.part))
        current = Block(max(begin, current.start), following.stop, following.part)
    if current.stop > current.start:
        blocks.append(current)
    return blocks


def _plan_run(
    start: int, stop: int, n_cycles: int, gap: int, fractions: Fractions, rng: np.random.Generator
) -> list[Block]:
    """Lay the parts out as if there were no trials: what gaps leave of a cycle is shared out by the fractions."""
    orders = [rng.permutation(len(fractions)).tolist() for _ in range(n_cycles)]
    planned: list[Block] = []
    for k, order in enumerate(orders):
        first = start + (stop - start) * k // n_cycles
        last = start + (stop - start) * (k + 1) // n_cycles
        gap_after = gap if k + 1 < n_cycles and orders[k + 1][0] != order[-1] else 0
        usable = last - first - gap_after - gap * (len(order) - 1)
        shares = np.cumsum([0.0, *(fractions[part] for part in order)])
        cuts = np.rint(shares / shares[-1] * usable).astype(int)
        cuts[1:-1] = np.clip(cuts[1:-1], np.arange(1, len(order)), usable - np.arange(len(order) - 1, 0, -1))
        for place, part in enumerate(order):
            shift = first + place * gap
            planned.append(Block(shift + int(cuts[place]), shift + int(cuts[place + 1]), part))
    return planned


def _border(
    before: Block,
    after: Block,
    start: int,
    stop: int,
    gap: int,
    longest: int,
    fractions: Fractions,
    trials: NDArray[np.int64],
) -> tuple[int, int]:
    """Return where one block ends and the next begins, such that no trial lies in both.

    A trial goes to the side of its centre. The gap is put between trials where there is room; otherwise the part
    with the larger fraction gives up its trials at the border, or the end of one longer than `longest` bins.
    """
    border = before.stop + after.start
    k = int(np.searchsorted(trials.sum(axis=1), border))  # the first trial whose centre is past the border
    left = int(trials[k - 1, 1]) if k else start
    right = int(trials[k, 0]) if k < len(trials) else stop
    end = min(max(before.stop, left), right)
    begin = max(min(after.start, right), end)
    if begin - end < gap:
        end = max(left, begin - gap)
        begin = min(right, max(begin, end + gap))
    if begin - end >= gap:
        return end, begin
    if fractions[before.part] >= fractions[after.part]:
        end = begin - gap
        while k and trials[k - 1, 1] > end and trials[k - 1, 1] - trials[k - 1, 0] <= longest:
            k -= 1
            end = min(end, int(trials[k, 0]))
    else:
        begin = end + gap
        while k < len(trials) and trials[k, 0] < begin and trials[k, 1] - trials[k, 0] <= longest:
            begin = max(begin, int(trials[k, 1]))
            k += 1
    return end, begin


def trim_between(before: list[Block], after: list[Block], missing: int, fractions: Fractions) -> None:
    """Shorten the larger of two blocks that meet across a hole in the recording by the bins missing to a gap."""
    one, other = before[-1], after[0]
    if missing <= 0 or one.part == other.part:
        return
    if fractions[one.part] >= fractions[other.part]:
        one.stop -= min(missing, one.stop - one.start - 1)
    else:
        other.start += min(missing, other.stop - other.start - 1)


def keep_whole(blocks: list[Block], groups: NDArray[np.int64]) -> list[Block]:
    """Give a trial that still lies in several parts (it spans a hole, say) to the one with most of its bins.

    Its other bins become gap.
    """
    starts = np.array([block.start for block in blocks])
    stops = np.array([block.stop for block in blocks])
    for i0, i1 in groups.tolist():
        first, last = int(np.searchsorted(stops, i0, side="right")), int(np.searchsorted(starts, i1))
        shared: dict[int, int] = {}
        for block in blocks[first:last]:
            size = min(block.stop, i1) - max(block.start, i0)
            shared[block.part] = shared.get(block.part, 0) + size
        if len(shared) < 2:
            continue
        keep = max(shared, key=lambda part: shared[part])
        for block in blocks[first:last]:
            if block.part == keep:
                continue
            if block.start < i0:
                block.stop = i0
            elif block.stop > i1:
                block.start = i1
            else:
                block.stop = block.start
    return [block for block in blocks if block.stop > block.start]
