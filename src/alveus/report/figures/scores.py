"""Scores to dots with intervals and floors: models of a session, and sessions of a dataset, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from alveus.report.figures.behavior import short
from alveus.report.figures.plot import INK, MUTED, Plot, drawing, new_figure, series_color, tidy, to_svg
from alveus.report.formatting import counted
from alveus.report.score_rows import ScoreRow
from alveus.report.words import heading, score_words

Column = tuple[str, str]
"""A score and its target."""

MAX_PANELS = 4


def _in_two_lines(text: str) -> str:
    """Break a heading that is wider than its panel."""
    return text.replace(": ", ":\n", 1) if len(text) > 20 else text.replace(" (", "\n(", 1)


def _drawable(row: ScoreRow | None) -> bool:
    return row is not None and row.ok and isinstance(row.value, float)


def intervals(table: Mapping[str, Mapping[Column, ScoreRow | None]], columns: Sequence[Column]) -> Plot | None:
    """Draw the first scores of all models, one panel a score; None when there is no number to draw.

    Parameters
    ----------
    table
        Model to column to row.
    columns
        Which, in order; those without a number are left out.
    """
    shown = [c for c in columns if any(_drawable(table[m].get(c)) for m in table)][:MAX_PANELS]
    if not shown:
        return None
    names = list(table)
    labels = ", ".join(heading(*c) for c in shown)
    alt = f"{labels} of {', '.join(names)}, with 95 % intervals and floors; the numbers are in the table of models"
    with drawing():
        figure = new_figure(0.75 + 0.34 * len(names))
        grid = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, column in zip(grid, shown, strict=True):
            for i, name in enumerate(names):
                row = table[name].get(column)
                if row is None or not isinstance(row.value, float) or not row.ok:
                    absent = "not scored" if row is None else row.status
                    across = axes.get_yaxis_transform()
                    axes.text(0.02, i, absent, transform=across, color=MUTED, fontsize=8, va="center")
                    continue
                if row.floor is not None:
                    axes.plot([row.floor] * 2, [i - 0.32, i + 0.32], color=INK, linewidth=1.6)
                if row.low is not None and row.high is not None:
                    axes.plot([row.low, row.high], [i, i], color=series_color(i), linewidth=2.6, alpha=0.55)
                axes.plot([row.value], [i], "o", color=series_color(i), markersize=6)
            axes.set_title(_in_two_lines(heading(*column)))
            axes.set_xlabel(score_words(column[0]).unit)
            axes.set_yticks(range(len(names)), [short(n) for n in names])
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.margins(x=0.12)
            low, high = axes.get_xlim()
            low = min(0.0, low) if score_words(column[0]).from_zero else low
            axes.set_xlim(low, high + 0.06 * (high - low))
            axes.locator_params(axis="x", nbins=4)
            tidy(axes, grid="x")
        svg = to_svg(figure, "intervals", alt)
    return Plot(
        "Main scores of the models", alt,
        "Dots are scores, thick lines 95 % intervals, upright ticks the floor: the 95th percentile of what a "
        "method without merit scores on the same data.",
        "an interval that reaches its floor (chance cannot be excluded), intervals of two models that overlap "
        "(do not say that one is better).",
        svg,
    )  # fmt: skip


def strips(
    table: Mapping[str, Mapping[str, Mapping[Column, ScoreRow | None]]], columns: Sequence[Column]
) -> Plot | None:
    """Draw scores of all sessions, one dot a session, sessions joined across models; None without a number.

    Parameters
    ----------
    table
        Session to model to column to row.
    columns
        Which, in order.
    """
    models = list(dict.fromkeys(m for by_model in table.values() for m in by_model))
    shown = [
        c for c in columns if any(_drawable(by_model[m].get(c)) for by_model in table.values() for m in by_model)
    ][:MAX_PANELS]
    if not shown:
        return None
    alt = (
        f"{', '.join(heading(*c) for c in shown)} of {counted(len(table), 'session')}, one dot a session and model"
    )
    with drawing():
        figure = new_figure(3.0)
        grid = figure.subplots(1, len(shown), squeeze=False)[0]
        for axes, column in zip(grid, shown, strict=True):
            points = np.full((len(table), len(models)), np.nan)
            floors = np.full_like(points, np.nan)
            for s, by_model in enumerate(table.values()):
                for m, name in enumerate(models):
                    row = by_model.get(name, {}).get(column)
                    if row is not None and row.ok and isinstance(row.value, float):
                        points[s, m] = row.value
                        floors[s, m] = np.nan if row.floor is None else row.floor
            spread = (np.arange(len(table)) / max(1, len(table) - 1) - 0.5) * 0.36
            for s in range(len(table)):
                axes.plot(np.arange(len(models)) + spread[s], points[s], color=MUTED, alpha=0.3, linewidth=0.7)
            for m in range(len(models)):
                if np.isfinite(floors[:, m]).any():
                    top = float(np.nanmedian(floors[:, m]))
                    axes.plot([m - 0.3, m + 0.3], [top, top], color=INK, linewidth=1.4)
                if np.isfinite(points[:, m]).any():
                    axes.plot(
                        m + spread,
                        points[:, m],
                        "o",
                        color=series_color(m),
                        markersize=5,
                        alpha=0.85,
                        markeredgewidth=0,
                    )
            axes.set_xticks(range(len(models)), [short(m, 14) for m in models])
            axes.set_xlim(-0.5, len(models) - 0.5)
            if score_words(column[0]).from_zero:
                axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
            axes.set_title(_in_two_lines(heading(*column)))
            axes.set_ylabel(score_words(column[0]).unit)
            tidy(axes, grid="y")
        svg = to_svg(figure, "strips", alt)
    return Plot(
        "Main scores across sessions", alt,
        "Each dot is a session, thin lines join the same session across models; "
        "level ticks are the median floor over sessions.",
        "dots below the floor, one session far from all others (look at its page), "
        "lines that cross often (no model is better in general).",
        svg,
    )  # fmt: skip
