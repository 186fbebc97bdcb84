"""Scores of a session to what may be concluded from them: sentences, each with its number and its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alveus.report.formatting import estimate, interval
from alveus.report.inputs import ModelReport
from alveus.report.score_rows import ScoreRow, summary
from alveus.report.words import score_words

CHOOSES = "co_smoothing"
"""The score that chooses a model: no method can win it by copying what it is shown."""

ACTIVE_THRESHOLD = 0.01  # of the prior's variance; Burda, Grosse & Salakhutdinov 2016

Tone = Literal["good", "caution", "bad", "neutral"]
Standing = Literal["above", "unclear", "below", "unknown"]


@dataclass(frozen=True)
class Statement:
    """One conclusion: its tone, the conclusion in a few words, and the numbers behind it."""

    tone: Tone
    headline: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """What to do with a session's latents, and every conclusion that leads there.

    Parameters
    ----------
    recommended
        Name of the model to use, or the empty string.
    summary
        Its tone, a short headline for tables, and one sentence.
    statements
        The conclusions one by one.
    """

    recommended: str
    summary: Statement
    statements: tuple[Statement, ...]


def standing(row: ScoreRow) -> Standing:
    """Where a score stands against its floor, its whole interval counted."""
    if not row.ok or not isinstance(row.value, float) or row.floor is None:
        return "unknown"
    if row.value <= row.floor:
        return "below"
    return "above" if row.low is not None and row.low > row.floor else "unclear"


def with_interval(row: ScoreRow) -> str:
    """Write a score's value with its interval and unit."""
    if not isinstance(row.value, float):
        return str(row.value)
    unit = score_words(row.score).unit
    parts = (estimate(row.value, row.low, row.high), interval(row.low, row.high), unit)
    return " ".join(part for part in parts if part)


def _floor_text(row: ScoreRow) -> str:
    if row.floor is None:
        return "no floor is known"
    name = f" ({row.floor_name})" if row.floor_name else ""
    return f"floor {estimate(row.floor, row.low, row.high)}{name}"


def _value(row: ScoreRow) -> float:
    return row.value if isinstance(row.value, float) else float("-inf")


def _against_floor(best: ScoreRow) -> Statement:
    label = score_words(best.score).label
    numbers = f"{label.capitalize()} {with_interval(best)}, {_floor_text(best)}."
    match standing(best):
        case "above":
            return Statement(
                "good",
                f"{best.model} predicts units it never saw better than chance",
                f"{numbers} The whole interval lies above the floor.",
            )
        case "unclear":
            return Statement(
                "caution",
                f"{best.model}, the best model, is not clearly above chance",
                f"{numbers} The value is above the floor, but not the whole of a 95 % interval.",
            )
        case "below":
            return Statement(
                "bad",
                "No model predicts units it never saw better than chance",
                f"The best is {best.model}: {numbers} What its latents show may be noise.",
            )
        case _:
            return Statement("caution", f"{best.model} has the best {label}, but no floor to judge it by", numbers)


def _linear_against_nonlinear(linear: ScoreRow, other: ScoreRow) -> tuple[bool, Statement]:
    """Whether the other model earns its complexity: only when its whole interval lies above PCA's."""
    numbers = f"Co-smoothing: {other.model} {with_interval(other)}, {linear.model} {with_interval(linear)}."
    bounds = (linear.low, linear.high, other.low, other.high)
    if any(bound is None for bound in bounds):
        text = f"{numbers} Without an interval on both a difference cannot be told from chance."
        return False, Statement("caution", f"Use PCA: {other.model} is not shown to be better", text)
    assert linear.high is not None and other.low is not None  # noqa: S101, PT018  (for the type checker)
    assert linear.low is not None and other.high is not None  # noqa: S101, PT018
    if other.low > linear.high:
        text = f"{numbers} The 95 % intervals do not overlap."
        return True, Statement("good", f"{other.model} is better than PCA", text)
    if other.high < linear.low:
        text = f"{numbers} The 95 % intervals do not overlap, and PCA's is the higher."
        return False, Statement("bad", f"Use PCA: it is better than {other.model}", text)
    text = f"{numbers} The 95 % intervals overlap; of two that cannot be told apart, take the simpler."
    return False, Statement("caution", f"Use PCA: {other.model} is not shown to be better", text)


