"""Subcommands that write pages: of a session, of a dataset, and of what failed."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alveus.cli.job import Job, log, run_stage, stage_options, writable_caches
from alveus.errors import SettingError

if TYPE_CHECKING:
    from alveus.study.plan import Study

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=PATH)
@click.argument("page", type=PATH)
@stage_options("report")
def report(job: Job, folder: Path, page: Path) -> None:
    """Write PAGE from everything published in the session's FOLDER."""
    models = job.settings.get("models", [])
    inputs = [folder / "dataset.json", *(folder / name / "latents.json" for name in models)]
    with run_stage(job, *inputs):
        from alveus.cli.pages import session_report
        from alveus.report.session import session_page

        _write(page, session_page(session_report(folder, job.work or folder, models, job.settings["report"])))


@click.command()
@click.argument("dataset")
@click.argument("page", type=PATH)
@click.argument("scores", type=PATH)
@click.argument("sweeps", type=PATH)
@click.option("--overrides", default="{}", help="JSON: settings laid over config.yaml.")
@stage_options("report_dataset")
def report_dataset(job: Job, dataset: str, page: Path, scores: Path, sweeps: Path, overrides: str) -> None:
    """Write PAGE, and the tables SCORES and SWEEPS, of all sessions of DATASET of the study in this folder."""
    with run_stage(job):
        from alveus.study.plan import Study

        _write_dataset(Study(Path(), json.loads(overrides)), dataset, page, scores, sweeps)


@click.command()
@click.option("--overrides", default="{}", help="JSON: settings laid over config.yaml.")
def report_failures(overrides: str) -> None:
    """Write pages after a run with failures: of each failed session without results, and of each dataset.

    The study is the current folder. A page of results from before is left as it is; the dataset's page tells
    that the session failed.
    """
    from alveus.study.plan import Study
    from alveus.study.progress import progress

    writable_caches()
    try:
        study = Study(Path(), json.loads(overrides))
    except SettingError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_status)
    from alveus.cli.pages import failed_session_report
    from alveus.report.session import session_page
    from alveus.study.layout import session_folder, work_folder

    unfinished: set[str] = set()
    for item in progress(study):
        if item.state == "done":
            continue
        unfinished.add(item.dataset)
        if item.state not in ("failed", "refused"):
            continue
        folder = Path(session_folder(study.results, item.dataset, item.session))
        page = folder / "report.html"
        if (folder / "dataset.json").is_file() and page.is_file():
            continue
        models = list(study.datasets[item.dataset].models)
        settings = json.loads(study.stage_settings("bin", item.dataset, item.session))
        found = failed_session_report(
            item.dataset, item.session, Path(work_folder(item.dataset, item.session)), models, settings
        )
        if found is not None:
            _write(page, session_page(found))
    for dataset in sorted(unfinished):
        folder = Path(study.results) / dataset
        _write_dataset(study, dataset, folder / "report.html", folder / "scores.csv", folder / "sweeps.csv")
        click.echo(f"{folder}/report.html names each session that failed, and why")


def _write_dataset(study: "Study", dataset: str, page: Path, scores: Path, sweeps: Path) -> None:
    from alveus.cli.pages import dataset_report
    from alveus.report.dataset import dataset_page, members_of
    from alveus.report.sweeps import sweeps_csv
    from alveus.study.layout import work_folder

    group = study.datasets[dataset]
    found = dataset_report(
        dataset,
        Path(study.results) / dataset,
        Path(work_folder(dataset)),
        list(group.sessions),
        group.models,
        study.sweeps(dataset),
    )
    table = "" if found.scores is None else found.scores.to_csv(index=False, lineterminator="\n")
    _write(scores, table)
    _write(sweeps, sweeps_csv(members_of(found)))
    _write(page, dataset_page(found))


def _write(path: Path, text: str) -> None:
    from alveus.storage.manifest import write_atomically

    write_atomically(path, text.encode())
    log.info("%s: %.0f kB", path, len(text) / 1000)
