"""The table of scores.csv to rows with types, and several rows of one score to the one a table shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

OVERALL_TARGETS = ("", "all", "mean")
"""Targets that mean no part in particular; they come before the rows of single latents or units."""


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Texts that start so are written with a leading apostrophe, so that no spreadsheet runs them."""


@dataclass(frozen=True)
class ScoreRow:
    """One row of scores.csv; an empty cell is None (numbers) or the empty string (words)."""

    score: str
    model: str = ""
    session: str = ""
    seed: str = ""
    target: str = ""
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    floor_name: str = ""
    status: str = "ok"
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a value to show."""
        return self.status == "ok" and self.value is not None

    @property
    def reason(self) -> str:
        """Why there is no value, in words."""
        status = self.status if self.status != "ok" else "not estimable"
        return f"{status}: {self.note or 'no reason was given'}"


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    text = str(cell)
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def _number(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _value(cell: Any) -> float | str | None:
    value = _number(cell)
    if value is not None:
        return value
    text = _text(cell)
    return None if text.lower() in ("", "nan", "inf", "-inf") else text


def read_rows(table: pd.DataFrame | None) -> tuple[ScoreRow, ...]:
    """Give the rows of a table of scores their types; columns that it lacks are empty."""
    if table is None:
        return ()
    cells: Iterable[dict[Any, Any]] = table.astype(object).to_dict("records")
    return tuple(
        ScoreRow(
            score=_text(c.get("score")),
            model=_text(c.get("model")),
            session=_text(c.get("session")),
            seed=_text(c.get("seed")).removesuffix(".0"),  # read as floats where some are empty
            target=_text(c.get("target")),
            value=_value(c.get("value")),
            low=_number(c.get("low")),
            high=_number(c.get("high")),
            floor=_number(c.get("floor")),
            floor_name=_text(c.get("floor_name")),
            status=_text(c.get("status")) or "ok",
            note=_text(c.get("note")),
        )
        for c in cells
    )


def targets(rows: Iterable[ScoreRow], score: str) -> list[str]:
    """Targets of a score in the order of their first row."""
    return list(dict.fromkeys(row.target for row in rows if row.score == score))


def summary(rows: Sequence[ScoreRow], score: str, target: str | None = None) -> ScoreRow | None:
    """Find or make the one row that stands for a score of one model.

    A row that spans seeds is taken as it is. Of rows per seed the median is taken, with the envelope of their
    intervals and the highest of their floors, so that the summary never looks better than its parts. Where none of
    them has an interval, neither has the summary.

    Parameters
    ----------
    rows
        Of one session and model.
    score
        Its name.
    target
        Which one; None: the overall target, else the first.
    """
    if target is None:
        known = targets(rows, score)
        target = next((t for t in OVERALL_TARGETS if t in known), known[0] if known else "")
    mine = [row for row in rows if row.score == score and row.target == target]
    spanning = [row for row in mine if not row.seed]
    if len(mine) <= 1 or spanning:
        return next(iter(spanning or mine), None)
    ok = [row for row in mine if row.ok and isinstance(row.value, float)]
    if not ok:
        return mine[0]
    values = [float(row.value) for row in ok if row.value is not None]
    bounded = any(row.low is not None for row in ok)  # without any, the spread of seeds is no interval
    lows = [row.low if row.low is not None else v for row, v in zip(ok, values, strict=True)]
    highs = [row.high if row.high is not None else v for row, v in zip(ok, values, strict=True)]
    floors = [row.floor for row in ok if row.floor is not None]
    missing = f", {len(mine) - len(ok)} not estimable" if len(mine) > len(ok) else ""
    return ScoreRow(
        score,
        ok[0].model,
        ok[0].session,
        "",
        target,
        median(values),
        min(lows) if bounded else None,
        max(highs) if bounded else None,
        max(floors) if floors else None,
        ok[0].floor_name,
        "ok",
        f"median of {len(ok)} seeds{missing}",
    )
