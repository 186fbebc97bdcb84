"""A recording: activity, units, behaviour, trials, and what is known of its making."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.recording.behavior import Behavior, Trials
from alveus.recording.findings import Finding
from alveus.recording.frames import BinnedCounts, Traces
from alveus.recording.spikes import SpikeTrains

Column = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.str_]


@dataclass(frozen=True)
class Units:
    """Sorted clusters or ROIs.

    Parameters
    ----------
    ids
        The source's own ids, as text.
    columns
        Further columns by name, each (n_units,) or (n_units, k): quality, position, depth.
    """

    ids: tuple[str, ...]
    columns: dict[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.ids)) != len(self.ids):
            raise RecordingError("two units have the same id")
        for name, column in self.columns.items():
            if column.shape[:1] != (len(self.ids),):
                raise RecordingError(f"{len(self.ids)} units but unit column {name!r} has shape {column.shape}")

    def take(self, index: NDArray[np.int64]) -> "Units":
        """Return the units at these places."""
        return Units(tuple(self.ids[i] for i in index), {name: c[index] for name, c in self.columns.items()})


@dataclass(frozen=True)
class Truth:
    """What a simulation knows and a recording does not.

    Parameters
    ----------
    times
        (n_samples,) [s].
    latents
        (n_samples, n_latents) the latents that made the activity.
    ceiling
        (n_samples, n_latents) the best any method can infer (posterior mean or MAP under the true model).
    ceiling_name
        How the ceiling was computed.
    """

    times: NDArray[np.float64]
    latents: NDArray[np.float64]
    ceiling: NDArray[np.float64] | None = None
    ceiling_name: str = ""


@dataclass(frozen=True)
class Recording:
    """Everything a reader found in a session.

    Parameters
    ----------
    activity
        Spikes, counts or traces.
    units
        One row per unit of `activity`, in the same order.
    start, stop
        Span of the recording [s] on its own clock.
    observed
        (n_intervals, 2) [s] ascending, disjoint: when the probe was recording. None: from start to stop.
    behavior, trials
        What the animal did.
    truth
        Of a simulation; for calcium with simultaneous electrophysiology, `truth_spike_times`.
    truth_spike_times
        Per unit the true spike times [s], where a cell was recorded with an electrode too.
    tau
        Time constant of the decay of the calcium indicator's fluorescence [s], where the source states one.
    findings
        What the reader dropped or found odd.
    source
        Free facts for the provenance section: reader, files, device, subject.
    """

    activity: SpikeTrains | BinnedCounts | Traces
    units: Units
    start: float
    stop: float
    observed: NDArray[np.float64] | None = None
    behavior: tuple[Behavior, ...] = ()
    trials: Trials | None = None
    truth: Truth | None = None
    truth_spike_times: tuple[NDArray[np.float64], ...] | None = None
    tau: float | None = None
    findings: tuple[Finding, ...] = ()
    source: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_units = len(self.units.ids)
        columns = self._n_columns()
        if columns != n_units:
            raise RecordingError(f"{columns} units in the activity but {n_units} in the table of units")
        if not (np.isfinite(self.start) and np.isfinite(self.stop)) or self.stop <= self.start:
            raise RecordingError(f"the recording would span from {self.start:g} s to {self.stop:g} s")
        if self.observed is not None:
            edges = np.asarray(self.observed)
            if edges.ndim != 2 or edges.shape[1] != 2 or np.any(np.diff(edges.ravel()) < 0):
                raise RecordingError("observation intervals overlap or run backwards")
        if self.tau is not None and not (np.isfinite(self.tau) and self.tau > 0):
            raise RecordingError(f"tau is {self.tau:g}: it must be the time constant of a decay in seconds")

    def _n_columns(self) -> int:
        match self.activity:
            case SpikeTrains():
                return self.activity.n_units
            case BinnedCounts():
                return int(self.activity.counts.shape[1])
            case Traces():
                return int(self.activity.values.shape[1])
