"""Turns one pass over the spikes into numbers: what was counted, and what was left out and why."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alveus.errors import AlveusError
from alveus.recording import Finding


class CountOverflow(AlveusError):  # noqa: N818, it says which
    """A bin holds more spikes than the asked-for type of number can: ask for a wider one."""


@dataclass
class Tally:
    """Spikes of the kept units, filled by the pass over the activity.

    Every spike of a kept unit is counted in exactly one of ``kept``, ``duplicates`` (when they are dropped),
    ``before``, ``after`` and ``unobserved``.

    Parameters
    ----------
    total
        (n_units,) spikes of each kept unit in the recording.
    complete
        Whether a whole pass was made.
    before, after
        Spikes before the start and after the end of the recording.
    unobserved
        Spikes within the recording but in no bin that was observed from end to end.
    duplicates
        (n_units,) spikes that repeat the sample of the unit's previous one.
    kept
        (n_units,) spikes that are in the counts.
    """

    total: NDArray[np.int64]
    complete: bool = False
    before: int = 0
    after: int = 0
    unobserved: int = 0
    duplicates: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    kept: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def out_of_range(self) -> int:
        """Spikes before the start or after the end of the recording."""
        return self.before + self.after

    def counted(self) -> dict[str, int]:
        """Return the totals by name."""
        return {
            "spikes_kept": int(self.kept.sum()),
            "spikes_duplicate": int(self.duplicates.sum()),
            "spikes_before_start": self.before,
            "spikes_after_end": self.after,
            "spikes_unobserved": self.unobserved,
        }

    def findings(self, unit_ids: tuple[str, ...], *, duplicates_dropped: bool) -> tuple[Finding, ...]:
        """Return a sentence for everything that was left out."""
        found: list[Finding] = []
        total = int(self.total.sum())
        repeated = int(self.duplicates.sum())
        if repeated:
            worst = int(self.duplicates.argmax())
            done = "dropped" if duplicates_dropped else "kept (preprocess.duplicates is keep)"
            found.append(
                Finding(
                    "duplicate_spikes",
                    repeated,
                    f"{repeated} of {total} spikes repeat the sample of the unit's previous spike: {done}; "
                    f"most of them, {self.duplicates[worst]}, in unit {unit_ids[worst]}",
                )
            )
        if self.out_of_range:
            found.append(
                Finding(
                    "spikes_out_of_range",
                    self.out_of_range,
                    f"{self.out_of_range} of {total} spikes lie outside the recording: {self.before} before its "
                    f"start and {self.after} after its end: dropped",
                )
            )
        if self.unobserved:
            found.append(
                Finding(
                    "spikes_unobserved",
                    self.unobserved,
                    f"{self.unobserved} of {total} spikes lie in bins that were not observed from end to end "
                    "(gaps in the recording, and the incomplete bin at its end): dropped",
                )
            )
        empty = np.flatnonzero((self.kept == 0) & (self.total > 0))
        if empty.size:
            found.append(
                Finding(
                    "units_without_counts",
                    int(empty.size),
                    f"{empty.size} units have spikes, but none in a kept bin; the first is unit "
                    f"{unit_ids[int(empty[0])]}: kept as all zero",
                )
            )
        return tuple(found)
