"""A recording of fluorescence, ΔF/F or events to blocks of whole traces of events, several threads at work."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.calcium.dff import to_dff
from alveus.calcium.missing import Stretches, find_stretches, frames_without_signal, mend
from alveus.calcium.oasis import deconvolve
from alveus.calcium.quality import refused_findings
from alveus.calcium.whole import whole_traces
from alveus.config.calcium import Oasis
from alveus.config.preprocess import Preprocess
from alveus.errors import RecordingError
from alveus.recording import Finding, Recording, Traces, Units

EXCERPT_SECONDS, EXCERPT_UNITS = 60.0, 12
"""Stretch and number of units whose ΔF/F is always kept, for figures."""

WORKING_COPIES = 12
"""Arrays of the size of a block, as float32, that are alive while it is worked on."""

MOST_BLANK = 64  # units looked at together for frames without a value; the first ones nearly always tell
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
        Name → (n,) what is known of each unit; among them ``status`` (kept, flagged, refused) and ``reason``.
    """

    first: int
    signals: dict[str, NDArray[np.float32]]
    columns: dict[str, NDArray[Any]]


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
        Time constant of this session's indicator [s]; it goes before that of the settings. That of the recording
        is used for units without clear transients only: what a file states is often a default of its program.
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
        traces = recording.activity
        if not isinstance(traces, Traces):
            raise RecordingError("the recording holds spikes, no optical signal: there is nothing to deconvolve")
        self._traces, self._settings, self._places = traces, settings, units
        self._threads = threads
        self._status: list[NDArray[np.str_]] = []
        self._reason: list[NDArray[np.str_]] = []
        oasis = settings.deconvolution if isinstance(settings.deconvolution, Oasis) else None
        self._oasis = None if traces.signal == "events" else oasis
        if self._oasis is not None:
            self._oasis = self._oasis.model_copy(update={"tau": tau or self._oasis.tau})
        self._expected = recording.tau
        self.units: Units = recording.units.take(units)
        self.source_signal: Signal = traces.signal
        self.signal: Literal["events", "dff"] = (
            "dff" if self._oasis is None and traces.signal != "events" else "events"
        )
        self.n_frames, self.sampling_rate = int(traces.values.shape[0]), float(traces.sampling_rate)
        self.start = recording.start
        self._read = whole_traces(traces.values, scratch, "signal")
        neuropil = traces.neuropil
        self._read_neuropil = None if neuropil is None else whole_traces(neuropil, scratch, "neuropil")
        missing = np.zeros(self.n_frames, np.bool_) if traces.missing is None else traces.missing
        missing = self._blank_frames(missing)
        self._stretches = find_stretches(self.n_frames, traces.segment, missing, settings.max_missing)
        self.segment = self._stretches.segment
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

        No more blocks are in memory than `threads`, nor than the setting ``traces_mb`` allows, but one.
        """
        firsts = range(0, self._places.size, width)
        block_mb = WORKING_COPIES * 4 * width * self.n_frames / BYTES_PER_MB
        at_once = max(1, min(self._threads, int(self._settings.traces_mb / block_mb), len(firsts)))
        with ThreadPoolExecutor(at_once) as pool:
            waiting: deque[Future[Block]] = deque()
            for first in firsts:
                places = self._places[first : first + width]
                around = None if self._read_neuropil is None else self._read_neuropil(places)
                waiting.append(pool.submit(self._work, first, self._read(places), around))
                if len(waiting) == at_once:
                    yield self._noted(waiting.popleft().result())
            while waiting:
                yield self._noted(waiting.popleft().result())

    def findings_after(self) -> tuple[Finding, ...]:
        """Return what was handled; to be asked after `blocks` was read to its end."""
        columns = {"status": np.concatenate(self._status), "reason": np.concatenate(self._reason)}
        return (*self._stretches.findings(), *refused_findings(columns, self.units.ids))

    def _blank_frames(self, missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Add the frames in which no unit has a value: the source may say so by not-a-number only."""
        blank = ~missing
        for first in range(0, self._places.size, MOST_BLANK):
            blank &= frames_without_signal(self._read(self._places[first : first + MOST_BLANK]))
            if not blank.any():
                break
        return missing | blank

    def _work(self, first: int, signal: NDArray[Any], around: NDArray[Any] | None) -> Block:
        """Turn whole traces (n, n_frames) into a block."""
        if self.source_signal == "events":
            values, columns = given_events(signal, self._stretches, self._settings.max_missing)
            return Block(first, {"events": values.T}, columns)
        dff = to_dff(signal, self.source_signal, self.sampling_rate, self._stretches, self._settings, around)
        values, columns = np.nan_to_num(dff.values, copy=False), dict(dff.columns)
        if self._oasis is None:
            return Block(first, {"dff": values.T}, columns)
        events = np.zeros_like(values)
        useful = np.flatnonzero(~dff.refused)
        if useful.size:
            self._deconvolve(values, events, useful, columns)
        return Block(first, {"events": events.T, "dff": values.T}, columns)

    def _deconvolve(
        self,
        dff: NDArray[np.float32],
        events: NDArray[np.float32],
        useful: NDArray[np.int64],
        columns: dict[str, NDArray[Any]],
    ) -> None:
        """Put the events of useful units of ΔF/F (n, n_frames) into `events`, and what was found into columns."""
        assert self._oasis is not None  # noqa: S101  (for the type checker)
        frames = self._stretches.frames
        found = deconvolve(
            dff[useful][:, frames],
            self.sampling_rate,
            self._stretches.starts[:-1],
            order=self._oasis.order,
            decay=self._oasis.tau,
            rise=self._oasis.tau_rise,
            expected_decay=self._expected if self._oasis.order == 2 else None,
            s_min=self._oasis.s_min,
            baseline=self._oasis.baseline,
        )
        events[useful[:, None], np.arange(self.n_frames)[frames]] = found.events
        known = {
            "noise_spectrum": found.noise_level,
            "tau": found.decay,
            "tau_rise": found.rise,
            "offset": found.baseline,
            "penalty": found.penalty,
        }
        for name, values in known.items():
            columns[name] = np.full(len(dff), np.nan)
            columns[name][useful] = values
        noted = np.array([bool(note) for note in found.notes])
        columns["status"][useful[noted]] = "flagged"
        reasons = columns["reason"].astype(object)
        for unit, note in zip(useful, found.notes, strict=True):
            reasons[unit] = "; ".join(filter(None, (reasons[unit], note and f"deconvolution: {note}")))
        columns["reason"] = reasons.astype(np.str_)

    def _noted(self, block: Block) -> Block:
        """Remember what became of the units of a block."""
        self._status.append(block.columns["status"])
        self._reason.append(block.columns["reason"])
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


