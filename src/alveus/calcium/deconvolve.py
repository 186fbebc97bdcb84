"""A recording of fluorescence, ΔF/F or events to blocks of whole traces of events, several threads at work."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.config.calcium import Oasis
from alveus.config.preprocess import Preprocess
from alveus.errors import QualityError, RecordingError
from alveus.recording import Finding, Recording, Traces, Units

EXCERPT_SECONDS, EXCERPT_UNITS = 60.0, 12
"""Stretch and number of units whose ΔF/F is always kept, for figures."""

WORKING_COPIES = 12
"""Arrays of the size of a block, as float32, that are alive while it is worked on."""

IN_MEMORY = 1 << 27  # bytes; traces that their source keeps frame by frame are turned around in memory up to here
BYTES_PER_MB = 1 << 20

Signal = Literal["fluorescence", "dff", "events"]


@dataclass(frozen=True)
class Block:
    """Whole traces of some units.

    Parameters
    ----------
    first
        Place of the first unit.
    signals
        ``events`` and ``dff``, as far as there are, each (n_frames, n) float32; 0 for a refused unit and in gaps.
    columns
        Name → (n,) what is known of each unit.
    refused
        (n,) why a unit is left out; empty where it is not.
    """

    first: int
    signals: dict[str, NDArray[np.float32]]
    columns: dict[str, NDArray[Any]]
    refused: list[str]


class Deconvolution:
    """What a recording becomes; the work is done while `blocks` is read.

    Parameters
    ----------
    recording
        Of traces.
    settings
        The section preprocess, of which only `alveus.config.calcium.OPTICAL` is read.
    units
        (n_units,) places of the units that are wanted.
    tau
        Time constant of the indicator's decay [s], where it is known; a time constant in the settings goes first.
    threads
        Blocks that are worked on at the same time.
    scratch
        Folder for a copy of large traces that their source keeps frame by frame; None: turn them around in memory.

    Attributes
    ----------
    units
        The wanted units.
    source_signal, signal
        What the source holds, and what is made of it: ``events``, or ``dff`` where nothing is deconvolved.
    kept_signals
        What is stored of every frame; ΔF/F too where true spikes are known, since events are compared with it.
    method, unit
        In words: how, and in which unit the events are.
    n_frames, sampling_rate, start
        Number of frames, frames per second [Hz], begin of the first one [s].
    segment
        (n_frames,) number of the stretch without a gap, −1 in gaps.
    unrelated
        Whether stretches are a selection of samples: time between them means nothing.
    delays
        (n_units,) from the begin of a frame to the unit's plane [s], or None.
    true_spikes
        Per unit [s], or None.
    excerpt_frames, excerpt_units
        Frames and places of units that are kept for figures.
    """

    def __init__(
        self,
        recording: Recording,
        settings: Preprocess,
        units: NDArray[np.int64],
        *,
        tau: float | None = None,
        threads: int = 1,
        scratch: Path | None = None,
    ) -> None:
        from alveus.calcium.missing import final_segments

        traces = recording.activity
        if not isinstance(traces, Traces):
            raise RecordingError("the recording holds spikes, no optical signal: there is nothing to deconvolve")
        if not units.size:
            raise QualityError("no unit is left after unit_filter: there is nothing to deconvolve")
        self._traces, self._settings, self._places = traces, settings, units
        self._threads, self._scratch = threads, scratch
        self._notes: dict[str, int] = {}
        self._why: dict[str, list[str]] = {}
        oasis = settings.deconvolution if isinstance(settings.deconvolution, Oasis) else None
        self._oasis = None if traces.signal == "events" else oasis
        if self._oasis is not None and self._oasis.tau is None and tau is not None:
            self._oasis = self._oasis.model_copy(update={"tau": tau})
        self.units: Units = recording.units.take(units)
        self.source_signal: Signal = traces.signal
        self.signal: Literal["events", "dff"] = (
            "dff" if self._oasis is None and traces.signal != "events" else "events"
        )
        self.n_frames, self.sampling_rate = int(traces.values.shape[0]), float(traces.sampling_rate)
        self.start = recording.start
        self.segment = final_segments(traces.segment, traces.missing, self.n_frames, settings.max_missing)
        self.unrelated = traces.segment is not None
        self.delays = None if traces.delays is None else traces.delays[units]
        trains = recording.truth_spike_times
        self.true_spikes = None if trains is None else tuple(trains[place] for place in units)
        beside = self._oasis is not None and (settings.keep_dff or self.true_spikes is not None)
        self.kept_signals: tuple[str, ...] = ("events", "dff") if beside else (self.signal,)
        self.method, self.unit = self._in_words()
        self.excerpt_frames = self._excerpt()
        n_shown = min(EXCERPT_UNITS, units.size)
        self.excerpt_units = np.unique(np.linspace(0, units.size - 1, n_shown).round().astype(np.int64))

    def time(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the centres of frames [s]."""
        return np.asarray(self.start + (frames + 0.5) / self.sampling_rate)

    def blocks(self, width: int) -> Iterator[Block]:
        """Yield all units in blocks of `width`, in order; the next ones are worked on meanwhile.

        No more blocks are in memory than `threads`, nor than the setting ``memory_mb`` allows, but one.
        """
        firsts = range(0, self._places.size, width)
        block_mb = WORKING_COPIES * 4 * width * self.n_frames / BYTES_PER_MB
        at_once = max(1, min(self._threads, int(self._settings.memory_mb / block_mb), len(firsts)))
        signal = whole_traces(self._traces.values, self._scratch, "signal")
        neuropil = self._traces.neuropil
        around = None if neuropil is None else whole_traces(neuropil, self._scratch, "neuropil")

        def read(first: int) -> tuple[int, NDArray[np.float32], NDArray[np.float32] | None]:
            places = self._places[first : first + width]
            return first, signal(places), None if around is None else around(places)

        with ThreadPoolExecutor(at_once) as pool:
            waiting: deque[Future[Block]] = deque()
            for first in firsts:
                waiting.append(pool.submit(self._work, *read(first)))
                if len(waiting) == at_once:
                    yield self._told(waiting.popleft().result())
            while waiting:
                yield self._told(waiting.popleft().result())

    def findings_after(self) -> tuple[Finding, ...]:
        """Return what was handled; to be asked after `blocks` was read to its end."""
        found = []
        n_gap = int(np.count_nonzero(self.segment < 0))
        if self._traces.missing is not None and (n_missing := int(self._traces.missing.sum())):
            found.append(
                Finding(
                    "frames_missing",
                    n_missing,
                    f"{n_missing} of {self.n_frames} frames have no signal: {n_missing - n_gap} were "
                    f"interpolated, {n_gap} are in gaps of more than {self._settings.max_missing} frames and "
                    "left out",
                )
            )
        for reason, ids in self._why.items():
            names = ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
            message = f"{len(ids)} of {len(self.units.ids)} units are left out, since {reason} ({names})"
            found.append(Finding("units_refused", len(ids), message))
        for note, count in self._notes.items():
            found.append(Finding("units_flagged", count, f"{count} of {len(self.units.ids)} units: {note}"))
        return tuple(found)

    def _work(self, first: int, signal: NDArray[np.float32], around: NDArray[np.float32] | None) -> Block:
        """Turn whole traces (n, n_frames) into a block."""
        raise NotImplementedError

    def _told(self, block: Block) -> Block:
        """Count what was handled in a block."""
        for i, reason in enumerate(block.refused):
            if reason:
                self._why.setdefault(reason, []).append(self.units.ids[block.first + i])
        return block

    def _excerpt(self) -> NDArray[np.int64]:
        """Return the frames in the middle of the longest stretch."""
        cuts = np.flatnonzero(np.diff(self.segment)) + 1
        starts, stops = np.r_[0, cuts], np.r_[cuts, self.n_frames]
        inside = self.segment[starts] >= 0
        if not inside.any():
            return np.empty(0, np.int64)
        longest = int(np.argmax(np.where(inside, stops - starts, 0)))
        length = min(int(stops[longest] - starts[longest]), max(1, round(EXCERPT_SECONDS * self.sampling_rate)))
        begin = int(starts[longest] + stops[longest] - length) // 2
        return np.arange(begin, begin + length)

    def _in_words(self) -> tuple[str, str]:
        """Return how the events are made, and their unit."""
        if self.source_signal == "events":
            return "events as another program deconvolved them", "arbitrary"
        if self._oasis is None:
            return "ΔF/F, not deconvolved", "ΔF/F"
        tau = "estimated for each unit" if self._oasis.tau is None else f"{self._oasis.tau:g} s"
        return f"non-negative deconvolution (OASIS), AR({self._oasis.order}), decay time constant {tau}", "ΔF/F"


