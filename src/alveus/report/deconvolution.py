"""Correlations of events with true spikes to sentences: whether deconvolution was worth it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alveus.report.formatting import estimate, interval
from alveus.report.score_rows import ScoreRow
from alveus.report.verdict import Statement, Tone

SCORE = "deconvolution_r"
SUMMARY = re.compile(r"[\d.e+-]+ ms bins")
"""Targets of the rows that span units; others name a unit, or what needs no deconvolution."""


def deconvolution_statements(rows: Sequence[ScoreRow]) -> list[Statement]:
    """Say for each width of bins how well events follow true spikes; nothing where these are not known."""
    return [_statement(row, rows) for row in rows if row.score == SCORE and SUMMARY.fullmatch(row.target)]


def _statement(row: ScoreRow, rows: Sequence[ScoreRow]) -> Statement:
    if not isinstance(row.value, float) or not row.ok:
        return Statement("neutral", f"Nothing can be said of events in {row.target}", f"{row.reason}.")
    span = interval(row.low, row.high)
    numbers = f"correlation {estimate(row.value, row.low, row.high)}{f' {span}' if span else ''}"
    begin = f"{row.target} from "
    others = [
        f"{other.target.removeprefix(begin)} {estimate(other.value, other.low, other.high)}"
        for other in rows
        if other.score == SCORE and other.target.startswith(begin) and isinstance(other.value, float)
    ]
    beside = f"; without deconvolution: {', '.join(others)}" if others else ""
    text = f"{numbers}{beside} ({row.note})."
    if row.floor is None:
        return Statement("neutral", f"Events beside true spikes, in {row.target}", text)
    lowest = row.value if row.low is None else row.low
    tone: Tone = "good" if lowest > row.floor else "caution" if row.value > row.floor else "bad"
    verdict = {
        "good": "Events follow true spikes better than ΔF/F does",
        "caution": "Events may follow true spikes better than ΔF/F does",
        "bad": "Events follow true spikes no better than ΔF/F does",
    }[tone]
    return Statement(tone, f"{verdict}, in {row.target}", text[0].upper() + text[1:])
