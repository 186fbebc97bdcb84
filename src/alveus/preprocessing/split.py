"""Turns runs of bins and trials into training, validation and test: contiguous blocks with gaps, whole trials.

The session is divided into cycles; within each the three parts follow each other in random order, so that all of
them are spread over the session. Bins near the border of two parts belong to neither.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alveus.errors import AlveusError, QualityError
from alveus.preprocessing.blocks import MIN_CUT_BINS, Block, cut_run, keep_whole, trim_between
from alveus.preprocessing.grid import Bins

if TYPE_CHECKING:
    from alveus.config.preprocess import Split

PARTS = ("train", "validation", "test")  # codes 0, 1, 2 of the split
GAP = -1
CYCLES = 10  # in a session, where the settings do not say
GAP_OF_CYCLE = 20  # a gap takes at most one of so many parts of its cycle
WHOLE_RUNS_AT_LEAST = 10  # runs that are too short for their trials go whole to one part, when there are so many
WINDOW = 20  # runs that are shuffled together before they go to parts: keeps parts spread over the session


@dataclass(frozen=True)
class SplitPlan:
    """Which part every bin belongs to, as blocks.

    Parameters
    ----------
    blocks
        Ascending, disjoint; what lies between them is gap.
    n_bins
        Bins in all.
    cycle, gap
        Mean length of a cycle, and the widest gap that was asked of a border [bins].
    trials_whole
        False when trials are too long for that: they were cut.
    """

    blocks: tuple[Block, ...]
    n_bins: int
    cycle: float
    gap: int
    trials_whole: bool

    def read(self, i0: int, i1: int) -> NDArray[np.int8]:
        """Return the part of bins i0 to i1, (i1 − i0,) int8: 0 train, 1 validation, 2 test, −1 gap."""
        starts, stops, parts = self._columns
        index = np.arange(i0, i1)
        block = np.maximum(np.searchsorted(starts, index, side="right") - 1, 0)
        inside = (index >= starts[block]) & (index < stops[block])
        return np.where(inside, parts[block], GAP).astype(np.int8)

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        return np.array([(b.start, b.stop, b.part) for b in self.blocks], np.int64).reshape(-1, 3).T

    def fractions(self) -> dict[str, float]:
        """Return the part of the bins that each part got, and the gaps."""
        sizes = [sum(b.stop - b.start for b in self.blocks if b.part == code) for code in range(len(PARTS))]
        named = {name: size / self.n_bins for name, size in zip(PARTS, sizes, strict=True)}
        return {**named, "gap": 1 - sum(sizes) / self.n_bins}


def plan_split(bins: Bins, trials: NDArray[np.int64], settings: "Split") -> SplitPlan:
    """Divide a session.

    Parameters
    ----------
    bins
        The runs of bins.
    trials
        (n_trials, 2) bins [i0, i1) of each trial.
    settings
        Fractions, cycle, gap and seed.

    Raises
    ------
    QualityError
        When the session is too short for three parts.
    """
    whole = _groups(trials)
    plan = _plan(bins, whole, settings)
    if not _has_all_parts(plan):  # then through trials, and then through stretches that are better left whole
        plan = _plan(bins, whole[:0], settings)
        if not _has_all_parts(plan):
            plan = _plan(bins, whole[:0], settings, cut_all=True)
        plan = replace(plan, trials_whole=not len(trials))
    if not _has_all_parts(plan):
        raise QualityError(
            f"{bins.n_bins} bins in {bins.lengths.size} stretches are too few to be split into training, "
            "validation and test: record longer, or set a smaller bin_size"
        )
    if plan.trials_whole:
        check_no_leak(plan, trials)
    return plan


def check_no_leak(plan: SplitPlan, trials: NDArray[np.int64]) -> None:
    """Raise when bins of one trial belong to different parts."""
    for number, (i0, i1) in enumerate(trials.tolist()):
        if len(set(plan.read(i0, i1).tolist()) - {GAP}) > 1:
            raise AlveusError(f"trial {number} (bins {i0} to {i1 - 1}) is in more than one part of the split")


def _has_all_parts(plan: SplitPlan) -> bool:
    return {block.part for block in plan.blocks} == set(range(len(PARTS)))


def _groups(trials: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join trials that share bins; ascending and disjoint, (n_groups, 2)."""
    groups: list[list[int]] = []
    for i0, i1 in sorted(t for t in trials.tolist() if t[1] > t[0]):
        if groups and i0 < groups[-1][1]:
            groups[-1][1] = max(groups[-1][1], i1)
        else:
            groups.append([i0, i1])
    return np.array(groups, np.int64).reshape(-1, 2)


