"""Turns a binned dataset into activity on the device of a model."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.errors import ArtefactError

TRAIN, VALIDATION, TEST, GAP = 0, 1, 2, -1

BLOCK_BINS = 4096
"""Bins turned into floating-point numbers at a time outside of training steps."""


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
    conditions
        (n_bins, n_conditions) float32, what else is known of each bin, for models that ask.
    """

    counts: NDArray[np.generic]
    split: NDArray[np.int8]
    segment: NDArray[np.int32]
    held_out: NDArray[np.bool_]
    bin_size: float
    digest: str
    conditions: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n_bins, n_units = self.counts.shape
        for name, size, expected in (
            ("split", self.split.size, n_bins),
            ("segment", self.segment.size, n_bins),
            ("held_out", self.held_out.size, n_units),
            ("conditions", n_bins if self.conditions is None else self.conditions.shape[0], n_bins),
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

    @property
    def n_conditions(self) -> int:
        """Width of the conditions."""
        return 0 if self.conditions is None else self.conditions.shape[1]

    def units(self, keep: NDArray[np.bool_]) -> NDArray[np.generic]:
        """Return the activity of some units, (n_bins, n_kept); without a copy when all are kept."""
        return self.counts if keep.all() else np.ascontiguousarray(self.counts[:, keep])


class Activity:
    """Activity on a device, kept in as few bytes as it came; only what is gathered becomes floating-point.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    conditions
        (n_bins, n_conditions), or None.
    device
        Where the model is.
    """

    def __init__(
        self, counts: NDArray[np.generic], conditions: NDArray[np.float32] | None, device: torch.device
    ) -> None:
        self.device = device
        self.values = as_tensor(counts).to(device)
        self.conditions = None if conditions is None else as_tensor(conditions).to(device)
        self.n_bins = self.values.shape[0]

    def gather(self, index: Tensor) -> Tensor:
        """Return the activity of some bins (...), (..., unit) float32."""
        flat = self.values.index_select(0, index.reshape(-1)).float()
        return flat if index.dim() == 1 else flat.reshape(*index.shape, -1)

    def gather_conditions(self, index: Tensor) -> Tensor | None:
        """Return the conditions of some bins (...), (..., condition); None where there are none."""
        if self.conditions is None:
            return None
        return self.conditions.index_select(0, index.reshape(-1)).reshape(*index.shape, -1)

    def blocks(self, index: Tensor) -> Iterator[Tensor]:
        """Yield some bins (n,) in order, in blocks (bin, unit) float32."""
        for part in index.split(BLOCK_BINS):
            yield self.gather(part)

    def condition_blocks(self, index: Tensor) -> Iterator[Tensor]:
        """Yield the conditions of some bins (n,) in order, in blocks (bin, condition)."""
        for part in index.split(BLOCK_BINS):
            found = self.gather_conditions(part)
            if found is not None:
                yield found


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