def given_events(
    block: NDArray[Any], stretches: Stretches, max_missing: int
) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
    """Take events that another program deconvolved: mended where values lack, 0 in gaps and for refused units.

    Parameters
    ----------
    block
        (unit, frame).
    stretches
        Of the recording.
    max_missing
        Frames in a row that are interpolated at the most.

    Returns
    -------
    events
        (unit, frame) float32.
    columns
        ``status``, ``reason`` and ``interpolated``, (unit,).

    Raises
    ------
    RecordingError
        When events are negative.
    """
    values = stretches.take(block)
    interpolated, reasons = mend(values, stretches.starts, max_missing)
    if values.min(initial=0) < 0:
        unit, frame = (int(index[0]) for index in np.nonzero(values < 0))
        raise RecordingError(
            f"events: {np.count_nonzero(values < 0)} values are negative, the first {values[unit, frame]:g}: if "
            "this is ΔF/F, give it as dff"
        )
    events = np.zeros(block.shape, np.float32)
    events[:, stretches.frames] = values
    useless = np.array([bool(reason) for reason in reasons])
    status = np.where(useless, "refused", np.where(interpolated > 0, "flagged", "kept"))
    notes = [f"interpolated: {n} frames without a value" if n else "" for n in interpolated]
    words = np.array([reason or note for reason, note in zip(reasons, notes, strict=True)])
    return events, {"interpolated": interpolated, "status": status, "reason": words}
