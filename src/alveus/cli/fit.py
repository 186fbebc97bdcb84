"""Subcommand `fit`: a dataset to a published model, all seeds and the held-in twin."""

import csv
import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from alveus.cli.job import Job, log, published_before, run_stage, stage_options

SECONDS_PER_LINE = 10.0
"""A log gets a line of progress this often: often enough to see life, seldom enough to be read."""


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path))
@stage_options("fit")
def fit(job: Job, dataset: Path, manifest: Path) -> None:
    """Fit a model to the dataset that DATASET describes and publish it beside MANIFEST."""
    with run_stage(job, dataset) as key:
        final = manifest.with_name("model.pt")
        with _only_one(job):
            if published_before(job, final, manifest, key):
                from alveus.fit.model_file import load_model

                _write_history(manifest, load_model(final).history)  # a killed job may have left another one
            else:
                _fit(job, dataset, final, manifest, key)


def _only_one(job: Job) -> AbstractContextManager[None]:
    """Keep a second job from training the same model at once: both would write the same checkpoints."""
    from alveus.storage.lock import writer_lock

    return writer_lock(job.work / "checkpoints") if job.work else nullcontext()


def _fit(job: Job, dataset: Path, final: Path, manifest: Path, key: str) -> None:
    from pydantic import TypeAdapter

    from alveus.cli.progress import progress_line
    from alveus.config import Model, Training
    from alveus.fit.checkpoints import Checkpoints
    from alveus.fit.conditions import reading
    from alveus.fit.fit import fit as fit_model
    from alveus.fit.model_file import save_model
    from alveus.storage import open_dataset, publish_file
    from alveus.storage.publish import receipt_path

    settings = job.settings
    model: Model = TypeAdapter(Model).validate_python(settings["model"])
    training = Training.model_validate(settings["training"] | job.tuning)
    checkpoints = job.work / "checkpoints" if job.work else None
    data = open_dataset(dataset)
    log.info("%s: %d bins of %g s, %d units", data.session, data.n_bins, data.bin_size, data.n_units)
    with (
        progress_line(f"fit {data.session} {settings['name']}", SECONDS_PER_LINE) as progress,
        reading(data, model, memory_gb=training.memory_gb, work=job.work) as fit_data,
    ):
        fitted = fit_model(
            fit_data,
            model,
            training,
            n_seeds=settings["seeds"],
            checkpoint=checkpoints,
            threads=job.threads,
            progress=progress,
            code=job.code,
        )
    for note in fitted.notes:
        log.warning("%s", note)
    publish_file(
        lambda path: save_model(fitted, path),
        final,
        manifest,
        "fit",
        {
            "session": data.session,
            "dataset": data.dataset,
            "model": settings["name"],
            "method": fitted.method,
            "settings": {name: settings[name] for name in ("model", "training", "seeds")},
            "inputs": {"dataset": data.digest},
            "n_units": fitted.n_units,
            "n_latents": fitted.n_latents,
            "n_seeds": settings["seeds"],
            "notes": fitted.notes,
            "software": fitted.versions,
            "stage_version": job.code,
        },
        receipt=receipt_path(job.work, final) if job.work else None,
        key=key,
    )
    _write_history(manifest, fitted.history)
    if checkpoints is not None:
        Checkpoints(checkpoints, "").clear()


def _write_history(manifest: Path, rows: Iterable[Mapping[str, object]]) -> None:
    from alveus.fit.fitted import HISTORY_COLUMNS
    from alveus.storage.manifest import write_atomically

    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(manifest.with_name("history.csv"), text.getvalue().encode())
