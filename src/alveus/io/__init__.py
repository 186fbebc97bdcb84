"""Raw recordings in every supported format to one `alveus.recording.Recording`.

>>> from alveus.io import READERS
>>> sorted(READERS)
['alf', 'caiman', 'npz', 'nwb', 'phy', 'simulation', 'suite2p']
"""

from typing import Any

__all__ = ["READERS", "ReadOptions", "modality", "read_recording"]


def __getattr__(name: str) -> Any:
    """Load the readers when they are first asked for: a fingerprint needs neither them nor NumPy."""
    if name == "ReadOptions":
        from alveus.io.options import ReadOptions

        return ReadOptions
    if name in __all__:
        from alveus.io import read

        return getattr(read, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
