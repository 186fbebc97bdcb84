"""The command line: one subcommand per rule, and a few for people. Reads, calls, writes."""

from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "init": ("study", "make a study: a folder with a commented config and a session table"),
    "check": ("study", "check the config and all session tables, naming every problem"),
    "run": ("study", "run a study; further options go to snakemake"),
    "status": ("study", "tell what is done, due or failed, and why"),
    "show": ("inspect", "tell what a store, a manifest or a table of scores holds"),
    "sample": ("sample", "model → a novel recording drawn from it, in the plain npz format"),
    "verify": ("inspect", "hash every published artefact again; what is damaged becomes due"),
    "deconvolve": ("deconvolve", "raw optical recording → events at its frame rate"),
    "bin": ("bin", "raw recording, or its events → dataset in bins"),
    "fit": ("fit", "dataset → model: all seeds, and the held-in twin"),
    "encode": ("encode", "model → latents of every bin and seed"),
    "rates": ("rates", "model → denoised rates of every bin and unit"),
    "score": ("score", "latents → scores with floors and intervals"),
    "score-session": ("score", "dataset → scores that need no model"),
    "score-latents": ("score_latents", "latents of any program (npz, CSV, NWB) → scores"),
    "report": ("report", "everything of a session → its page"),
    "report-dataset": ("report", "all sessions of a dataset → its page and table of scores"),
    "report-failures": ("report", "pages of what failed, after a run with failures"),
}
"""Subcommand → module of this package, and its line of help; modules are imported when called: --help is quick."""


class _Commands(click.Group):
    """A group that imports a subcommand's module only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command: Any = getattr(import_module(f"alveus.cli.{COMMANDS[name][0]}"), name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="alveus")
def main() -> None:
    """Raw neural recordings to low-dimensional latents you can trust."""