def _plan(bins: Bins, groups: NDArray[np.int64], settings: "Split", *, cut_all: bool = False) -> SplitPlan:
    rng = np.random.default_rng(settings.seed)
    fractions = (settings.train, settings.validation, settings.test)
    width = float(bins.width)
    wanted_cycle = max(MIN_CUT_BINS, bins.n_bins / CYCLES if settings.cycle is None else settings.cycle / width)
    wanted_gap = ceil(settings.gap / width - 1e-9)  # a gap of exactly k bins stays k in spite of rounding
    runs = list(zip(bins.offsets[:-1].tolist(), bins.offsets[1:].tolist(), strict=True))
    inside = [_within(groups, a, b) for a, b in runs]
    cycles = [_n_cycles(b - a, g, wanted_cycle, min(fractions)) for (a, b), g in zip(runs, inside, strict=True)]
    undivided = [r for r, n in enumerate(cycles) if n == 0]
    long_trials = [r for r in undivided if runs[r][1] - runs[r][0] >= MIN_CUT_BINS]
    for r in undivided if cut_all else long_trials if len(long_trials) < WHOLE_RUNS_AT_LEAST else ():
        cycles[r] = int(runs[r][1] - runs[r][0] >= 2 * len(PARTS))
    undivided = [r for r, n in enumerate(cycles) if n == 0]
    part_of = dict(zip(undivided, _whole_runs([runs[r] for r in undivided], fractions, rng), strict=True))
    blocks: list[Block] = []
    gaps: list[int] = []
    for r, (a, b) in enumerate(runs):
        if r in part_of:
            gap, new = min(wanted_gap, (b - a) // GAP_OF_CYCLE), [Block(a, b, part_of[r])]
        else:
            gap = min(wanted_gap, (b - a) // cycles[r] // GAP_OF_CYCLE)
            new = cut_run(a, b, cycles[r], gap, fractions, inside[r], rng)
        if blocks and new and not bins.unrelated:
            apart = int(bins.first[r] - bins.first[r - 1]) // bins.per_bin - int(bins.lengths[r - 1])
            trim_between(blocks, new, gap - apart, fractions)
        blocks += new
        gaps.append(gap)
    n_cycles = sum(max(1, n) for n in cycles)
    whole = keep_whole(blocks, groups)
    return SplitPlan(tuple(whole), bins.n_bins, bins.n_bins / n_cycles, max(gaps), trials_whole=True)


def _within(groups: NDArray[np.int64], start: int, stop: int) -> NDArray[np.int64]:
    """Return the groups of trials that lie in a run, cut to it."""
    i0, i1 = np.searchsorted(groups[:, 1], start, side="right"), np.searchsorted(groups[:, 0], stop)
    return np.clip(groups[i0:i1], start, stop)


def _n_cycles(length: int, groups: NDArray[np.int64], wanted: float, smallest: float) -> int:
    """Return into how many cycles to cut a run; 0 when it is too short, or its trials too long, to be cut."""
    if length < MIN_CUT_BINS:
        return 0
    n_cycles = min(max(1, round(length / wanted)), length // MIN_CUT_BINS)
    if groups.size:
        # the smallest part of a cycle must have room for a typical trial
        n_cycles = min(n_cycles, int(smallest * length / float(np.median(groups[:, 1] - groups[:, 0]))))
    return n_cycles


def _whole_runs(
    runs: list[tuple[int, int]], fractions: tuple[float, float, float], rng: np.random.Generator
) -> list[int]:
    """Return the part of each run that is not cut: the one that is furthest behind its fraction."""
    order: list[int] = []
    for i in range(0, len(runs), WINDOW):
        order += (i + rng.permutation(min(WINDOW, len(runs) - i))).tolist()
    parts = [0] * len(runs)
    given, total = np.zeros(len(PARTS)), 0
    for place, r in enumerate(order):
        size = runs[r][1] - runs[r][0]
        total += size
        behind = np.array(fractions) * total - given
        part = place if place < len(PARTS) <= len(runs) else int(behind.argmax())
        parts[r] = part
        given[part] += size
    return parts
