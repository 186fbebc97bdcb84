"""Subcommand `bin`: a raw recording to a published dataset of counts in bins."""

from pathlib import Path

import click

from alveus.cli.job import Job, log, published_before, run_stage, stage_options
from alveus.errors import TemporaryError


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("bin")
def bin(job: Job, manifest: Path) -> None:  # noqa: A001 (the rule's name)
    """Read a raw recording and publish its dataset beside MANIFEST."""
    with run_stage(job) as key:
        store = manifest.with_suffix(".zarr")
        if not published_before(job, store, manifest, key):
            _bin(job, store, manifest, key)


def _bin(job: Job, store: Path, manifest: Path, key: str) -> None:
    from alveus.config import Preprocess
    from alveus.io.options import ReadOptions
    from alveus.io.read import read_recording
    from alveus.preprocessing.prepare import prepare
    from alveus.storage import write_dataset
    from alveus.storage.publish import receipt_path

    settings = job.settings
    preprocess = Preprocess.model_validate(settings["preprocess"] | job.tuning)
    raw = Path(settings["path"])
    behavior = Path(settings["behavior"]) if settings.get("behavior") else None
    options = ReadOptions(
        sampling_rate=settings.get("sampling_rate"),
        behavior_file=behavior,
        start=preprocess.start,
        duration=preprocess.duration,
        signal=None if preprocess.signal == "auto" else preprocess.signal,
        modality=settings.get("modality"),
        kinds=preprocess.behavior,
        max_input_gb=preprocess.max_input_gb,
    )
    log.info("reading %s (%s)", settings["path"], settings["format"])
    recording = read_recording(settings["format"], raw, options)
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
        stage_version=job.code,
        work=job.work,
        key=key,
    )
    for finding in written["findings"][len(prepared.findings) :]:
        log.info("%s", finding["message"])
    log.info(
        "%d bins, %d units, of which %d are held out", written["n_bins"], written["n_units"], written["n_held_out"]
    )
    if settings["format"] != "simulation" and _fingerprint(raw, behavior) != settings["fingerprint"]:
        manifest.unlink(missing_ok=True)
        if job.work:
            receipt_path(job.work, store).unlink(missing_ok=True)
        raise TemporaryError(
            f"{settings['path']} is not what it was when the run was planned: run again, to use the new content"
        )


def _fingerprint(raw: Path, behavior: Path | None) -> str:
    """Hash the raw data as the plan does: the dataset must be of what the plan named."""
    from alveus.io.fingerprint import fingerprint

    return "+".join(fingerprint(path, None) for path in (raw, behavior) if path is not None)
