"""Scores of the members of a sweep to its tables: rate against distortion, and the choice by co-smoothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from alveus.report.score_rows import ScoreRow
from alveus.report.verdict import choosing

Sweeps = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Name of a sweep → name of a member → the values that make it."""

COLUMNS = (
    "session", "sweep", "model", "values", "rate", "distortion", "co_smoothing", "co_smoothing_low",
    "co_smoothing_high", "score", "chosen",
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One member of a sweep in one session.

    Parameters
    ----------
    session, sweep, model
        Names.
    values
        Of the settings that are swept.
    rate
        KL divergence of posterior from prior on test bins [nats per bin], median over seeds.
    distortion
        Minus the decoder's log-likelihood of test bins [nats per bin], median over seeds. Over a sweep of β the
        two make the rate–distortion curve (Alemi et al., 2018, ICML): as one rises the other falls.
    co_smoothing
        Row of the score, with its interval; in R² of activity that is no count.
    chosen
        Whether it is the choice: the fewest latents among those whose interval of co-smoothing reaches the best
        value; among as many latents, the best value.
    """

    session: str
    sweep: str
    model: str
    values: Mapping[str, Any]
    rate: float | None
    distortion: float | None
    co_smoothing: ScoreRow | None
    chosen: bool = False


def sweep_members(
    sweeps: Sweeps, latents: Mapping[str, int], by_session: Mapping[str, Mapping[str, Sequence[ScoreRow]]]
) -> list[Member]:
    """Return every member of every sweep in every session that has scores of it.

    Parameters
    ----------
    sweeps
        Of the study.
    latents
        Number of latents by model.
    by_session
        Session → model → its rows.
    """
    found = []
    for session, models in by_session.items():
        for sweep, members in sweeps.items():
            group = [
                _member(session, sweep, model, values, models[model])
                for model, values in members.items()
                if models.get(model)
            ]
            choice = _choice(group, latents)
            found += [replace(member, chosen=member.model == choice) for member in group]
    return found


def sweeps_csv(members: Sequence[Member]) -> str:
    """Return the table, with nothing but its header where there is no sweep."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for m in members:
        row = m.co_smoothing
        numbers = [m.rate, m.distortion, *((row.value, row.low, row.high) if row else (None, None, None))]
        writer.writerow(
            (
                m.session,
                m.sweep,
                m.model,
                json.dumps(dict(m.values)),
                *("" if n is None else n for n in numbers),
                row.score if row else "",
                "yes" if m.chosen else "",
            )
        )
    return text.getvalue()


def _member(session: str, sweep: str, model: str, values: Mapping[str, Any], rows: Sequence[ScoreRow]) -> Member:
    log_likelihood = _number(rows, "log_likelihood", "decoder")
    return Member(
        session,
        sweep,
        model,
        values,
        _number(rows, "kl", ""),
        None if log_likelihood is None else -log_likelihood,
        _ok(choosing(rows)),
    )


def _choice(members: Sequence[Member], latents: Mapping[str, int]) -> str | None:
    rows = {m.model: m.co_smoothing for m in members if m.co_smoothing is not None}
    values = {model: float(row.value) for model, row in rows.items() if row.value is not None}
    if not values:
        return None
    best = max(values.values())
    reach = [model for model in values if (high := rows[model].high) is None or high >= best]
    return min(reach, key=lambda model: (latents[model], -values[model]))


def _number(rows: Sequence[ScoreRow], score: str, target: str) -> float | None:
    values = [
        float(r.value) for r in rows if (r.score, r.target) == (score, target) and r.ok and r.value is not None
    ]
    return median(values) if values else None


def _ok(row: ScoreRow | None) -> ScoreRow | None:
    return row if row is not None and row.ok else None
