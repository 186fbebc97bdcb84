"""Turns a binned dataset into bins on the device of a model, from which batches are gathered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.errors import ArtefactError
from alveus.models.batch import Batch

TRAIN, VALIDATION = 0, 1

BLOCK_BINS = 4096
"""Bins turned into floating-point numbers at a time outside of training steps."""

VALIDATION_BINS = 4096
"""Validation bins evaluated, evenly spaced over all of them. Neighbouring bins say much the same, and the more are
evaluated the less time is left for training: of an hour at 20 ms, all of them would take a tenth of it."""


@dataclass(frozen=True)
class FitData:
    """What a method is fitted on.

    Parameters
    ----------
    counts
        (n_bins, n_units) spikes per bin, unsigned integers; or events, float32.
    split
        (n_bins,) 0 train, 1 validation, 2 test, -1 gap.
    segment
        (n_bins,) number of the stretch without a gap that a bin is part of.
    held_out
        (n_units,) units that the twin does not see.
    bin_size
        Width of a bin [s].
    digest
        Stands for the content of the dataset; a checkpoint of another one is ignored.
    """

    counts: NDArray[np.generic]
    split: NDArray[np.int8]
    segment: NDArray[np.int32]
    held_out: NDArray[np.bool_]
    bin_size: float
    digest: str

    def __post_init__(self) -> None:
        n_bins, n_units = self.counts.shape
        for name, size, expected in (
            ("split", self.split.size, n_bins),
            ("segment", self.segment.size, n_bins),
            ("held_out", self.held_out.size, n_units),
        ):
            if size != expected:
                raise ArtefactError(
                    f"a dataset of {n_bins} bins and {n_units} units has a {name!r} of length {size}: "
                    "bin the session again"
                )

    @property
    def of_counts(self) -> bool:
        """Whether the activity is whole numbers."""
        return bool(np.issubdtype(self.counts.dtype, np.integer))

    def units(self, keep: NDArray[np.bool_]) -> NDArray[np.generic]:
        """Return the activity of some units, (n_bins, n_kept); without a copy when all are kept."""
        return self.counts if keep.all() else np.ascontiguousarray(self.counts[:, keep])


class Bins:
    """Activity on a device, kept in as few bytes as it came; only what is gathered becomes floating-point.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    split
        (n_bins,) as in `FitData`.
    log_base
        Gives the part of the log-likelihood of activity (bin, unit) that no parameter changes, (bin,) [nats].
        Computed here once, for all seeds and all steps.
    device
        Where the model is.
    """

    def __init__(
        self,
        counts: NDArray[np.generic],
        split: NDArray[np.int8],
        log_base: Callable[[Tensor], Tensor],
        device: torch.device,
    ) -> None:
        self.device = device
        self.activity = as_tensor(counts).to(device)
        self.train = torch.from_numpy(np.flatnonzero(split == TRAIN)).to(device)
        validation = np.flatnonzero(split == VALIDATION)
        if validation.size > VALIDATION_BINS:
            validation = validation[np.linspace(0, validation.size - 1, VALIDATION_BINS).astype(np.int64)]
        self.validation = torch.from_numpy(validation).to(device)
        every = torch.arange(self.activity.shape[0], device=device)
        self.log_base = torch.cat([log_base(self.gather(index)) for index in every.split(BLOCK_BINS)])

    def gather(self, index: Tensor) -> Tensor:
        """Return the activity of some bins, (bin, unit) float32."""
        return self.activity.index_select(0, index).float()

    def batch(self, index: Tensor) -> Batch:
        """Return some bins as a batch."""
        return Batch(self.gather(index), self.log_base.index_select(0, index))

    def training_blocks(self) -> Iterator[Tensor]:
        """Yield the training bins in order, in blocks (bin, unit) float32."""
        for index in self.train.split(BLOCK_BINS):
            yield self.gather(index)


def as_tensor(counts: NDArray[np.generic]) -> Tensor:
    """Turn an array into a tensor of a type that torch can gather, sharing memory for bytes and float32."""
    if counts.dtype.kind == "f":
        wanted: type[np.generic] = np.float32
    elif counts.dtype == np.uint8:
        wanted = np.uint8
    else:  # torch hardly supports wider unsigned integers
        wanted = np.int16 if counts.size == 0 or int(counts.max()) <= np.iinfo(np.int16).max else np.int32
    array = np.ascontiguousarray(counts, dtype=wanted)
    return torch.from_numpy(array if array.flags.writeable else array.copy())
