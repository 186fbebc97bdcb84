"""Subcommand `rates`: a model and its dataset to the published denoised rates of every bin and unit."""

import math
from pathlib import Path

import click

from alveus.cli.job import Job, log, published_before, run_stage, stage_options


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("rates")
def rates(job: Job, dataset: Path, model: Path, manifest: Path) -> None:
    """Denoise the dataset of DATASET with seed 0 of the model of MODEL and publish its rates beside MANIFEST."""
    with run_stage(job, dataset, model) as key:
        store = manifest.with_suffix(".zarr")
        if not published_before(job, store, manifest, key):
            _rates(job, dataset, model, store, manifest, key)


def _rates(job: Job, dataset: Path, model: Path, store: Path, manifest: Path, key: str) -> None:
    from alveus.cli.fitted import open_fitted
    from alveus.encode.rates import rates as denoise
    from alveus.fit.conditions import reading
    from alveus.storage import write_rates

    data, fitted, weights, settings = open_fitted(dataset, model)
    seed, counted = 0, data.quantity == "counts"
    device, memory_gb = job.tuning.get("device", "auto"), job.tuning.get("memory_gb", math.inf)
    with reading(data, settings, memory_gb=memory_gb, work=job.work) as bins:
        blocks = denoise(weights, bins, seed=seed, device=device, threads=job.threads)
        written = write_rates(
            store,
            manifest,
            blocks=(block / data.bin_size for block in blocks) if counted else blocks,
            time=data.time,
            units=data.unit_ids.tolist(),
            unit_of_rate="Hz" if counted else "",
            seed=seed,
            session=data.session,
            dataset=data.dataset,
            model=fitted["model"],
            settings=fitted["settings"],
            inputs={"dataset": data.digest, "fit": fitted["digest"]},
            stage_version=job.code,
            work=job.work,
            key=key,
        )
    log.info("%d bins, %d units", written["n_bins"], written["n_units"])
