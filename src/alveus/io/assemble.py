"""What a reader found to a recording: behaviour and trials cleaned, settings for the span applied."""

import math
from dataclasses import replace
from typing import Any

from alveus.errors import QualityError, RecordingError
from alveus.io.cleaning.behavior import check_names, clean_behavior
from alveus.io.cleaning.trials import clean_trials
from alveus.io.formats.plain import read_extra
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import BinnedCounts, Finding, Recording, SpikeTrains, Traces

ROUNDING = 1e-6  # frames; how far a start in seconds may lie behind the edge of a frame and still mean it


def assemble(found: Found, options: ReadOptions) -> Recording:
    """Finish a recording in the way that is the same for every format.

    Raises
    ------
    QualityError
        When there is no unit, or no spike and no stated span.
    RecordingError
        When behaviour or trials contradict themselves, or a setting names a variable that is not there.
    """
    if not found.units.ids:
        raise QualityError(
            f"{found.source.get('file', 'the recording')} has no units: nothing to analyse; "
            "sort the recording, or take the session out of the table"
        )
    if options.activity_alone:
        found.series, found.ready, found.trials = [], [], None
    elif options.behavior_file is not None:
        _add_extra(found, options)
    findings = list(found.findings)
    behavior = list(found.ready)
    for series in found.series:
        cleaned, notes = clean_behavior(series, options.kinds)
        findings += notes
        if cleaned is not None:
            behavior.append(cleaned)
    names = [s.name for s in found.series] + [b.name for b in found.ready]
    if not options.activity_alone:
        check_names(options.kinds, [*names, *found.offered])
    trials = None
    if found.trials is not None:
        trials, notes = clean_trials(found.trials)
        findings += notes
    activity, start, stop, notes = _span(found, options)
    return Recording(
        activity=activity,
        units=found.units,
        start=start,
        stop=stop,
        observed=found.observed,
        behavior=tuple(behavior),
        trials=trials,
        truth=found.truth,
        truth_spike_times=found.truth_spike_times,
        tau=found.tau,
        findings=(*findings, *notes),
        source=found.source,
    )


def _add_extra(found: Found, options: ReadOptions) -> None:
    """Add the variables and trials of the further file."""
    if options.behavior_file is None:
        return
    extra = read_extra(options.behavior_file, options)
    here = {s.name for s in found.series} | {b.name for b in found.ready}
    twice = sorted(here & {series.name for series in extra.series})
    if twice:
        raise RecordingError(
            f"{options.behavior_file.name} and the recording both hold the variable {twice[0]!r}: rename one"
        )
    if found.trials is not None and extra.trials is not None:
        raise RecordingError(f"{options.behavior_file.name} and the recording both hold trials: remove one")
    found.series = [*found.series, *extra.series]
    found.trials = found.trials if found.trials is not None else extra.trials
    found.findings = [*found.findings, *extra.findings]
    found.source = {**found.source, "behavior_file": options.behavior_file.name}


def _span(found: Found, options: ReadOptions) -> tuple[Any, float, float, list[Finding]]:
    match found.activity:
        case SpikeTrains():
            return found.activity, *_spike_span(found.activity, found, options), []
        case BinnedCounts():
            frames, width, n_frames = found.activity, found.activity.bin_size, found.activity.counts.shape[0]
            return _frame_span(frames, found.start or 0.0, width, int(n_frames), options)
        case Traces():
            rate, n_frames = found.activity.sampling_rate, found.activity.values.shape[0]
            return _frame_span(found.activity, found.start or 0.0, 1 / rate, int(n_frames), options)


def _spike_span(spikes: SpikeTrains, found: Found, options: ReadOptions) -> tuple[float, float]:
    start = options.start if options.start is not None else found.start
    if start is None:
        start = float(spikes.first_tick / spikes.clock)
    if options.duration is not None:
        stop = start + options.duration
    elif found.stop is not None:
        stop = found.stop
    elif spikes.n_spikes:
        stop = float((spikes.last_tick + 1) / spikes.clock)  # the last spike is inside
    else:
        raise QualityError(
            f"{len(found.units.ids)} units without a single spike, and the duration is not stated: "
            "nothing to analyse; take the session out of the table, or state its duration"
        )
    if stop <= start:
        raise RecordingError(
            f"the recording would start at {start:g} s and end at {stop:g} s: correct start and duration"
        )
    return start, stop


def _frame_span(
    frames: BinnedCounts | Traces, begin: float, width: float, n_frames: int, options: ReadOptions
) -> tuple[Any, float, float, list[Finding]]:
    """Cut frames to the span that the settings ask for; `begin` is when the first begins [s]."""
    end = begin + n_frames * width
    if options.start is None and options.duration is None:
        return frames, begin, end, []
    start = begin if options.start is None else options.start
    stop = end if options.duration is None else start + options.duration
    first = max(0, math.ceil((start - begin) / width - ROUNDING))
    last = min(n_frames, math.floor((stop - begin) / width + ROUNDING))
    if last <= first:
        raise RecordingError(
            f"start {start:g} s and end {stop:g} s leave nothing of the frames from {begin:g} to {end:g} s"
        )
    findings = []
    if (short := stop - end) > width * ROUNDING:
        findings.append(
            Finding(
                "shorter_than_stated",
                1,
                f"the frames end at {end:g} s, {short:g} s before the end asked for: the recording ends there",
            )
        )
    return _cut(frames, first, last), begin + first * width, begin + last * width, findings


def _cut(activity: BinnedCounts | Traces, first: int, last: int) -> BinnedCounts | Traces:
    segment = None if activity.segment is None else activity.segment[first:last]
    if isinstance(activity, BinnedCounts):
        return BinnedCounts(_window(activity.counts, first, last), activity.bin_size, segment)
    return replace(
        activity,
        values=_window(activity.values, first, last),
        neuropil=None if activity.neuropil is None else _window(activity.neuropil, first, last),
        segment=segment,
        missing=None if activity.missing is None else activity.missing[first:last],
    )


def _window(rows: Any, first: int, last: int) -> Any:
    return rows.window(first, last) if hasattr(rows, "window") else rows[first:last]
