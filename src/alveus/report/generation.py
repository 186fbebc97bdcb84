"""Predictive checks of a model to sentences: which statistics of the recording its own recordings have."""

from __future__ import annotations

from collections.abc import Sequence

from alveus.recording.population import NOMINAL
from alveus.report.formatting import percent
from alveus.report.score_rows import ScoreRow
from alveus.report.verdict import Statement, Tone

SCORE = "predictive_check"

WHAT = {
    "rate": ("the rates of the units", "units"),
    "fano_factor": ("the variability of the units (Fano factors)", "units"),
    "correlation": ("the correlations of pairs of units", "pairs"),
    "silent_bins": ("the moments in which no unit is active", "stretches of test bins"),
}


def generation_statements(model: str, rows: Sequence[ScoreRow]) -> list[Statement]:
    """Say of each statistic whether a model makes it; nothing for a model that nothing can be drawn from.

    It does when the interval of the share of units inside its band reaches what is expected of a true model.
    """
    return [_statement(model, row) for row in rows if row.score == SCORE and row.target in WHAT]


def _statement(model: str, row: ScoreRow) -> Statement:
    what, items = WHAT[row.target]
    if not isinstance(row.value, float) or not row.ok:
        return Statement("neutral", f"Nothing is said about {what}", f"{row.reason}.")
    interval = "" if row.low is None or row.high is None else f" [{percent(row.low)} to {percent(row.high)}]"
    numbers = f"{percent(row.value)}{interval} of the {items} lie within the band; {percent(NOMINAL)} is expected"
    if row.floor is not None:
        numbers += f", and independent Poisson units with their mean rates reach {percent(row.floor)}"
    tone: Tone = "bad"
    headline = f"{model} does not make {what} as they are"
    if row.high is not None and row.high >= NOMINAL:
        tone, headline = "good", f"{model} makes {what} as they are"
    elif row.floor is not None and row.low is not None and row.low > row.floor:
        tone, headline = "caution", f"{model} makes {what} only in part"
    return Statement(tone, headline, f"{numbers}.")
