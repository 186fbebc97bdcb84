"""Subcommand `deconvolve`: a raw optical recording to published events at its frame rate."""

import shutil
import tempfile
from glob import escape
from pathlib import Path

import click

from alveus.cli.job import Job, log, published_before, refuse_changed, run_stage, stage_options


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("deconvolve")
def deconvolve(job: Job, manifest: Path) -> None:
    """Read a raw optical recording and publish its events beside MANIFEST."""
    with run_stage(job) as key:
        store = manifest.with_suffix(".zarr")
        if not published_before(job, store, manifest, key):
            _deconvolve(job, store, manifest, key)


def _deconvolve(job: Job, store: Path, manifest: Path, key: str) -> None:
    from alveus.calcium.deconvolve import Deconvolution
    from alveus.config import Preprocess
    from alveus.io.options import ReadOptions
    from alveus.io.read import read_recording
    from alveus.preprocessing.units import filter_units, too_few_units
    from alveus.storage import write_events

    settings = job.settings
    preprocess = Preprocess.model_validate(settings["preprocess"] | job.tuning)
    raw = Path(settings["path"])
    options = ReadOptions(
        sampling_rate=settings.get("sampling_rate"),
        modality="calcium",
        signal=None if preprocess.signal == "auto" else preprocess.signal,
        max_input_gb=preprocess.max_input_gb,
        activity_alone=True,
    )
    log.info("reading %s (%s)", settings["path"], settings["format"])
    recording = read_recording(settings["format"], raw, options)
    wanted, filtered = filter_units(recording.units, preprocess.unit_filter)
    if not wanted.size:
        raise too_few_units(recording.units, 0, 1, preprocess.unit_filter, filtered)
    store.parent.mkdir(parents=True, exist_ok=True)
    folder, prefix = job.work or store.parent, f"{store.name}.scratch-"
    for left in folder.glob(f"{escape(prefix)}*"):  # of an attempt that was killed: as large as the recording
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as scratch:
        deconvolution = Deconvolution(
            recording,
            preprocess,
            wanted,
            tau=settings.get("tau"),
            threads=job.threads,
            scratch=Path(scratch),
        )
        for finding in (*recording.findings, *filtered):
            log.info("%s", finding.message)
        log.info("%d units, %d frames: %s", wanted.size, deconvolution.n_frames, deconvolution.method)
        written = write_events(
            deconvolution,
            store,
            manifest,
            session=settings["session"],
            dataset=settings["dataset"],
            settings=settings["preprocess"],
            fingerprint=settings["fingerprint"],
            findings=filtered,
            stage_version=job.code,
            work=job.work,
            key=key,
        )
    for finding in written["findings"][len(filtered) :]:
        log.info("%s", finding["message"])
    refuse_changed(job, (raw,), store, manifest)
