"""What is known of all sessions of a dataset to its page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from alveus.report.bars import span
from alveus.report.figures import scores
from alveus.report.figures.plot import series_color, theme_color
from alveus.report.figures.sweeps import rate_distortion
from alveus.report.inputs import DatasetReport, SessionRow
from alveus.report.model_table import Cell, Column, by_model, main_columns, make_cell, pick
from alveus.report.page import render
from alveus.report.score_rows import read_rows
from alveus.report.sweeps import Member, sweep_members
from alveus.report.verdict import CHOOSES, Statement, choosing, judge


@dataclass(frozen=True)
class Line:
    """A session in the table: what it is, its best score per model, its verdict (None when it has no scores)."""

    session: SessionRow
    cells: dict[str, Cell]
    verdict: Statement | None


def _overall(verdicts: Counter[str], n_done: int) -> str:
    """Write the verdicts of all sessions as one line."""
    return ", ".join(f"{text} in {count} of {n_done}" for text, count in verdicts.most_common())


def members_of(report: DatasetReport) -> list[Member]:
    """Return every member of every sweep in every session."""
    rows = read_rows(report.scores)
    latents = {model.name: model.n_latents or 0 for model in report.models}
    by_session = {s.session: by_model(r for r in rows if r.session == s.session) for s in report.sessions}
    return sweep_members(report.sweeps, latents, by_session)


def dataset_page(report: DatasetReport) -> str:
    """Write the page of a dataset: every session, the failed ones with their reason, scores across sessions.

    Parameters
    ----------
    report
        What is known.

    Returns
    -------
    str
        One HTML file that needs nothing else but the sessions' pages beside it for its links.
    """
    rows = read_rows(report.scores)
    names = [m.name for m in report.models]
    by_session = {s.session: by_model(r for r in rows if r.session == s.session) for s in report.sessions}
    done = [s for s in report.sessions if s.outcome == "done"]
    chosen = {s.session: {n: choosing(by_session[s.session].get(n, ())) for n in names} for s in report.sessions}
    found = [row for picked in chosen.values() for row in picked.values() if row is not None]
    ends = {score: span(row for row in found if row.score == score) for score in CHOOSES}
    lines = [
        Line(
            s,
            {n: make_cell(row, None if row is None else ends[row.score]) for n, row in chosen[s.session].items()},
            judge(report.models, by_session[s.session]).summary if s.outcome == "done" else None,
        )
        for s in report.sessions
    ]
    columns: list[Column] = main_columns(by_model(row for row in rows if row.model in names))
    strip_table = {
        s.session: {n: {c: pick(by_session[s.session].get(n, ()), c) for c in columns} for n in names}
        for s in done
    }
    outcomes = Counter(s.outcome for s in report.sessions)
    verdicts = Counter(line.verdict.headline for line in lines if line.verdict is not None)
    return render(
        "dataset.html.j2",
        report.private,
        report=report,
        lines=lines,
        names=names,
        colors={n: theme_color(series_color(i)) for i, n in enumerate(names)},
        chooses=[score for score in CHOOSES if any(row.score == score for row in found)] or CHOOSES[:1],
        outcomes=outcomes,
        overall=_overall(verdicts, len(done)),
        plot=scores.strips(strip_table, columns) if done and names else None,
        units=sum(s.n_units or 0 for s in done),
        duration=sum(s.duration or 0.0 for s in done),
        members=members_of(report),
        curve=rate_distortion(members_of(report)),
    )
