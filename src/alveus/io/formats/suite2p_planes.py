"""A folder of suite2p to its planes: which there are, their traces, and which ROIs are cells."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError, RecordingError
from alveus.io.cleaning.optical import Signal, lies_on_its_side, on_its_side
from alveus.io.files.npy import NpyMatrix, read_npy
from alveus.io.formats.suite2p_settings import PlaneSettings, read_settings
from alveus.io.options import ReadOptions
from alveus.recording import Finding

F, NEUROPIL, SPIKES, IS_CELL = "F.npy", "Fneu.npy", "spks.npy", "iscell.npy"
COMBINED = "combined"
PLANE = re.compile(r"plane(\d+)")


@dataclass(frozen=True)
class Plane:
    """What the folder of one plane holds.

    Parameters
    ----------
    folder
        Where it is.
    traces, neuropil
        (n_units, n_frames), read slice by slice.
    is_cell
        (n_units, 1 or 2): 0 or 1, and a probability.
    settings
        What suite2p was told, and what it found.
    """

    folder: Path
    traces: NpyMatrix
    neuropil: NpyMatrix | None
    is_cell: NDArray[np.float64] | None
    settings: PlaneSettings

    @property
    def number(self) -> int | None:
        """Place in the turn in which planes are scanned."""
        named = PLANE.fullmatch(self.folder.name)
        if self.settings.place is not None or named is None:
            return self.settings.place
        return int(named[1])


def held_signals(path: Path) -> tuple[Signal, ...]:
    """Return the signals that some plane has a file of, the rawest first.

    Raises
    ------
    RecordingError
        When the path holds nothing of suite2p.
    QualityError
        When suite2p was run and found no ROIs.
    """
    folders = _candidates(path)
    held: list[Signal] = []
    if any((folder / F).exists() for folder in folders):
        held.append("fluorescence")
    if any((folder / SPIKES).exists() for folder in folders):
        held.append("events")
    if not held and any(_was_run(folder) for folder in folders):
        raise QualityError(
            f"{path.name}: suite2p found no ROIs in {len(folders)} planes (no {F}): nothing to analyse; "
            "run its detection again with other settings"
        )
    if not held:
        raise RecordingError(
            f"{path} holds no output of suite2p: neither {F} nor a folder plane0 or suite2p/plane0 with it; "
            "give the folder suite2p, the one above it, or that of a plane"
        )
    return tuple(held)


def _candidates(path: Path) -> list[Path]:
    """Return the folders of planes, in their order; the one of all planes combined only if there is no other."""
    if (path / F).exists() or (path / SPIKES).exists():
        return [path]
    for above in (path, path / "suite2p"):
        inside = [folder for folder in above.iterdir() if folder.is_dir()] if above.is_dir() else []
        planes = [folder for folder in inside if PLANE.fullmatch(folder.name)]
        if planes:
            return sorted(planes, key=lambda folder: (int(folder.name.removeprefix("plane")), folder.name))
        if (above / COMBINED).is_dir():
            return [above / COMBINED]
    return [path] if _was_run(path) else []


def _was_run(folder: Path) -> bool:
    """Tell whether suite2p left its settings in a folder."""
    return (folder / "ops.npy").exists() or (folder / "settings.npy").exists()


def plane_folders(path: Path, signal: Signal, findings: list[Finding]) -> list[Path]:
    """Return the folders of the planes that have ROIs, in their order; the others are added to the findings.

    Raises
    ------
    RecordingError
        When some of them lack the file of the signal.
    """
    name = F if signal == "fluorescence" else SPIKES
    folders = _candidates(path)
    empty = [folder.name for folder in folders if not (folder / F).exists() and not (folder / SPIKES).exists()]
    if empty:
        message = f"{path.name}: no ROIs were found in {len(empty)} planes ({', '.join(empty[:5])}): left out"
        findings.append(Finding("planes_without_rois", len(empty), message))
    used = [folder for folder in folders if folder.name not in empty]
    lacking = [folder.name for folder in used if not (folder / name).exists()]
    if lacking:
        raise RecordingError(
            f"{path.name}: {len(lacking)} of {len(used)} planes have no {name} ({', '.join(lacking[:5])}): "
            "restore it, or choose another signal"
        )
    return used


def read_plane(folder: Path, signal: Signal, options: ReadOptions, findings: list[Finding]) -> Plane:
    """Open the files of a plane; what is odd about them is added to the findings.

    Raises
    ------
    RecordingError, TemporaryError
        When a file is damaged or larger than allowed, or sizes contradict each other.
    """
    settings, notes = read_settings(folder, options.max_bytes, needed=options.sampling_rate is None)
    findings += notes
    is_cell = None
    if (folder / IS_CELL).exists():
        is_cell = read_npy(folder / IS_CELL, options.max_bytes)
        if is_cell.ndim not in (1, 2) or is_cell.dtype.kind not in "biuf" or 0 in is_cell.shape[1:]:
            raise RecordingError(
                f"{folder.name}/{IS_CELL} has shape {is_cell.shape} and type {is_cell.dtype}: it must have a row "
                "per ROI, with 0 or 1 and a probability"
            )
        is_cell = is_cell.astype(np.float64).reshape(len(is_cell), -1)
    else:
        message = f"{folder.name} has no {IS_CELL}: all of its ROIs count as cells"
        findings.append(Finding("no_iscell", 1, message))
    name = F if signal == "fluorescence" else SPIKES
    stored = NpyMatrix(folder / name, options.max_bytes)
    neuropil = None
    if signal == "fluorescence" and (folder / NEUROPIL).exists():
        neuropil = NpyMatrix(folder / NEUROPIL, options.max_bytes)
        if neuropil.shape != stored.shape:
            raise RecordingError(
                f"{folder.name}: {F} has shape {stored.shape} but {NEUROPIL} {neuropil.shape}: they are of "
                "different runs of suite2p; run its extraction again"
            )
    turned = lies_on_its_side(
        stored.shape, None if is_cell is None else len(is_cell), f"{folder.name}/{name}", IS_CELL
    )
    if turned:
        findings.append(on_its_side(stored.shape, f"{folder.name}/{name}"))
        stored, neuropil = stored.transposed(), None if neuropil is None else neuropil.transposed()
    if settings.n_frames not in (None, stored.shape[1]):
        message = f"its settings say {settings.n_frames} frames, {name} has {stored.shape[1]}: the file counts"
        findings.append(Finding("other_length", 1, f"{folder.name}: {message}"))
    return Plane(folder, stored, neuropil, is_cell, settings)
