"""Test bins to two halves, each in blocks that are drawn as wholes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.scores.identifiability.agreement import Floats
from alveus.scores.intervals import MIN_BLOCKS
from alveus.scores.parts import TEST, bins_of
from alveus.scores.settings import ScoreSettings

MAX_BLOCKS = 200  # of both halves together: more would sharpen no interval
LEAST_HALF = 0.3  # of the bins: runs of test bins that part more unevenly are cut
LARGEST_GAP = 0.1  # of a run that is cut


@dataclass(frozen=True)
class Blocks:
    """Blocks of neighbouring test bins.

    Parameters
    ----------
    bins
        (n,) numbers of the bins, those of a half one after the other.
    starts
        (n_blocks + 1,) where in `bins` each block starts; the last is n.
    half
        (n_blocks,) 0 or 1.
    """

    bins: NDArray[np.intp]
    starts: NDArray[np.intp]
    half: NDArray[np.intp]

    @property
    def too_few(self) -> str:
        """Why there is no interval; empty when there is."""
        if self.half.size >= MIN_BLOCKS and np.bincount(self.half, minlength=2).min() >= 2:
            return ""
        return f"no interval: {self.bins.size} bins are only {self.half.size} independent stretches"

    def products(self, one: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
        """Sum the products of two sets of latents and a column of ones within each block.

        Parameters
        ----------
        one, other
            (n, p) and (n, q) latents of `bins`, in their order.

        Returns
        -------
        NDArray
            (n_blocks, p + q + 1, p + q + 1).
        """
        joined = joined_with_ones(one, other)
        parts = [joined[start:stop] for start, stop in zip(self.starts, self.starts[1:], strict=False)]
        return np.stack([part.T @ part for part in parts])

    def draws(self, settings: ScoreSettings, *names: str | int) -> Floats:
        """Draw how often each block counts: (1 + resamples, n_blocks), first once each, then with replacement."""
        rng = settings.generator("blocks", *names)
        drawn = np.ones((1 + settings.resamples, self.half.size))
        for half in (0, 1):
            own = np.flatnonzero(self.half == half)
            drawn[1:, own] = rng.multinomial(own.size, np.full(own.size, 1 / own.size), settings.resamples)
        return drawn


def joined_with_ones(one: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
    """Put two sets of latents and a column of ones side by side, each latent less its mean, (n, p + q + 1)."""
    joined = np.empty((len(one), one.shape[1] + other.shape[1] + 1))
    joined[:, : one.shape[1]] = one
    joined[:, one.shape[1] : -1] = other
    joined[:, :-1] -= joined[:, :-1].mean(axis=0)  # large offsets would cost digits
    joined[:, -1] = 1.0
    return joined


def halves(split: NDArray[np.integer], gap: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Part the test bins into two halves of whole runs; runs that cannot be parted evenly are cut, with a gap.

    Parameters
    ----------
    split
        (n_bins,) 2 where a bin is a test bin.
    gap
        Bins to leave out around a cut; at most a tenth of a run.
    """
    bins = bins_of(split, TEST)
    runs = np.split(bins, np.flatnonzero(np.diff(bins) > 1) + 1)
    whole = _shared_out(runs)
    if min(map(len, whole)) < LEAST_HALF * bins.size:
        whole = _shared_out([part for run in runs for part in _cut(run, gap)])
    return whole


def _shared_out(runs: list[NDArray[np.intp]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give each run, the longest first, to the half that has fewer bins so far."""
    owned: tuple[list[NDArray[np.intp]], list[NDArray[np.intp]]] = ([], [])
    for run in sorted(runs, key=len, reverse=True):
        owned[int(sum(map(len, owned[0])) > sum(map(len, owned[1])))].append(run)
    one, other = (np.sort(np.concatenate(own)) if own else np.zeros(0, np.intp) for own in owned)
    return one, other


def _cut(run: NDArray[np.intp], gap: int) -> list[NDArray[np.intp]]:
    left_out = min(gap, int(LARGEST_GAP * run.size))
    first = (run.size - left_out) // 2
    return [run[:first], run[first + left_out :]]


def blocks_of(parts: tuple[NDArray[np.intp], NDArray[np.intp]], length: int) -> Blocks:
    """Cut both halves into blocks of a length, longer ones where there would be more than `MAX_BLOCKS`."""
    n = sum(map(len, parts))
    length = max(length, -(-n // MAX_BLOCKS), 1)
    starts, half, before = [], [], 0
    for number, part in enumerate(parts):
        count = max(1, len(part) // length)
        edges = np.linspace(0, len(part), count + 1).astype(np.intp)[:-1]
        starts.append(before + edges)
        half += [number] * count
        before += len(part)
    return Blocks(np.concatenate(parts), np.r_[np.concatenate(starts), n], np.asarray(half, np.intp))
