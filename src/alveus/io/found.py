"""What a format's reader found in its files, before the cleaning that all formats share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.recording import Behavior, BinnedCounts, Finding, SpikeTrains, Traces, Truth, Units


@dataclass(frozen=True)
class Series:
    """One behavioural variable as its file holds it.

    Parameters
    ----------
    name
        As its source calls it.
    times
        (n_samples,) [s], in any order, with gaps and repeats.
    values
        (n_samples,) or (n_samples, n_components): numbers, booleans or text.
    unit
        Unit of the values, where known.
    """

    name: str
    times: NDArray[np.float64]
    values: NDArray[Any]
    unit: str = ""


@dataclass(frozen=True)
class TrialTable:
    """Trials as their file holds them: starts, stops [s] and columns, not yet checked."""

    start: NDArray[Any]
    stop: NDArray[Any]
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass
class Found:
    """Everything a reader hands over; see `alveus.recording.Recording` for what the parts mean.

    Parameters
    ----------
    start, stop
        Span [s] that the file states, or None where it states none.
    ready
        Variables that come with their kind; the settings do not say otherwise.
    offered
        Names of variables that the file has but the reader left out, so that naming them is no mistake.
    """

    activity: SpikeTrains | BinnedCounts | Traces
    units: Units
    start: float | None = None
    stop: float | None = None
    observed: NDArray[np.float64] | None = None
    series: list[Series] = field(default_factory=list)
    ready: list[Behavior] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    trials: TrialTable | None = None
    truth: Truth | None = None
    truth_spike_times: tuple[NDArray[np.float64], ...] | None = None
    tau: float | None = None
    findings: list[Finding] = field(default_factory=list)
    source: dict[str, str] = field(default_factory=dict)
