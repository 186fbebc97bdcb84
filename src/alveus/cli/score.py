"""Subcommands `score` and `score-session`: latents, or a dataset alone, to a table of scores."""

from pathlib import Path

import click

from alveus.cli.job import Job, run_stage, stage_options