Reader = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""From places of units to their whole traces, (n, n_frames)."""


def whole_traces(values: Any, scratch: Path | None, name: str) -> Reader:
    """Return a way to read whole traces of a signal (n_frames, n_units).

    A signal that its source keeps frame by frame is turned around once: in memory, or if large, in a file.

    Parameters
    ----------
    values
        The signal, or `alveus.recording.ByUnit`.
    scratch
        Folder for the file; None: always in memory.
    name
        Of the file.
    """
    if hasattr(values, "traces"):
        return lambda places: np.concatenate([_float(values.traces(run)) for run in _runs(places)])
    n_frames, n_units = values.shape
    turned: NDArray[np.float32]
    if scratch is None or 4 * n_frames * n_units <= IN_MEMORY:
        turned = np.empty((n_units, n_frames), np.float32)
    else:
        turned = np.lib.format.open_memmap(scratch / f"{name}.npy", "w+", np.float32, (n_units, n_frames))
    step = max(1, IN_MEMORY // (8 * 4 * n_units))
    for begin in range(0, n_frames, step):
        turned[:, begin : begin + step] = np.asarray(values[begin : begin + step]).T
    return lambda places: turned[places]


def _float(traces: Any) -> NDArray[np.float32]:
    return np.asarray(traces, np.float32)


def _runs(places: NDArray[np.int64]) -> Iterator[slice]:
    """Yield slices of neighbouring places, which a file gives in one piece."""
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    for run in np.split(places, cuts):
        yield slice(int(run[0]), int(run[-1]) + 1)
