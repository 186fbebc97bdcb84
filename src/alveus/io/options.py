"""What a reader is told besides the path: the settings of a session that concern its raw files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from alveus.config.preprocess import BehaviorKinds, Preprocess

BYTES_PER_GB = 10**9


@dataclass(frozen=True)
class ReadOptions:
    """How to read one session.

    Parameters
    ----------
    sampling_rate
        Samples or frames per second [Hz], where the files do not say.
    behavior_file
        A further npz file with ``behavior_time`` and ``behavior_<name>``, and trials if it has them.
    start
        Where the recording starts [s]; None: as the file says, else the first spike.
    duration
        Length of the recording from its start [s]; None: as the file says, else up to the last spike.
    signal
        Which signal of an optical recording is wanted; None: the rawest that the file holds.
    modality
        ``spikes`` or ``calcium`` where a file holds both; None: spikes.
    kinds
        How behavioural variables are to be read.
    max_input_gb
        Refuse data that declare more than this [GB] once unpacked.
    activity_alone
        Leave out behaviour and trials, whatever is the matter with them.
    """

    sampling_rate: float | None = None
    behavior_file: Path | None = None
    start: float | None = None
    duration: float | None = None
    signal: Literal["fluorescence", "dff", "events"] | None = None
    modality: Literal["spikes", "calcium"] | None = None
    kinds: BehaviorKinds = field(default_factory=BehaviorKinds)
    max_input_gb: float = Preprocess.model_fields["max_input_gb"].default

    activity_alone: bool = False

    @property
    def max_bytes(self) -> int:
        """`max_input_gb` in bytes."""
        return int(self.max_input_gb * BYTES_PER_GB)
