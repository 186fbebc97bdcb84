"""What every reader returns: activity, units, behaviour, trials, findings; checked on construction."""

from alveus.recording.behavior import Behavior, Trials
from alveus.recording.findings import Finding
from alveus.recording.frames import BinnedCounts, ByUnit, Traces
from alveus.recording.recording import Recording, Truth, Units
from alveus.recording.spikes import FlatSpikeTrains, RaggedSpikeTrains, SpikeTrains

__all__ = [
    "Behavior",
    "BinnedCounts",
    "ByUnit",
    "Finding",
    "FlatSpikeTrains",
    "RaggedSpikeTrains",
    "Recording",
    "SpikeTrains",
    "Traces",
    "Trials",
    "Truth",
    "Units",
]
