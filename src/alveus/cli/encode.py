"""Subcommand `encode`: a model and its dataset to published latents of every bin and seed."""

from pathlib import Path

import click

from alveus.cli.job import Job, log, run_stage, stage_options


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("encode")
def encode(job: Job, dataset: Path, model: Path, manifest: Path) -> None:
    """Encode the dataset of DATASET with the model of MODEL and publish the latents beside MANIFEST."""
    with run_stage(job, dataset, model) as key:
        from alveus.storage.publish import republish

        store = manifest.with_suffix(".zarr")
        receipt = job.receipt(manifest)
        if receipt and republish(store, manifest, receipt, key):
            log.info("%s is already what these settings make: published again", store.name)
            return
        _encode(job, dataset, model, manifest, receipt, key)
