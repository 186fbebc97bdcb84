"""Turns activity on a device into batches: unrelated bins, or stretches of neighbours."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.baselines.bins import contiguous_blocks
from alveus.fit.data import BLOCK_BINS, GAP, TRAIN, VALIDATION, Activity
from alveus.models.batch import Batch
from alveus.models.network import Network

VALIDATION_BINS = 4096
"""Validation bins evaluated, evenly spaced over all of them. Neighbouring bins say much the same, and the more are
evaluated the less time is left for training: of an hour at 20 ms, all of them would take a tenth of it."""

STRETCH_BINS = 64
"""Longest stretch in training. Nothing is lost at its ends, since it brings the bins around it along; shorter ones
would bring more of those than of their own, longer ones would leave a batch with few places of the recording."""

LogBase = Callable[[Tensor], Tensor]
"""From activity (bin, unit) to the part of its log-likelihood that no parameter changes, (bin,) [nats]."""


class Batches(ABC):
    """What a network is trained and evaluated on; an *item* is what a batch holds a number of.

    Attributes
    ----------
    train, validation
        (n,) numbers of the items of each part.
    activity
        What they are gathered from.
    item
        What an item is called.
    """

    train: Tensor
    validation: Tensor
    activity: Activity
    training_bins: Tensor
    item: str

    @abstractmethod
    def batch(self, items: Tensor) -> Batch:
        """Return some items as a batch."""

    @abstractmethod
    def items_per(self, n_bins: int) -> int:
        """Return how many items have about this many bins."""

    @abstractmethod
    def shape(self, n_items: int) -> torch.Size:
        """Return the shape of a batch of so many items, (item, ...), over bins."""

    @abstractmethod
    def of_targets(self, values: Tensor) -> Tensor:
        """Return the targets' part of values (item, ..., any) of a batch."""

    @abstractmethod
    def bins(self, items: Tensor) -> Tensor:
        """Return the numbers of the bins that count in a batch, in one row."""


class Bins(Batches):
    """Unrelated bins: an item is a bin.

    Parameters
    ----------
    activity
        On the network's device.
    split
        (n_bins,) as in `FitData`.
    log_base
        Computed here once, for all seeds and all steps; None: left out, as 0.
    """

    item = "bin"

    def __init__(self, activity: Activity, split: NDArray[np.int8], log_base: LogBase | None) -> None:
        self.activity = activity
        self.train = self.training_bins = torch.from_numpy(np.flatnonzero(split == TRAIN)).to(activity.device)
        validation = evenly(np.flatnonzero(split == VALIDATION), VALIDATION_BINS)
        self.validation = torch.from_numpy(validation).to(activity.device)
        self.log_base = _log_base(activity, log_base)

    def batch(self, items: Tensor) -> Batch:
        """Return some bins."""
        activity = self.activity
        return Batch(
            activity.gather(items), self.log_base.index_select(0, items), activity.gather_conditions(items)
        )

    def items_per(self, n_bins: int) -> int:
        """Return as many: an item is a bin."""
        return n_bins

    def shape(self, n_items: int) -> torch.Size:
        """Return (n_items,)."""
        return torch.Size((n_items,))

    def of_targets(self, values: Tensor) -> Tensor:
        """Return all: every bin is a target."""
        return values

    def bins(self, items: Tensor) -> Tensor:
        """Return the items."""
        return items


