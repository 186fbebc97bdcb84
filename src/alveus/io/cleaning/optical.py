"""What optical recordings of all formats share: which signal to take, which way round it lies, equal planes."""

from collections.abc import Sequence
from typing import Literal

from alveus.errors import RecordingError
from alveus.recording import Finding

Signal = Literal["fluorescence", "dff", "events"]
SIGNALS: tuple[Signal, ...] = ("fluorescence", "dff", "events")
"""Signals of an optical recording, the rawest first."""

ADVICE = {
    "fluorescence": "set signal to auto or to one of these",
    "dff": "leave signal at auto, and ΔF/F is computed from the fluorescence if there is any",
    "events": "leave signal at auto, and the events are found here",
}


def choose_signal(wanted: Signal | None, held: Sequence[Signal], name: str) -> Signal:
    """Return the signal to use: the one that is wanted, else the rawest that a file holds.

    Raises
    ------
    RecordingError
        When the file does not hold what is wanted.
    """
    if wanted is None:
        return next(signal for signal in SIGNALS if signal in held)
    if wanted not in held:
        raise RecordingError(
            f"{name} holds no {wanted}, which the setting signal asks for, but {' and '.join(held)}: "
            f"{ADVICE[wanted]}"
        )
    return wanted


def lies_on_its_side(
    shape: tuple[int, int], n_units: int | None, name: str, source: str, *, frames_first: bool = False
) -> bool:
    """Tell whether traces are stored the other way round than their format has it.

    Parameters
    ----------
    shape
        As it is stored.
    n_units
        Number of ROIs by another part of the recording, or None where nothing says it.
    name, source
        Of the traces, and of what says how many ROIs there are, for messages.
    frames_first
        Whether the format has traces as (frame, unit), else as (unit, frame).

    Raises
    ------
    RecordingError
        When neither side is the number of ROIs; when nothing says it and there would be more ROIs than frames.
    """
    rows, columns = shape[::-1] if frames_first else shape
    if n_units is None:
        if rows > columns:
            raise RecordingError(
                f"{name} has shape {shape}, which would be {rows} ROIs of only {columns} frames, and nothing else "
                f"says how many ROIs there are: restore {source}, or turn the traces round"
            )
        return False
    if rows != n_units and columns != n_units:
        raise RecordingError(
            f"{name} has shape {shape}, but {source} has {n_units} ROIs: they are of different runs; "
            "save them again together"
        )
    return rows != n_units


def on_its_side(shape: tuple[int, int], name: str) -> Finding:
    """Return the finding that traces were stored the other way round."""
    return Finding(
        "transposed_traces",
        1,
        f"{name} has shape {shape}, which is the wrong way round: turned",
    )


def shared_frames(lengths: Sequence[int], names: Sequence[str], place: str) -> tuple[int, list[Finding]]:
    """Return the number of frames that all planes have: one that was begun but not finished is left out.

    Raises
    ------
    RecordingError
        When planes differ by more than one frame.
    """
    shortest, longest = min(lengths), max(lengths)
    if longest - shortest > 1:
        few, many = names[lengths.index(shortest)], names[lengths.index(longest)]
        raise RecordingError(
            f"{place}: {few} has {shortest} frames but {many} {longest}: planes that were scanned in turn differ "
            "by one at most; process the session again, or give one plane as path"
        )
    if longest == shortest:
        return shortest, []
    over = sum(length > shortest for length in lengths)
    return shortest, [
        Finding(
            "unfinished_volume",
            over,
            f"{place}: {over} of {len(lengths)} planes have {longest} frames, the others {shortest}: the last "
            "frame is left out",
        )
    ]
