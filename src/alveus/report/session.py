"""Everything known about a session to its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alveus.report.deconvolution import deconvolution_statements
from alveus.report.figures import generation, latents, optical, recording, scores, training
from alveus.report.figures.plot import Plot, series_color, theme_color
from alveus.report.formatting import counted, number, seconds, words
from alveus.report.generation import generation_statements
from alveus.report.inputs import SessionReport
from alveus.report.model_table import by_model, competitors, main_columns, pick, table_of_models
from alveus.report.page import render
from alveus.report.score_rows import ScoreRow, read_rows
from alveus.report.verdict import judge

MOST_ROWS = 1500
"""Rows of one model in the full table; a browser slows down beyond, and scores.csv holds them all."""


@dataclass(frozen=True)
class Heading:
    """A fact at the top of a page: its value and what it is."""

    value: str
    label: str


def _headings(report: SessionReport) -> list[Heading]:
    found = []
    if report.n_units is not None:
        found.append(Heading(number(report.n_units), "unit" if report.n_units == 1 else "units"))
    if report.duration is not None:
        found.append(Heading(seconds(report.duration), "recorded"))
    if report.n_bins is not None:
        found.append(Heading(number(report.n_bins), "bins"))
    if report.bin_size is not None:
        found.append(Heading(seconds(report.bin_size), "per bin"))
    return [*found, Heading(report.modality, report.quantity)] if found else []


def _recording_plots(report: SessionReport) -> list[Plot]:
    plots: list[Plot] = []
    if report.optical is not None:
        drawn = (optical.traces(report.optical), optical.quality(report.optical))
        plots += [plot for plot in drawn if plot is not None]
    if report.window is not None and len(report.window.times):
        plots.append(recording.raster(report.window, report.quantity))
    if report.rates is not None and len(report.rates):
        plots.append(recording.rates_and_fano(report.rates, report.fano_factors, report.quantity))
    return plots


def _problems(report: SessionReport) -> list[str]:
    """Sentences for the section of warnings: what the caller warns of, and what fits noted."""
    notes = [f"{model.name}: {note}" for model in report.models for note in model.notes]
    return [*report.warnings, *(note for note in notes if note not in report.warnings)]


def _not_estimable(rows: Sequence[ScoreRow]) -> list[str]:
    lines = []
    for row in rows:
        if not row.ok:
            name = words(row.score) + (f" of {row.target}" if row.target else "")
            seed = f", seed {row.seed}" if row.seed else ""
            lines.append(f"{row.model or 'this session'}: {name}{seed} is {row.reason}")
    return lines


def session_page(report: SessionReport) -> str:
    """Write the page of a session.

    The same inputs give the same text. A session with a `failure` has its reason in place of a verdict, and
    whatever else is known below.

    Parameters
    ----------
    report
        What is known.

    Returns
    -------
    str
        One HTML file that needs nothing else: no network, no scripts.
    """
    rows = read_rows(report.scores)
    grouped = by_model(rows)
    of_models = {m.name: grouped.get(m.name, []) for m in report.models}
    columns = main_columns(of_models)
    picked = {name: {column: pick(own, column) for column in columns} for name, own in of_models.items()}
    others = competitors(grouped.get("", ()), columns)
    table = table_of_models({**others, **picked}, columns)
    colors = {m.name: series_color(i) for i, m in enumerate(report.models)}
    problems = _problems(report)
    failed_stages = [s for s in report.statuses if s.status not in ("done", "ok", "running")]
    untold = [s for s in failed_stages if not any(p.startswith(f"{s.stage}:") for p in problems)]
    return render(
        "session.html.j2",
        report.private,
        report=report,
        headings=_headings(report),
        verdict=None if report.failure else judge(report.models, grouped),
        columns=columns,
        table=table,
        others=[name for name in others if name not in picked],
        colors={name: theme_color(color) for name, color in colors.items()},
        methods={m.name: m for m in report.models},
        score_plot=scores.intervals(picked, columns),
        recording_plots=_recording_plots(report),
        of_events=deconvolution_statements(grouped.get("", [])),
        training_plots={m.name: training.curves(m) for m in report.models},
        latent_plots={
            m.name: [plot for plot in (latents.courses(m, colors[m.name]), latents.scatter(m)) if plot is not None]
            for m in report.models
        },
        draw_plots={
            m.name: plot for m in report.models if (plot := generation.draws(m, report.quantity)) is not None
        },
        draw_statements={m.name: generation_statements(m.name, grouped.get(m.name, [])) for m in report.models},
        rows_by_model=grouped,
        most_rows=MOST_ROWS,
        problems=problems,
        failed_stages=failed_stages,
        not_estimable=_not_estimable(rows),
        n_problems=counted(len(problems) + len(untold), "warning or error", "warnings and errors"),
    )
