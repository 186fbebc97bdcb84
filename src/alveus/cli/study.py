"""Subcommands for people: make, check, run and watch a study."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from alveus.errors import SettingError

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(short_help="make a study")
@click.argument("folder", type=FOLDER)
def init(folder: Path) -> None:
    """Make a study in FOLDER: a commented config.yaml and a session table to fill in."""
    from alveus.config.document import commented_config

    files = {
        "config.yaml": commented_config(
            {
                "datasets": {"example": {"sessions": "sessions.tsv"}},
                "models": {"pca": {"method": "pca", "latents": 3}, "vae": {"method": "vae", "latents": 3}},
            },
            "Settings of this study. Delete what you do not change: the defaults stay.",
        ),
        "sessions.tsv": "session\tformat\tpath\nfirst\tsimulation\tlorenz?seed=0&conditions=5\n",
    }
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        _fail(f"{folder} already has {' and '.join(taken)}: nothing was written", 2)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    click.echo(
        f"A study in {folder}: fill in sessions.tsv, then `alveus check {folder}`, then `alveus run {folder}`."
    )


@click.command(short_help="check a study")
@click.argument("folder", type=FOLDER, default=".")
def check(folder: Path) -> None:
    """Check the config and all session tables of the study in FOLDER, naming every problem at once."""
    from alveus.study.advice import advice, warnings
    from alveus.study.plan import Study

    try:
        study = Study(folder)
    except SettingError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        _fail(f"{len(error.problems)} problem{'s' * (len(error.problems) > 1)}", 2)
    problems = [f"{dataset}/{session}: missing: {path}" for dataset, session, path in study.missing]
    problems += advice(study)
    for warning in warnings(study):
        click.echo(f"warning: {warning}", err=True)
    for problem in problems:
        click.echo(problem, err=True)
    sessions = len(study.pairs())
    if problems:
        _fail(f"{len(problems)} problem{'s' * (len(problems) > 1)} in {sessions} sessions", 2)
    models = sum(len(group.models) * len(group.sessions) for group in study.datasets.values())
    click.echo(f"No problem: {len(study.datasets)} datasets, {sessions} sessions, {models} models to fit.")


@click.command(
    short_help="run a study",
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
    },
)
@click.argument("folder", type=FOLDER)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def run(folder: Path, options: tuple[str, ...]) -> None:
    """Run the study in FOLDER; OPTIONS go to snakemake, such as -n, --cores 4, or a target file.

    The same as: snakemake --snakefile SNAKEFILE --directory FOLDER --workflow-profile PROFILE OPTIONS
    """
    from alveus.config import load_study

    try:
        load_study(folder)
    except SettingError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        _fail("nothing was run", 2)
    root = workflow_root()
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(root / "Snakefile"),
        "--directory",
        str(folder),
    ]
    if not any(option.startswith(("--workflow-profile", "--profile")) for option in options):
        command += ["--workflow-profile", str(root / "workflow" / "profiles" / "local")]
    # rules call `alveus`: the one of this environment, activated or not
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    os.execv(sys.executable, [*command, *options])  # noqa: S606 (no shell is wanted)


@click.command(short_help="what is done, due or failed")
@click.argument("folder", type=FOLDER, default=".")
def status(folder: Path) -> None:
    """Tell for every session of the study in FOLDER how far it got, and why not further."""
    from alveus.study.plan import Study
    from alveus.study.progress import progress

    try:
        study = Study(folder)
    except SettingError as error:
        _fail(str(error), 2)
    counts: dict[str, int] = {}
    for item in progress(study):
        counts[item.state] = counts.get(item.state, 0) + 1
        click.echo(f"{item.dataset}/{item.session}\t{item.state}\t{item.reason}")
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()), err=True)


def workflow_root() -> Path:
    """Return the folder that holds the Snakefile: inside an installed package, or the checkout it runs from."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_workflow"
    return shipped if (shipped / "Snakefile").is_file() else package.parent.parent


def _fail(message: str, exit_status: int) -> NoReturn:
    click.echo(f"alveus: {message}", err=True)
    sys.exit(exit_status)
