"""A row of a session table (format, path) to a recording, through the reader of its format."""

import importlib
from pathlib import Path
from typing import Literal, NamedTuple

from alveus.config.problems import did_you_mean
from alveus.errors import SettingError
from alveus.io.options import ReadOptions
from alveus.recording import Recording


class Reader(NamedTuple):
    """Where the reader of a format is, so that only the one that is needed gets imported."""

    module: str
    function: str


READERS: dict[str, Reader] = {
    name: Reader(f"alveus.io.formats.{name}", f"read_{name}")
    for name in ("alf", "caiman", "npz", "nwb", "phy", "simulation", "suite2p")
}
"""The supported formats."""

OPTICAL = {"fluorescence", "dff", "events"}  # arrays of the plain format that come from a microscope

ALWAYS_OPTICAL = {"caiman", "suite2p"}


def read_recording(format: str, path: Path, options: ReadOptions | None = None) -> Recording:  # noqa: A002
    """Read a session of any format.

    Parameters
    ----------
    format
        Key of `READERS`.
    path
        The file or folder; for ``simulation`` the simulator's name with its options.
    options
        See `ReadOptions`.

    Raises
    ------
    SettingError
        For a format that is not known.
    RecordingError, QualityError, TemporaryError
        For a session that is missing, broken, empty, or changes while it is read.
    """
    reader = _reader(format)
    read = getattr(importlib.import_module(reader.module), reader.function)
    recording: Recording = read(Path(path), options or ReadOptions())
    return recording


def modality(format: str, path: Path) -> Literal["spikes", "calcium", "signals"]:  # noqa: A002
    """Tell whether a session holds spikes or optical signals, without reading its data.

    Some simulations make ``signals``: real numbers that no indicator stands behind, with nothing to deconvolve.

    Raises
    ------
    SettingError
        For a format that is not known.
    RecordingError
        When the file has to be looked into and cannot be.
    """
    _reader(format)
    if format in ALWAYS_OPTICAL:
        return "calcium"
    if format == "npz":
        from alveus.io.files.archive import archive_names

        return "calcium" if OPTICAL & set(archive_names(Path(path))) else "spikes"
    if format == "nwb":
        from alveus.io.formats.nwb import holds_spikes

        return "spikes" if holds_spikes(Path(path)) else "calcium"
    if format == "simulation":
        from alveus.io.formats.simulation import simulated_modality

        return simulated_modality(Path(path))
    return "spikes"


def _reader(format: str) -> Reader:  # noqa: A002
    if format not in READERS:
        raise SettingError(f"no reader for the format {format!r}; {did_you_mean(format, READERS)}")
    return READERS[format]
