"""Subcommand `encode`: a model and its dataset to published latents of every bin and seed."""

import math
from pathlib import Path

import click

from alveus.cli.job import Job, log, published_before, run_stage, stage_options
from alveus.errors import ArtefactError


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
    from pydantic import TypeAdapter

    from alveus.config import Model
    from alveus.encode.encode import encode as encode_bins
    from alveus.fit.conditions import reading
    from alveus.fit.model_file import load_model
    from alveus.storage import open_dataset, read_manifest, write_latents
    from alveus.storage.verify import verify

    data, fitted = open_dataset(dataset), read_manifest(model, "fit")
    if fitted["inputs"]["dataset"] != data.digest:
        raise ArtefactError(f"{model} was fitted to another dataset than {dataset}: run fit again")
    damage = verify(model)
    if damage:
        raise ArtefactError(f"{damage[0].message}: run `alveus verify`, then the study again")
    weights = load_model(model.with_name(fitted["artefact"]))
    model_settings: Model = TypeAdapter(Model).validate_python(weights.settings)
    memory_gb = job.tuning.get("memory_gb", math.inf)
    with reading(data, model_settings, memory_gb=memory_gb, work=job.work) as fit_data:
        latents = encode_bins(weights, fit_data, device=job.tuning.get("device", "auto"), threads=job.threads)
    write_latents(
        store,
        manifest,
        mean=latents.mean,
        scale=latents.scale,
        held_in_mean=latents.held_in_mean,
        log_likelihood=latents.log_likelihood,
        kl=latents.kl,
        prior_variance=latents.prior_variance,
        prior_mean=latents.prior_mean,
        log_evidence=latents.log_evidence,
        evidence_bin=latents.evidence_bin,
        no_evidence=latents.no_evidence,
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