class Stretches(Batches):
    """Stretches of neighbouring bins: an item is a stretch of a part of the split, with the bins around it.

    The bins around are those of the same segment that belong to the same part or to a gap: what is learned from
    training bins has never seen a bin of another part.

    Parameters
    ----------
    activity
        On the network's device.
    split, segment
        (n_bins,) as in `FitData`.
    log_base
        As for `Bins`.
    before, after
        How many bins around each are needed.
    length
        Bins of a stretch at the most.
    """

    item = "stretch"

    def __init__(
        self,
        activity: Activity,
        split: NDArray[np.int8],
        segment: NDArray[np.integer],
        log_base: LogBase | None,
        *,
        before: int,
        after: int,
        length: int = STRETCH_BINS,
    ) -> None:
        self.activity = activity
        self.before, self.after = before, after
        parts = [
            _stretches(split == part, (split == part) | (split == GAP), segment, length)
            for part in (TRAIN, VALIDATION)
        ]
        parts[1] = evenly(parts[1], max(1, VALIDATION_BINS // length))
        table = torch.from_numpy(np.concatenate(parts)).to(activity.device)
        self.start, self.count, self.low, self.high = table.unbind(1)
        self.length = int(self.count.max()) if len(table) else length
        n_train = len(parts[0])
        self.train = torch.arange(n_train, device=activity.device)
        self.validation = torch.arange(n_train, len(table), device=activity.device)
        self.training_bins = torch.from_numpy(np.flatnonzero(split == TRAIN)).to(activity.device)
        self.log_base = _log_base(activity, log_base)

    def batch(self, items: Tensor) -> Batch:
        """Return some stretches, (stretch, bin, …)."""
        start, count = self.start[items], self.count[items]
        low, high = self.low[items].unsqueeze(1), self.high[items].unsqueeze(1)
        width = self.before + self.length + self.after
        index = start.unsqueeze(1) - self.before + torch.arange(width, device=items.device)
        present = (index >= low) & (index < high)
        index = torch.minimum(torch.maximum(index, low), high - 1)
        first, last = self.before, self.before + self.length
        counted = torch.arange(self.length, device=items.device) < count.unsqueeze(1)
        log_base = self.log_base[index[:, first:last]] * counted
        return Batch(
            self.activity.gather(index),
            log_base,
            self.activity.gather_conditions(index),
            present,
            counted,
            first,
            last,
        )

    def items_per(self, n_bins: int) -> int:
        """Return how many stretches have about this many bins."""
        return max(1, n_bins // self.length)

    def shape(self, n_items: int) -> torch.Size:
        """Return (n_items, width), context included."""
        return torch.Size((n_items, self.before + self.length + self.after))

    def of_targets(self, values: Tensor) -> Tensor:
        """Return the part without context."""
        return values[:, self.before : self.before + self.length]

    def bins(self, items: Tensor) -> Tensor:
        """Return the numbers of the targets that count."""
        offset = torch.arange(self.length, device=items.device)
        return (self.start[items].unsqueeze(1) + offset)[offset < self.count[items].unsqueeze(1)]


def batches_for(
    network: Network,
    activity: Activity,
    split: NDArray[np.int8],
    segment: NDArray[np.integer],
) -> Batches:
    """Return the batches that a network needs."""
    if not network.sequential:
        return Bins(activity, split, network.log_base)
    return Stretches(activity, split, segment, network.log_base, before=network.before, after=network.after)


def whole(activity: Activity, segment: NDArray[np.integer], *, before: int, after: int, length: int) -> Stretches:
    """Return every bin in stretches, in order, as items of the training part, without base measure."""
    every = np.full(segment.size, TRAIN, np.int8)
    return Stretches(activity, every, segment, None, before=before, after=after, length=length)


def singly(
    activity: Activity, bins: NDArray[np.integer], segment: NDArray[np.integer], *, before: int, after: int
) -> Stretches:
    """Return single bins with those around, in order, as items of the training part, without base measure."""
    wanted = np.full(segment.size, GAP, np.int8)
    wanted[bins] = TRAIN
    return Stretches(activity, wanted, segment, None, before=before, after=after, length=1)


def _stretches(
    wanted: NDArray[np.bool_], usable: NDArray[np.bool_], segment: NDArray[np.integer], length: int
) -> NDArray[np.int64]:
    """Return (start, count, low, high) of stretches of wanted bins; low to high is all that is usable around."""
    if not wanted.any():
        return np.zeros((0, 4), np.int64)
    n_bins = wanted.size
    cut = np.flatnonzero(np.diff(segment) != 0) + 1  # a segment begins here
    edge = np.flatnonzero(np.diff(usable.astype(np.int8)) != 0) + 1
    bounds = np.unique(np.concatenate([[0], cut, edge, [n_bins]]))
    rows = []
    for block in contiguous_blocks(wanted, segment, length):
        place = int(np.searchsorted(bounds, block.start, side="right"))
        rows.append((block.start, block.stop - block.start, bounds[place - 1], bounds[place]))
    return np.array(rows, np.int64)


def evenly(values: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most so many of the values, evenly spaced over all of them."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).astype(np.int64)]


def _log_base(activity: Activity, log_base: LogBase | None) -> Tensor:
    if log_base is None:
        return torch.zeros(activity.n_bins, device=activity.device)
    every = torch.arange(activity.n_bins, device=activity.device)
    return torch.cat([log_base(activity.gather(index)) for index in every.split(BLOCK_BINS)])
