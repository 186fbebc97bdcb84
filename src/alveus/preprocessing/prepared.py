"""What preprocessing makes of a recording: everything a dataset needs, handed out in slices and blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from alveus.errors import AlveusError
from alveus.preprocessing.behavior import ResampledBehavior
from alveus.preprocessing.grid import Bins
from alveus.preprocessing.split import SplitPlan
from alveus.preprocessing.tally import Tally
from alveus.recording import Finding, Trials, Units

Quantity = Literal["counts", "events", "dff"]


class Activity(Protocol):
    """Something that yields blocks of bins, (block_bins, n_units), in one pass."""

    def read(self, dtype: DTypeLike, block_bins: int) -> Iterator[NDArray[Any]]:
        """Yield blocks."""


@dataclass(frozen=True)
class ResampledTruth:
    """True latents of a simulation at bin centres.

    Parameters
    ----------
    n_latents
        How many.
    latents, ceiling
        Map bins [i0, i1) to (i1 − i0, n_latents) float32; `ceiling` is the best any method can infer.
    ceiling_name
        How the ceiling was computed.
    """

    n_latents: int
    latents: Callable[[int, int], NDArray[np.float32]]
    ceiling: Callable[[int, int], NDArray[np.float32]] | None
    ceiling_name: str


@dataclass(frozen=True)
class Prepared:
    """A session in bins. Nothing in it is as large as bins × units.

    Parameters
    ----------
    session
        Its id.
    bins
        The bins that are kept.
    modality, quantity
        What was recorded, and what the values are.
    units
        The kept units.
    held_out
        (n_units,) those that co-smoothing predicts from the others.
    behavior, trials, truth
        At bin centres; `trials` has a column ``observed``.
    plan
        The split.
    source
        Facts about the recording from its reader.
    facts
        Numbers about what was done, for the report.
    findings
        What was dropped, masked or found odd; what the pass over the spikes finds is in `findings_after`.
    """

    session: str
    bins: Bins
    modality: Literal["spikes", "calcium"]
    quantity: Quantity
    units: Units
    held_out: NDArray[np.bool_]
    behavior: tuple[ResampledBehavior, ...]
    trials: Trials | None
    truth: ResampledTruth | None
    plan: SplitPlan
    source: dict[str, str]
    facts: dict[str, float | int | str]
    findings: tuple[Finding, ...]
    _activity: Activity
    _tally: Callable[[], Tally | None]
    _duplicates_dropped: bool = field(default=True)

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return self.bins.n_bins

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.units.ids)

    @property
    def bin_width(self) -> Fraction:
        """Width of a bin [s], exact."""
        return self.bins.width

    @property
    def bin_size(self) -> float:
        """Width of a bin [s]."""
        return float(self.bins.width)

    def time(self, i0: int, i1: int) -> NDArray[np.float64]:
        """Return the centres of bins i0 to i1 [s], (i1 − i0,)."""
        return self.bins.time(i0, i1)

    def segment(self, i0: int, i1: int) -> NDArray[np.int32]:
        """Return the number of the stretch without a gap that bins i0 to i1 belong to, (i1 − i0,)."""
        return self.bins.segment(i0, i1)

    def split(self, i0: int, i1: int) -> NDArray[np.int8]:
        """Return the part of bins i0 to i1, (i1 − i0,): 0 train, 1 validation, 2 test, −1 gap."""
        return self.plan.read(i0, i1)

    def activity(self, dtype: DTypeLike, block_bins: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of activity in one pass: each (block_bins, n_units), the last one may be shorter.

        Every block is an array of its own.

        Parameters
        ----------
        dtype
            Unsigned integers for counts, floating point for events and ΔF/F.
        block_bins
            Bins in a block.

        Raises
        ------
        CountOverflow
            When a count does not fit `dtype`: ask again with a wider one.
        RecordingError, QualityError
            When the spikes turn out to be unusable; only the whole pass can tell.
        """
        if (np.dtype(dtype).kind == "u") != (self.quantity == "counts"):
            raise AlveusError(f"{self.quantity} cannot be read as {np.dtype(dtype).name}")
        if block_bins < 1:
            raise AlveusError(f"a block needs at least one bin, not {block_bins}")
        return self._activity.read(dtype, block_bins)

    def findings_after(self) -> tuple[Finding, ...]:
        """Return all findings, with those of the pass over the spikes; to be asked after it."""
        tally = self._complete()
        if tally is None:
            return self.findings
        found = tally.findings(self.units.ids, duplicates_dropped=self._duplicates_dropped)
        return (*self.findings, *found)

    def counted(self) -> dict[str, int]:
        """Return how many spikes were kept and left out, by reason; empty for other sources, to be asked after."""
        tally = self._complete()
        return {} if tally is None else tally.counted()

    def unit_spikes(self) -> NDArray[np.int64] | None:
        """Return each unit's spikes in the counts, (n_units,), or None for other sources; to be asked after."""
        tally = self._complete()
        return None if tally is None else tally.kept

    def _complete(self) -> Tally | None:
        tally = self._tally()
        if tally is not None and not tally.complete:
            raise AlveusError("spikes are counted by the pass over the activity, which has not been completed")
        return tally
