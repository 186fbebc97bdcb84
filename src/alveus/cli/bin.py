"""Subcommand `bin`: a raw recording to a published dataset of counts in bins."""

from pathlib import Path

import click

from alveus.cli.job import Job, log, run_stage, stage_options
from alveus.errors import TemporaryError


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("bin")
def bin(job: Job, manifest: Path) -> None:  # noqa: A001 (the rule's name)
    """Read a raw recording and publish its dataset beside MANIFEST."""
    with run_stage(job) as key:
        from alveus.storage.publish import republish

        store = manifest.with_suffix(".zarr")
        receipt = job.receipt(manifest)
        if receipt and republish(store, manifest, receipt, key):
            log.info("%s is already what these settings make: published again", store.name)
            return
        _bin(job, store, manifest, receipt, key)


def _bin(job: Job, store: Path, manifest: Path, receipt: Path | None, key: str) -> None:
    from alveus.config import Preprocess
    from alveus.io.fingerprint import fingerprint
    from alveus.io.options import ReadOptions
    from alveus.io.read import read_recording
    from alveus.preprocessing.prepare import prepare
    from alveus.storage.dataset import write_dataset

    settings = job.settings
    preprocess = Preprocess.model_validate(settings["preprocess"] | job.tuning)
    behavior = Path(settings["behavior"]) if settings.get("behavior") else None
    options = ReadOptions(
        sampling_rate=settings.get("sampling_rate"),
        behavior_file=behavior,
        start=preprocess.start,
        duration=preprocess.duration,
        kinds=preprocess.behavior,
        max_input_gb=preprocess.max_input_gb,
    )
    recording = read_recording(settings["format"], Path(settings["path"]), options)
    for finding in recording.findings:
        log.info("%s", finding.message)
    prepared = prepare(recording, preprocess, session=settings["session"])
    written = write_dataset(
        prepared,
        store,
        manifest,
        session=settings["session"],
        dataset=settings["dataset"],
        settings=settings["preprocess"],
        fingerprint=settings["fingerprint"],
        receipt=receipt,
        key=key,
    )
    for finding in written["findings"][len(recording.findings) :]:
        log.info("%s", finding["message"])
    if settings["format"] != "simulation" and settings["fingerprint"]:
        paths = [Path(settings["path"]), *([behavior] if behavior else [])]
        if "+".join(fingerprint(path, None) for path in paths) != settings["fingerprint"]:
            manifest.unlink(missing_ok=True)
            raise TemporaryError(
                f"{settings['path']} is not what it was when the run was planned: run again, and the new content is used"
            )
