"""Statistics of recordings drawn from models to a page, beside those of the recorded activity in the same bins."""

from typing import TYPE_CHECKING

import numpy as np

from alveus.recording.population import OF_COUNTS, Predictive, Probe, Statistics, statistics_of
from alveus.report.inputs import DrawnAgainstRecorded

if TYPE_CHECKING:
    from alveus.storage import Dataset


class Recorded:
    """The recorded activity of a session; its statistics are taken once for all models that draw the same bins."""

    def __init__(self, data: "Dataset") -> None:
        self._data = data
        self._known: dict[bytes, Statistics] = {}

    def beside(self, predictive: Predictive | None) -> tuple[DrawnAgainstRecorded, ...]:
        """Put the recorded statistics beside those of a model's draws; rates of counts are in Hz."""
        if predictive is None:
            return ()
        counted = self._data.quantity == "counts"
        recorded = vars(self._at(predictive.probe))
        per = {"rate": self._data.bin_size} if counted else {}
        return tuple(
            DrawnAgainstRecorded(
                name, values / per.get(name, 1.0), getattr(predictive.drawn, name) / per.get(name, 1.0)
            )
            for name, values in recorded.items()
            if counted or name not in OF_COUNTS
        )

    def _at(self, probe: Probe) -> Statistics:
        key = probe.bins.tobytes() + probe.pairs.tobytes()
        if key not in self._known:
            runs = np.split(probe.bins, np.flatnonzero(np.diff(probe.bins) != 1) + 1)
            rows = [self._data.activity[run[0] : run[-1] + 1] for run in runs]
            self._known[key] = statistics_of(np.concatenate(rows), probe)
        return self._known[key]
