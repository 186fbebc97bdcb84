"""Rows of scores to the one table that compares models: which columns, which row in each cell, which drawing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from alveus.report.bars import interval_bar, span
from alveus.report.score_rows import ScoreRow, summary, targets
from alveus.report.verdict import Standing, standing
from alveus.report.words import MAIN_SCORES, OF_COUNTS, score_words
from alveus.scores.neighbours import NEIGHBOURS
from alveus.scores.rate_competitors import HELD_OUT

Column = tuple[str, str]
"""A score and its target."""

FROM, CEILING = " from ", "ceiling"
"""How the targets of scores of no model are made: ``<covariate> from <competitor>``, ``ceiling (…)``."""

STANDING_WORDS: dict[Standing, str] = {
    "above": "above its floor",
    "unclear": "not clearly above its floor",
    "below": "not above its floor",
    "unknown": "",
}


@dataclass(frozen=True)
class Cell:
    """A score of a model: its row, its drawing, and where it stands against its floor."""

    row: ScoreRow | None
    bar: Markup
    standing: Standing
    words: str


def by_model(rows: Iterable[ScoreRow]) -> dict[str, list[ScoreRow]]:
    """Sort rows by the name of their model; rows of no model are under the empty string."""
    sorted_rows: dict[str, list[ScoreRow]] = {}
    for row in rows:
        sorted_rows.setdefault(row.model, []).append(row)
    return sorted_rows


def main_columns(rows: Mapping[str, Sequence[ScoreRow]]) -> list[Column]:
    """Choose the main scores that any model has; where a score goes by covariate, each is a column.

    Of activity that is no count, scores of counts have no column: that they are not defined stands below.
    """
    columns: list[Column] = []
    for score in MAIN_SCORES:
        of_score = [row for model in rows.values() for row in model if row.score == score]
        if score in OF_COUNTS and all(row.status == "not defined" for row in of_score):
            continue
        found = dict.fromkeys(t for model in rows.values() for t in targets(model, score))
        found = {t: None for t in found if not _is_variant(t, found)}
        if score_words(score).per_target:
            columns += [(score, target) for target in found]
        elif found:
            columns.append((score, ""))
    return columns


def _is_variant(target: str, known: Iterable[str]) -> bool:
    """Whether a row is another way to a number that has a column: another decoder, or a competitor."""
    return any(target.startswith(f"{other}{FROM}") or target == f"{other}{NEIGHBOURS}" for other in known)


def pick(rows: Sequence[ScoreRow], column: Column) -> ScoreRow | None:
    """Find the row of a model for a column."""
    score, target = column
    return summary(rows, score, target if score_words(score).per_target else None)


def competitors(of_session: Iterable[ScoreRow], columns: Sequence[Column]) -> dict[str, dict[Column, ScoreRow]]:
    """Find what models are compared with among the scores of no model: raw counts, ceilings of a simulation.

    Their name stands in the target: ``position from raw counts``, ``ceiling (supervised ridge)``.
    """
    found: dict[str, dict[Column, ScoreRow]] = {}
    for row in of_session:
        for score, target in columns:
            name = row.target.removeprefix(f"{target}{FROM}") if target else row.target
            stands_here = row.target.startswith(f"{target}{FROM}" if target else CEILING)
            if score == "co_smoothing" and row.target.startswith(f"{HELD_OUT}{FROM}"):
                stands_here, name = True, row.target.removeprefix(f"{HELD_OUT}{FROM}")
            if row.score == score and stands_here:
                found.setdefault(name, {})[score, target] = row
    return found


def table_of_models(
    rows: Mapping[str, Mapping[Column, ScoreRow | None]], columns: Sequence[Column]
) -> dict[str, dict[Column, Cell]]:
    """Fill the table: name to column to cell, drawings of a column on one common range."""
    table: dict[str, dict[Column, Cell]] = {name: {} for name in rows}
    for column in columns:
        ends = span(row for of_name in rows.values() if (row := of_name.get(column)) is not None)
        for name, of_name in rows.items():
            table[name][column] = make_cell(of_name.get(column), ends)
    return table


def make_cell(row: ScoreRow | None, ends: tuple[float, float] | None) -> Cell:
    """Make a cell of a row; `ends` is the range of its drawing."""
    numeric = row is not None and row.ok and isinstance(row.value, float)
    bar = interval_bar(row, *ends) if row is not None and numeric and ends else Markup("")
    place: Standing = standing(row) if row is not None else "unknown"
    return Cell(row, bar, place, STANDING_WORDS[place])
