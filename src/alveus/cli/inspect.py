"""Subcommands that look at what was published: show and verify."""

import sys
from pathlib import Path

import click

from alveus.errors import AlveusError


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def show(path: Path) -> None:
    """Tell what the store, manifest or table of scores at PATH holds."""
    from alveus.storage.show import describe

    try:
        click.echo(describe(path))
    except AlveusError as error:
        click.echo(f"alveus show: {error}", err=True)
        sys.exit(error.exit_status)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--dry-run", is_flag=True, help="Only tell; take no manifest away.")
def verify(folder: Path, dry_run: bool) -> None:
    """Hash every published artefact of the study in FOLDER again.

    What is missing or damaged is named and loses its manifest, so that the next run rebuilds just that. The exit
    status is 1 when anything was found.
    """
    from alveus.config import load_study
    from alveus.storage.verify import verify as find_damage

    try:
        results = folder / load_study(folder).config.results
        damages = find_damage(results, repair=not dry_run)
    except AlveusError as error:
        click.echo(f"alveus verify: {error}", err=True)
        sys.exit(error.exit_status)
    for damage in damages:
        click.echo(str(damage))
    if not damages:
        click.echo(f"Nothing is damaged below {results}.")
        return
    then = "" if dry_run else ": their manifests are gone, and the next run makes them again"
    click.echo(f"{len(damages)} damaged{then}", err=True)
    sys.exit(1)