def _activity(model: ModelReport, row: ScoreRow) -> Statement:
    if not row.ok or not isinstance(row.value, float):
        return Statement("neutral", f"Active latents of {model.name} are unknown", f"{row.reason}.")
    rule = f"Active: the posterior mean varies by more than {ACTIVE_THRESHOLD} of the prior's variance"
    spread = f"; {row.note}" if row.note.startswith("median") else ""
    count = f"{estimate(row.value, None, None)} of {model.n_latents}"
    if row.value < 1:
        return Statement(
            "bad",
            f"{model.name} has collapsed: none of its {model.n_latents} latents is active",
            f"{rule}{spread}. Its latents say nothing about the recording; what they show comes from the prior.",
        )
    tone: Tone = "good" if row.value >= model.n_latents / 2 else "caution"
    return Statement(tone, f"{count} latents of {model.name} are active", f"{rule}{spread}.")


def _truth(model: str, row: ScoreRow, ceilings: Sequence[ScoreRow]) -> Statement:
    tones: dict[Standing, Tone] = {"above": "good", "unclear": "caution", "below": "bad", "unknown": "neutral"}
    best = "; ".join(f"{with_interval(ceiling)} is the {ceiling.target}" for ceiling in ceilings)
    label = score_words(row.score).label
    return Statement(
        tones[standing(row)],
        f"{model} recovers {estimate(_value(row), row.low, row.high)} of the variance of the true latents",
        f"{label} {with_interval(row)}, {_floor_text(row)}{'; ' + best if best else ''}.",
    )


def _summarize(best: ScoreRow, recommended: str, collapsed: set[str], compared: Statement | None) -> Statement:
    place = standing(best)
    if place == "below":
        return Statement("bad", "no model beats chance", "Do not interpret these latents.")
    if place != "above":
        return Statement("caution", "not clearly above chance", "Interpret these latents with great care.")
    if recommended in collapsed:
        return Statement("bad", f"{recommended} collapsed", "Its latents say nothing about the recording.")
    if compared is None:
        return Statement(
            "good", f"{recommended} beats chance", "There is no second kind of model to compare with."
        )
    if compared.tone == "good":
        return Statement("good", f"use {recommended}", "It predicts units it never saw better than PCA does.")
    return Statement("caution", "use PCA", "The more complex model is not shown to be worth it in this session.")


def judge(models: Sequence[ModelReport], rows: Mapping[str, Sequence[ScoreRow]]) -> Verdict:
    """Conclude from the scores of one session.

    A model is above chance when its whole 95 % interval of co-smoothing lies above its floor, and better than
    PCA when its whole interval lies above PCA's (stricter than a test of the difference). A model without an
    active latent is never recommended.

    Parameters
    ----------
    models
        Fitted models.
    rows
        Rows of this session by the model's name, those of no model under the empty string.
    """
    if not models:
        text = "This study prepares and describes its recordings only."
        return Verdict(
            "", Statement("neutral", "no models", text), (Statement("neutral", "No model was fitted", text),)
        )
    found = {m.name: summary(rows.get(m.name, ()), CHOOSES) for m in models}
    scored = {name: row for name, row in found.items() if row is not None and row.ok}
    active = {m.name: summary(rows.get(m.name, ()), "active_latents") for m in models}
    collapsed = {name for name, r in active.items() if r and r.ok and isinstance(r.value, float) and r.value < 1}
    statements = []
    recommended, compared = "", None
    if scored:
        best = max(scored.values(), key=_value)
        recommended = best.model
        statements.append(_against_floor(best))
        linear = [scored[m.name] for m in models if m.method == "pca" and m.name in scored]
        others = [scored[m.name] for m in models if m.method != "pca" and m.name in scored]
        alive = [row for row in others if row.model not in collapsed] or others
        if linear and alive:
            pca = max(linear, key=_value)
            better, compared = _linear_against_nonlinear(pca, max(alive, key=_value))
            recommended = max(alive, key=_value).model if better else pca.model
            statements.append(compared)
        elif others:
            text = "Without PCA on the same bins nothing says that a more complex model is worth it: add one."
            statements.append(Statement("caution", "There is no PCA to compare with", text))
        overall = _summarize(best, recommended, collapsed, compared)
    else:
        reasons = sorted({row.reason for row in found.values() if row is not None})
        text = "; ".join(reasons) or "there are no scores"
        overall = Statement("neutral", "no verdict", f"Co-smoothing is missing: {text}.")
        statements.append(Statement("neutral", "No model can be judged by co-smoothing", f"{text}."))
    for model in models:
        row = active[model.name]
        if row is not None and (row.ok or model.method in ("vae", "autoencoder")):
            statements.append(_activity(model, row))
    for name in [recommended] if recommended else []:
        row = summary(rows.get(name, ()), "truth_r2")
        if row is not None and row.ok:
            ceilings = [r for r in rows.get("", ()) if r.score == "truth_r2" and r.ok]
            statements.append(_truth(name, row, ceilings))
    usable = recommended if overall.tone in ("good", "caution") else ""
    return Verdict(usable, overall, tuple(statements))
