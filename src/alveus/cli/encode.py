"""Subcommand `encode`: a model and its dataset to published latents of every bin and seed."""

import math
from pathlib import Path

import click

from alveus.cli.job import Job, log, published_before, run_stage, stage_options


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("encode")
def encode(job: Job, dataset: Path, model: Path, manifest: Path) -> None:
    """Encode the dataset of DATASET with the model of MODEL and publish the latents beside MANIFEST."""
    with run_stage(job, dataset, model) as key:
        store = manifest.with_suffix(".zarr")
        if not published_before(job, store, manifest, key):
            _encode(job, dataset, model, store, manifest, key)


def _encode(job: Job, dataset: Path, model: Path, store: Path, manifest: Path, key: str) -> None:
    from alveus.cli.fitted import open_fitted
    from alveus.encode.encode import encode as encode_bins
    from alveus.encode.losses import validation_losses
    from alveus.encode.predictive import predictive
    from alveus.fit.conditions import reading
    from alveus.storage import write_latents

    data, fitted, weights, settings = open_fitted(dataset, model)
    device, memory_gb = job.tuning.get("device", "auto"), job.tuning.get("memory_gb", math.inf)
    with reading(data, settings, memory_gb=memory_gb, work=job.work) as bins:
        latents = encode_bins(weights, bins, device=device, threads=job.threads)
        drawn = predictive(weights, bins, device=device, threads=job.threads)
    write_latents(
        store,
        manifest,
        mean=latents.mean,
        scale=latents.scale,
        held_in_mean=latents.held_in_mean,
        log_likelihood=latents.log_likelihood,
        squared_error=latents.squared_error,
        kl=latents.kl,
        prior_variance=latents.prior_variance,
        prior_mean=latents.prior_mean,
        log_evidence=latents.log_evidence,
        evidence_bin=latents.evidence_bin,
        no_evidence=latents.no_evidence,
        predictive=drawn,
        reliance=latents.reliance,
        gate=latents.gate,
        validation_loss=validation_losses(weights),
        time=data.time,
        session=data.session,
        dataset=data.dataset,
        model=fitted["model"],
        settings=fitted["settings"],
        inputs={"dataset": data.digest, "fit": fitted["digest"]},
        notes=fitted["notes"],
        stage_version=job.code,
        work=job.work,
        key=key,
    )
    log.info("%d seeds, %d bins, %d latents", *latents.mean.shape)
