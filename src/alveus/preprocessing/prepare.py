"""Turns a recording and its settings into a session in bins, ready to be written."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alveus.errors import QualityError
from alveus.preprocessing.behavior import ResampledBehavior, at_bins, resample
from alveus.preprocessing.clock import check_clock
from alveus.preprocessing.grid import Bins
from alveus.preprocessing.prepared import Prepared, ResampledTruth
from alveus.preprocessing.sources import Source, open_source
from alveus.preprocessing.spikes import SpikeCounts
from alveus.preprocessing.split import SplitPlan, plan_split
from alveus.preprocessing.trials import mark_observed, trial_bins
from alveus.preprocessing.units import choose_held_out, choose_units
from alveus.recording import Behavior, Finding, Recording, Truth

if TYPE_CHECKING:
    from alveus.config.preprocess import Preprocess

BINS_PER_LOOK = 1 << 16  # bins whose behaviour is resampled together while coverage is counted


def prepare(recording: Recording, settings: "Preprocess", *, session: str) -> Prepared:
    """Choose bins, units and split of a session, and put its behaviour at bin centres.

    The activity itself is read later, block by block, by `Prepared.activity`.

    Parameters
    ----------
    recording
        As its reader found it.
    settings
        The section preprocess.
    session
        Id of the session, for messages.

    Raises
    ------
    SettingError
        When bin_size, start or duration do not fit the recording.
    RecordingError
        When values contradict themselves, or a unit filter names an unknown column.
    QualityError
        When too few units or bins are left, or behaviour is on another clock.
    """
    source = open_source(recording, settings)
    bins = source.bins
    if bins.n_bins < settings.min_bins:
        raise QualityError(
            f"session {session}: {bins.n_bins} bins of {float(bins.width):g} s in "
            f"{source.stop - source.start:g} s, but min_bins is {settings.min_bins}: the session is too short"
        )
    kept, unit_findings = choose_units(
        recording.units, source.totals, source.stop - source.start, settings, quantity=source.quantity
    )
    offset = check_clock(recording.behavior, source.start, source.stop, settings.clock_tolerance)
    behavior = tuple(
        at_bins(variable, bins.time, bins.n_bins, settings.behavior.max_gap, BINS_PER_LOOK)
        for variable in recording.behavior
    )
    trials, trial_findings = None, tuple[Finding, ...]()
    spans = np.empty((0, 2), np.int64)
    if recording.trials is not None:
        trials, trial_findings = mark_observed(recording.trials, bins)
        spans = trial_bins(recording.trials, bins)
    plan = plan_split(bins, spans, settings.split)
    activity = source.select(kept)
    return Prepared(
        session=session,
        bins=bins,
        modality=source.modality,
        quantity=source.quantity,
        units=recording.units.take(kept),
        held_out=choose_held_out(kept.size, settings.held_out_units, settings.held_out_seed),
        behavior=behavior,
        trials=trials,
        truth=_truth_at_bins(recording.truth, bins) if recording.truth else None,
        plan=plan,
        source=recording.source,
        facts=_facts(recording, source, plan, settings, kept, offset),
        findings=(
            *recording.findings,
            *source.findings,
            *unit_findings,
            *_coverage_findings(behavior),
            *trial_findings,
            *_split_findings(plan, spans),
        ),
        _activity=activity,
        _tally=lambda: activity.tally if isinstance(activity, SpikeCounts) else None,
        _duplicates_dropped=settings.duplicates == "drop",
    )


def _truth_at_bins(truth: Truth, bins: Bins) -> ResampledTruth:
    def reader(name: str, values: NDArray[np.float64]) -> Behavior:
        return Behavior(name, truth.times, values)

    latents = reader("latents", truth.latents)
    ceiling = None if truth.ceiling is None else reader("ceiling", truth.ceiling)
    return ResampledTruth(
        n_latents=truth.latents.shape[1],
        latents=lambda i0, i1: resample(latents, bins.time(i0, i1), np.inf).astype(np.float32),
        ceiling=None
        if ceiling is None
        else lambda i0, i1: resample(ceiling, bins.time(i0, i1), np.inf).astype(np.float32),
        ceiling_name=truth.ceiling_name,
    )


def _coverage_findings(behavior: tuple[ResampledBehavior, ...]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            "behavior_incomplete",
            1,
            f"behaviour {variable.name!r} has a value in {variable.coverage:.1%} of the bins: "
            "the others are marked as missing",
        )
        for variable in behavior
        if variable.coverage < 1
    )


def _split_findings(plan: SplitPlan, trials: NDArray[np.int64]) -> tuple[Finding, ...]:
    if plan.trials_whole:
        return ()
    message = f"the {len(trials)} trials are too long to be kept whole in the split: it cuts through them"
    return (Finding("trials_cut_by_split", len(trials), message),)


def _facts(
    recording: Recording,
    source: Source,
    plan: SplitPlan,
    settings: "Preprocess",
    kept: NDArray[np.int64],
    offset: float,
) -> dict[str, float | int | str]:
    width = float(source.bins.width)
    return {
        "start_s": source.start,
        "stop_s": source.stop,
        "duration_s": source.stop - source.start,
        "binned_s": source.bins.n_bins * width,
        "n_bins": source.bins.n_bins,
        "n_segments": int(source.bins.lengths.size),
        "n_units": int(kept.size),
        "n_units_dropped": len(recording.units.ids) - int(kept.size),
        "clock_offset_s": offset,
        **{f"split_{part}": fraction for part, fraction in plan.fractions().items()},
        "split_cycle_s": plan.cycle * width,
        "split_gap_s": plan.gap * width,
        "split_gap_wanted_s": settings.split.gap,
    }
