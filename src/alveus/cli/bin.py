"""Subcommand `bin`: a raw recording, or the events made of it, to a published dataset in bins."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alveus.cli.job import Job, log, published_before, refuse_changed, run_stage, stage_options
from alveus.errors import ArtefactError

if TYPE_CHECKING:
    from alveus.recording import Recording
    from alveus.storage import Events


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.argument("events", type=click.Path(path_type=Path), required=False)
@stage_options("bin")
def bin(job: Job, manifest: Path, events: Path | None) -> None:  # noqa: A001 (the rule's name)
    """Read a raw recording and publish its dataset beside MANIFEST; of an optical one, bin its EVENTS."""
    with run_stage(job, *([events] if events else [])) as key:
        store = manifest.with_suffix(".zarr")
        if not published_before(job, store, manifest, key):
            _bin(job, store, manifest, events, key)


def _bin(job: Job, store: Path, manifest: Path, events: Path | None, key: str) -> None:
    from alveus.config import Preprocess
    from alveus.io.options import ReadOptions
    from alveus.io.read import read_recording
    from alveus.preprocessing.prepare import prepare
    from alveus.storage import open_events, write_dataset

    settings = job.settings
    preprocess = Preprocess.model_validate(settings["preprocess"] | job.tuning)
    raw = Path(settings["path"])
    behavior = Path(settings["behavior"]) if settings.get("behavior") else None
    found = open_events(events) if events else None
    options = ReadOptions(
        sampling_rate=settings.get("sampling_rate"),
        behavior_file=behavior,
        # Events are of the whole recording, and cut to the span when they are binned.
        start=None if found else preprocess.start,
        duration=None if found else preprocess.duration,
        signal=found.source_signal if found else None,
        modality="calcium" if found else settings.get("modality"),
        kinds=preprocess.behavior,
        max_input_gb=preprocess.max_input_gb,
    )
    log.info("reading %s (%s)", settings["path"], settings["format"])
    recording = read_recording(settings["format"], raw, options)
    if found:
        recording = with_events(recording, found)
    prepared = prepare(recording, preprocess, session=settings["session"])
    for finding in prepared.findings:
        log.info("%s", finding.message)
    written = write_dataset(
        prepared,
        store,
        manifest,
        session=settings["session"],
        dataset=settings["dataset"],
        settings=settings["preprocess"],
        fingerprint=settings["fingerprint"],
        events=found.digest if found else "",
        stage_version=job.code,
        work=job.work,
        key=key,
    )
    for finding in written["findings"][len(prepared.findings) :]:
        log.info("%s", finding["message"])
    log.info(
        "%d bins, %d units, of which %d are held out", written["n_bins"], written["n_units"], written["n_held_out"]
    )
    refuse_changed(job, (raw, behavior) if behavior else (raw,), store, manifest)


def with_events(recording: "Recording", events: "Events") -> "Recording":
    """Put events in the place of the signal that they were made of.

    Raises
    ------
    ArtefactError
        When the events are of other units or frames.
    """
    import numpy as np

    from alveus.recording import Finding, Traces

    source = recording.activity
    place = {unit: index for index, unit in enumerate(recording.units.ids)}
    ids = events.unit_ids.tolist()
    if not isinstance(source, Traces) or not place.keys() >= set(ids) or source.values.shape[0] != events.n_frames:
        raise ArtefactError(f"{events.path} is of another recording: run its stage again")
    index = np.array([place[unit] for unit in ids], np.int64)
    units = recording.units.take(index)
    return replace(
        recording,
        activity=Traces(
            events.values(),
            events.sampling_rate,
            events.signal,
            segment=source.segment,
            missing=events.segment < 0,
            delays=events.delays,
        ),
        units=replace(units, columns={**units.columns, **events.columns}),
        truth_spike_times=events.true_spikes,
        findings=(*recording.findings, *(Finding(**finding) for finding in events.findings)),
        source={**recording.source, "deconvolution": events.method},
    )
