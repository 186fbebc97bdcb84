"""Scores to rows of scores.csv: one number a row, with its interval, its floor and what to make of it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from alveus.errors import AlveusError

Status = Literal["ok", "not estimable", "not defined"]

COLUMNS = (
    "dataset",
    "session",
    "model",
    "seed",
    "score",
    "target",
    "value",
    "low",
    "high",
    "floor",
    "floor_name",
    "status",
    "note",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs a text that starts so


@dataclass(frozen=True)
class Row:
    """One number, and what it takes to read it.

    Parameters
    ----------
    score
        Name of the score.
    target
        The latent, covariate or group of units it is about.
    seed
        Of the fit; None for what spans seeds or has none.
    value
        The number, or the word of a verdict; None unless the status is ok.
    low, high
        Ends of a 95 % interval.
    floor
        What a method without merit scores on the same data, its 95th percentile.
    floor_name
        How that method was made.
    status
        ``ok``, ``not estimable`` (these data do not suffice) or ``not defined`` (the question makes no sense
        here).
    note
        Why not, or what to know.
    p
        Share of nulls that score as high; no column, `with_p_values` writes it into the note.
    """

    score: str
    target: str = ""
    seed: int | None = None
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    floor_name: str = ""
    status: Status = "ok"
    note: str = ""
    p: float | None = None

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.value is not None):
            raise AlveusError(f"{self.score}: a row has a value exactly when its status is ok")
        if self.status != "ok" and not self.note:
            raise AlveusError(f"{self.score}: a row that is {self.status} says why")
        for name in ("value", "low", "high", "floor"):
            number = getattr(self, name)
            if isinstance(number, float) and not np.isfinite(number):
                raise AlveusError(f"{self.score}: {name} is {number}, which is no number for a table")


def not_defined(score: str, why: str, *, target: str = "", seed: int | None = None) -> Row:
    """Return the row of a score that makes no sense for this model or these data."""
    return Row(score, target, seed, status="not defined", note=why)


def not_estimable(score: str, why: str, *, target: str = "", seed: int | None = None) -> Row:
    """Return the row of a score that these data do not suffice for."""
    return Row(score, target, seed, status="not estimable", note=why)


def with_note(row: Row, *notes: str) -> Row:
    """Return the row with further notes, skipping empty ones."""
    return replace(row, note="; ".join(n for n in (row.note, *notes) if n))


def rows_to_csv(rows: Iterable[Row], *, dataset: str, session: str, model: str = "") -> str:
    """Write rows as the text of a scores.csv, with its header.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers are left alone.

    >>> print(rows_to_csv([Row("kl", seed=0, value=-0.5)], dataset="d", session="=s").splitlines()[1])
    d,'=s,,0,kl,,-0.5,,,,,ok,
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {"dataset": dataset, "session": session, "model": model, **vars(row)}
        writer.writerow([_cell(cells[column]) for column in COLUMNS])
    return text.getvalue()


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return str(value) if isinstance(value, int) else f"{value:.8g}"
