"""The settings files of a suite2p plane to its frame rate, indicator, number of planes and bad frames."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.files.npy import read_npy
from alveus.io.files.pickled import read_pickled_dict
from alveus.recording import Finding

FILES = ("ops.npy", "db.npy", "settings.npy", "reg_outputs.npy")
"""Where suite2p says what: all of it in ops.npy before version 1.0; from then on in the other three, and in
ops.npy too unless told otherwise. A later file goes before an earlier one."""

BAD_FRAMES = "bad_frames.npy"  # numbers of frames from 0, written by the user


@dataclass(frozen=True)
class PlaneSettings:
    """What the settings of a plane say; None where they say nothing.

    Parameters
    ----------
    rate
        Frames of this plane per second [Hz]: with several planes, volumes per second.
    tau
        Time constant of the indicator's decay [s].
    n_planes
        Planes that are scanned in turn.
    place
        Place of this plane in the turn, from 0.
    n_frames
        Frames of this plane.
    bad
        (n_frames,) frames that suite2p or the user excluded.
    """

    rate: float | None = None
    tau: float | None = None
    n_planes: int | None = None
    place: int | None = None
    n_frames: int | None = None
    bad: NDArray[np.bool_] | None = None


def read_settings(folder: Path, max_bytes: int, *, needed: bool) -> tuple[PlaneSettings, list[Finding]]:
    """Read the settings of a plane, which suite2p pickles, without unpickling.

    Parameters
    ----------
    folder
        Of the plane.
    max_bytes
        Refuse larger files.
    needed
        Whether a file that cannot be read is an error, or a finding.

    Raises
    ------
    RecordingError
        For a file that asks for more than plain values, when it is needed; for values that are impossible.
    """
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for file in (folder / name for name in FILES):
        if not file.exists():
            continue
        try:
            values |= read_pickled_dict(file, max_bytes)
        except RecordingError as error:
            if needed:
                raise
            message = f"not read, so that bad frames and tau in it are not known: {error}"
            findings.append(Finding("unread_settings", 1, f"{folder.name}/{file.name} {message}"))
    return (
        PlaneSettings(
            rate=_rate(values, folder.name) if needed else _positive(values, "fs"),
            tau=_positive(values, "tau"),
            n_planes=_whole(values, "nplanes", 1),
            place=_whole(values, "iplane", 0),
            n_frames=_whole(values, "nframes", 1),
            bad=_bad_frames(values, folder, max_bytes),
        ),
        findings,
    )


def _rate(values: Mapping[str, Any], plane: str) -> float | None:
    rate = _positive(values, "fs")
    if rate is None and values.get("fs") is not None:
        raise RecordingError(
            f"{plane}: suite2p's frame rate fs is {values['fs']!r}: give sampling_rate [Hz], the frames per "
            "second of one plane, in the session table"
        )
    return rate


def _positive(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0].item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        return None
    return float(value)


def _whole(values: Mapping[str, Any], name: str, least: int) -> int | None:
    value = values.get(name)
    return value if type(value) is int and value >= least else None


def _bad_frames(values: Mapping[str, Any], folder: Path, max_bytes: int) -> NDArray[np.bool_] | None:
    marked = values.get("badframes")
    bad = None
    if isinstance(marked, np.ndarray) and marked.dtype.kind in "biu" and marked.ndim == 1 and marked.size:
        bad = marked.astype(np.bool_)
    if not (folder / BAD_FRAMES).exists():
        return bad
    listed = read_npy(folder / BAD_FRAMES, max_bytes).reshape(-1)
    if listed.dtype.kind == "b":
        return listed if bad is None or bad.size != listed.size else bad | listed
    whole = (
        listed.dtype.kind in "iuf" and bool(np.isfinite(listed).all()) and bool((listed == np.rint(listed)).all())
    )
    n_frames = bad.size if bad is not None else _whole(values, "nframes", 1)
    if n_frames is None or not whole or (listed.size and (listed.min() < 0 or listed.max() >= n_frames)):
        raise RecordingError(
            f"{folder.name}/{BAD_FRAMES} must list numbers of frames from 0 to "
            f"{'the last' if n_frames is None else n_frames - 1}, or be a column of truth values: correct it"
        )
    bad = np.zeros(n_frames, np.bool_) if bad is None else bad
    bad[listed.astype(np.int64)] = True
    return bad
