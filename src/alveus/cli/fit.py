"""Subcommand `fit`: a dataset to a published model, all seeds and the held-in twin."""

from pathlib import Path

import click

from alveus.cli.job import Job, log, run_stage, stage_options


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("fit")
def fit(job: Job, dataset: Path, manifest: Path) -> None:
    """Fit a model to the dataset that DATASET describes and publish it beside MANIFEST."""
    with run_stage(job, dataset) as key:
        from alveus.storage.publish import republish

        final = manifest.with_name("model.pt")
        receipt = job.receipt(manifest)
        if receipt and republish(final, manifest, receipt, key):
            log.info("%s is already what these settings make: published again", final.name)
            return
        _fit(job, dataset, manifest, receipt, key)


def _fit(job: Job, dataset: Path, manifest: Path, receipt: Path | None, key: str) -> None:
    from pydantic import TypeAdapter

    from alveus.config import Model, Training
    from alveus.fit import FitData, save_model
    from alveus.fit import fit as fit_model
    from alveus.storage import open_dataset
    from alveus.storage.publish import publish_file

    settings = job.settings
    model: Model = TypeAdapter(Model).validate_python(settings["model"])
    training = Training.model_validate(settings["training"] | job.tuning)
    data = open_dataset(dataset)
    log.info("%s: %d bins of %g s, %d units, %s", data.session, data.n_bins, data.bin_size, data.n_units, data.quantity)
    fitted = fit_model(
        FitData(data.counts(), data.split, data.segment, data.held_out, data.bin_size, data.digest),
        model,
        training,
        n_seeds=settings["seeds"],
        checkpoint=job.work / "checkpoints" / key if job.work else None,
        threads=job.threads,
    )
    write_history(fitted.history, manifest.with_name("history.csv"))
    publish_file(
        lambda path: save_model(fitted, path),
        manifest.with_name("model.pt"),
        manifest,
        "fit",
        {
            "name": settings["name"],
            "settings": {key: settings[key] for key in ("model", "training", "seeds")},
            "dataset": data.digest,
            "n_units": fitted.n_units,
            "n_latents": fitted.n_latents,
            "n_seeds": settings["seeds"],
            "notes": list(fitted.notes),
            "code": job.code,
        },
        receipt=receipt,
        key=key,
    )
