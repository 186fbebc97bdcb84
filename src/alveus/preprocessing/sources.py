"""Turns a recording's spikes, ready counts or optical signals into bins and a pass over them."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.errors import SettingError
from alveus.preprocessing.frames import SharedFrames, SummedCounts, check_values
from alveus.preprocessing.grid import Bins, Grid, exact, first_tick_from, to_tick
from alveus.preprocessing.intervals import observed_ticks, runs_of_bins, span, stretches
from alveus.preprocessing.prepared import Activity, Quantity
from alveus.preprocessing.spikes import SpikeCounts
from alveus.recording import BinnedCounts, Finding, Recording, SpikeTrains, Traces

if TYPE_CHECKING:
    from alveus.config.preprocess import Preprocess

SAME_WIDTH = 1e-6  # relative; bin sizes that differ by less are the same one, rounded differently
FRAME_PARTS = 1000  # times are compared with the edges of frames to a thousandth of a frame


@dataclass(frozen=True)
class Source:
    """A recording's activity in bins, before units are chosen.

    Parameters
    ----------
    bins
        The bins that are kept.
    start, stop
        Span of the recording [s].
    quantity, modality
        What the values are, and what was recorded.
    totals
        (n_units,) spikes, or summed events, of all units.
    select
        Makes the pass over the activity of the chosen units.
    findings
        What is left out of the source.
    """

    bins: Bins
    start: float
    stop: float
    quantity: Quantity
    modality: Literal["spikes", "calcium"]
    totals: NDArray[np.float64]
    select: Callable[[NDArray[np.int64]], Activity]
    findings: tuple[Finding, ...] = ()


def open_source(recording: Recording, settings: "Preprocess") -> Source:
    """Lay bins over a recording.

    Raises
    ------
    SettingError
        When bin_size does not fit a source that is in frames, or a raw signal must be deconvolved first.
    RecordingError
        When values in frames are not what they are said to be.
    """
    match recording.activity:
        case SpikeTrains():
            return _from_spikes(recording, recording.activity, settings)
        case BinnedCounts():
            return _from_counts(recording, recording.activity, settings)
        case Traces():
            return _from_traces(recording, recording.activity, settings)


def _from_spikes(recording: Recording, trains: SpikeTrains, settings: "Preprocess") -> Source:
    start, stop = span(recording, settings.start, settings.duration)
    ticks = to_tick(start, trains.clock), first_tick_from(stop, trains.clock)
    width = exact(settings.bin_size)
    if width * trains.clock < 1:
        raise SettingError(
            f"preprocess.bin_size is {settings.bin_size:g} s, less than one sample at {float(trains.clock):g} Hz"
        )
    grid = Grid(ticks[0], width * trains.clock)
    first, lengths = runs_of_bins(grid, observed_ticks(recording, *ticks, trains.clock))
    bins = Bins(Fraction(ticks[0]) / trains.clock, width, 1, first, lengths)

    def select(units: NDArray[np.int64]) -> SpikeCounts:
        return SpikeCounts(
            trains,
            units,
            grid,
            bins,
            ticks,
            drop_duplicates=settings.duplicates == "drop",
            refuse_out_of_range=settings.out_of_range == "refuse",
        )

    return Source(bins, start, stop, "counts", "spikes", trains.spike_counts().astype(np.float64), select)


def _frame_intervals(
    recording: Recording,
    settings: "Preprocess",
    segment: NDArray[np.int64] | None,
    n_frames: int,
    rate: Fraction,
) -> tuple[float, float, list[tuple[int, int]]]:
    """Return the span [s] and the whole frames [first, stop) that lie in it and were observed, per stretch."""
    start, stop = span(recording, settings.start, settings.duration)
    fine = rate * FRAME_PARTS
    zero = to_tick(recording.start, fine)
    begin, end = to_tick(start, fine), to_tick(stop, fine)
    kept: list[tuple[int, int]] = []
    for a, b in observed_ticks(recording, begin, end, fine):
        # one part of tolerance: times that were rounded still fall on the edge of their frame
        first, last = -((zero - a + 1) // FRAME_PARTS), (b - zero + 1) // FRAME_PARTS
        cut = [(max(first, c), min(last, d)) for c, d in stretches(segment, n_frames)]
        kept += [(c, d) for c, d in cut if c < d]
    return start, stop, kept


def _from_counts(recording: Recording, source: BinnedCounts, settings: "Preprocess") -> Source:
    width = exact(source.bin_size)
    ratio = exact(settings.bin_size) / width
    per_bin = max(1, round(ratio))
    if abs(ratio / per_bin - 1) > SAME_WIDTH:
        examples = ", ".join(f"{float(k * width):g}" for k in (1, 2, 3))
        raise SettingError(
            f"preprocess.bin_size is {settings.bin_size:g} s, but the recording is binned at "
            f"{source.bin_size:g} s and can only be used so or summed: "
            f"set bin_size to a whole multiple ({examples}, …)"
        )
    start, stop, frames = _frame_intervals(recording, settings, source.segment, source.counts.shape[0], 1 / width)
    runs = np.array([(a, (b - a) // per_bin) for a, b in frames if b - a >= per_bin], np.int64).reshape(-1, 2)
    longest = max((b - a for a, b in frames), default=0)
    if not runs.size and longest:
        raise SettingError(
            f"preprocess.bin_size is {settings.bin_size:g} s, but the longest stretch of the recording has "
            f"{longest} bins of {source.bin_size:g} s: set bin_size to {float(longest * width):g} s at most"
        )
    bins = Bins(exact(recording.start), width, per_bin, runs[:, 0], runs[:, 1], source.segment is not None)
    left_over = source.counts.shape[0] - per_bin * bins.n_bins
    findings: tuple[Finding, ...] = ()
    if left_over:
        findings = (
            Finding(
                "rows_left_over",
                left_over,
                f"{left_over} of {source.counts.shape[0]} rows do not fill a bin of {settings.bin_size:g} s "
                "within their stretch, or lie outside the recording: dropped",
            ),
        )
    totals = check_values(source.counts, recording.units.ids, "counts")
    return Source(
        bins, start, stop, "counts", "spikes", totals, lambda units: SummedCounts(source, units, bins), findings
    )


def _from_traces(recording: Recording, source: Traces, settings: "Preprocess") -> Source:
    if source.signal == "fluorescence":
        raise SettingError(
            "the recording holds raw fluorescence, which becomes events before it is binned: run "
            "`alveus deconvolve` first, and bin its events"
        )
    rate, width = exact(source.sampling_rate), exact(settings.bin_size)
    if width * rate < 1 - Fraction(SAME_WIDTH):
        raise SettingError(
            f"preprocess.bin_size is {settings.bin_size:g} s, less than a frame at {source.sampling_rate:g} Hz: "
            f"set it to {1 / source.sampling_rate:g} s or more"
        )
    if abs(width * rate / max(1, round(width * rate)) - 1) < SAME_WIDTH:
        width = round(width * rate) / rate  # whole frames: bin_size was the rounded one
    n_frames = source.values.shape[0]
    start, stop, frames = _frame_intervals(recording, settings, _without_missing(source), n_frames, rate)
    first_frame = (exact(start) - exact(recording.start)) * rate
    nearest = round(first_frame)
    if abs(first_frame - nearest) * FRAME_PARTS <= 1:
        first_frame = Fraction(nearest)
    per_bin = width * rate
    delays = _delays(source, rate)
    runs = []
    for a, b in frames:
        first = -((first_frame - a - max(delays)) // per_bin)
        stop_bin = (b + min(delays) - first_frame) // per_bin
        if stop_bin > first:
            runs.append((int(first), int(stop_bin - first)))
    table = np.array(runs, np.int64).reshape(-1, 2)
    bins = Bins(exact(start), width, 1, table[:, 0], table[:, 1], source.segment is not None)
    totals = check_values(source.values, recording.units.ids, source.signal)
    return Source(
        bins,
        start,
        stop,
        source.signal,
        "calcium",
        totals,
        lambda units: SharedFrames(source, units, bins, first_frame, rate, [delays[i] for i in units]),
    )


def _without_missing(source: Traces) -> NDArray[np.int64] | None:
    """Return the stretch of each frame, −1 where it has no signal; None where all are one stretch."""
    if source.missing is None:
        return source.segment
    segment = np.zeros(source.missing.size, np.int64) if source.segment is None else source.segment
    return np.where(source.missing, -1, segment)


def _delays(source: Traces, rate: Fraction) -> list[Fraction]:
    """Return how far into a frame each unit is measured, in frames."""
    if source.delays is None:
        return [Fraction(0)] * int(source.values.shape[1])
    return [(exact(delay) * rate).limit_denominator(FRAME_PARTS) for delay in source.delays.tolist()]
