"""What the animal did, and when the trials were."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError

Kind = Literal["continuous", "circular", "categorical"]


@dataclass(frozen=True)
class Behavior:
    """One behavioural variable at its own sampling times.

    Parameters
    ----------
    name
        As its source calls it; free text.
    times
        (n_samples,) strictly ascending [s], on the clock of the recording.
    values
        (n_samples,) or (n_samples, n_components): real numbers with NaN where missing, or for ``categorical``
        whole-number codes into `labels` with −1 where missing.
    kind
        How to interpolate and decode it.
    period
        Length of the circle for ``circular``, in the variable's unit.
    labels
        Names of the categories for ``categorical``.
    unit
        Unit of the values, where known.
    """

    name: str
    times: NDArray[np.float64]
    values: NDArray[np.float64] | NDArray[np.int64]
    kind: Kind = "continuous"
    period: float | None = None
    labels: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        if self.times.ndim != 1 or self.values.ndim not in (1, 2) or self.values.shape[0] != self.times.size:
            raise RecordingError(
                f"behaviour {self.name!r} has {self.times.size} times but values of shape {self.values.shape}"
            )
        if not np.isfinite(self.times).all():
            raise RecordingError(
                f"behaviour {self.name!r}: {(~np.isfinite(self.times)).sum()} times are not finite"
            )
        if np.any(np.diff(self.times) <= 0):
            raise RecordingError(f"behaviour {self.name!r}: times are not strictly ascending")
        if self.kind == "circular" and not (self.period and self.period > 0):
            raise RecordingError(f"behaviour {self.name!r} is circular but has no period")
        if self.kind == "categorical" and (self.values.ndim != 1 or self.values.dtype.kind != "i"):
            raise RecordingError(f"behaviour {self.name!r}: a categorical variable needs one column of codes")


@dataclass(frozen=True)
class Trials:
    """Trials with their columns.

    Parameters
    ----------
    start, stop
        (n_trials,) [s], finite, stop ≥ start.
    columns
        Further columns by name, each (n_trials,): numbers, truth values or strings.
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    columns: dict[str, NDArray[np.float64] | NDArray[np.bool_] | NDArray[np.str_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_trials = self.start.size
        for name, column in {"stop": self.stop, **self.columns}.items():
            if column.shape != (n_trials,):
                raise RecordingError(f"trials: {n_trials} starts but column {name!r} has shape {column.shape}")
        if not (np.isfinite(self.start).all() and np.isfinite(self.stop).all()):
            raise RecordingError("trials: some starts or stops are not finite")
        if np.any(self.stop < self.start):
            raise RecordingError(f"trials: {np.sum(self.stop < self.start)} stop before they start")
