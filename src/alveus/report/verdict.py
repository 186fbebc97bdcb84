"""Scores of a session to what may be concluded from them: sentences, each with its number and its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alveus.report.formatting import estimate, interval
from alveus.report.inputs import ModelReport
from alveus.report.score_rows import ScoreRow, summary
from alveus.report.words import score_words

CHOOSES = ("co_smoothing", "co_smoothing_r2")
"""The score that chooses a model, of counts and of other activity: no method can win it by copying what it is
shown."""

SIMPLEST_FIRST = (("pca",), ("factor_analysis", "ica", "nmf"), ("autoencoder", "vae"))
"""Methods in rungs of a ladder: each rung must be shown to be better than what the rungs before it offer."""

ACTIVE_THRESHOLD = 0.01  # of the prior's variance; Burda, Grosse & Salakhutdinov 2016

FATES: dict[float | str | None, Tone] = {
    "collapsed": "bad",
    "bypassed": "bad",
    "ignored": "caution",
    "conditionally collapsed": "caution",
    "seeds disagree": "caution",
}
"""Words of `collapse_verdict` that say more than how many latents are active; bad: latents are worth nothing."""

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


def choosing(rows: Sequence[ScoreRow]) -> ScoreRow | None:
    """Return the row that a model is chosen by: the first with a value, else the last, which says why not."""
    found = [row for score in CHOOSES if (row := summary(rows, score)) is not None]
    return next((row for row in found if row.ok), found[-1] if found else None)


def _value(row: ScoreRow) -> float:
    return row.value if isinstance(row.value, float) else float("-inf")


def _against_floor(best: ScoreRow) -> Statement:
    label = score_words(best.score).label
    numbers = f"{label[:1].upper()}{label[1:]} {with_interval(best)}, {_floor_text(best)}."
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


def _simple_against_complex(simple: ScoreRow, name: str, other: ScoreRow) -> tuple[bool, Statement]:
    """Whether the other model earns its complexity: only when its whole interval lies above the simple one's.

    Parameters
    ----------
    simple
        Score of the simpler model.
    name
        What to call it.
    other
        Score of the more complex model.
    """
    label = score_words(other.score).label
    values = f"{other.model} {with_interval(other)}, {simple.model} {with_interval(simple)}"
    numbers = f"{label[:1].upper()}{label[1:]}: {values}."
    bounds = (simple.low, simple.high, other.low, other.high)
    if any(bound is None for bound in bounds):
        text = f"{numbers} Without an interval on both a difference cannot be told from chance."
        return False, Statement("caution", f"Use {name}: {other.model} is not shown to be better", text)
    assert simple.high is not None and other.low is not None  # noqa: S101, PT018  (for the type checker)
    assert simple.low is not None and other.high is not None  # noqa: S101, PT018
    if other.low > simple.high:
        text = f"{numbers} The 95 % intervals do not overlap."
        return True, Statement("good", f"{other.model} is better than {name}", text)
    if other.high < simple.low:
        text = f"{numbers} The 95 % intervals do not overlap, and that of {name} is the higher."
        return False, Statement("bad", f"Use {name}: it is better than {other.model}", text)
    text = f"{numbers} The 95 % intervals overlap; of two that cannot be told apart, take the simpler."
    return False, Statement("caution", f"Use {name}: {other.model} is not shown to be better", text)


def _climb(rungs: Sequence[ScoreRow], names: Mapping[str, str]) -> tuple[ScoreRow, list[Statement]]:
    """Go up from the simplest model as long as the next is shown to be better; return where that ends, and why."""
    chosen, statements = rungs[0], []
    for other in rungs[1:]:
        better, compared = _simple_against_complex(chosen, names[chosen.model], other)
        statements.append(compared)
        chosen = other if better else chosen
    return chosen, statements


def _rungs(models: Sequence[ModelReport], scored: Mapping[str, ScoreRow], collapsed: set[str]) -> list[ScoreRow]:
    """Return the best score of each rung of `SIMPLEST_FIRST` that has one, of models that have not collapsed."""
    best = []
    for methods in SIMPLEST_FIRST:
        rows = [scored[m.name] for m in models if m.method in methods and m.name in scored]
        alive = [row for row in rows if row.model not in collapsed] or rows
        if alive:
            best.append(max(alive, key=_value))
    return best


def _activity(model: ModelReport, row: ScoreRow, fate: ScoreRow | None) -> Statement:
    if fate is not None and fate.value in FATES:
        return Statement(
            FATES[fate.value], f"Latents of {model.name}: {fate.value}", f"{fate.note[:1].upper()}{fate.note[1:]}."
        )
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


def _summarize(best: ScoreRow, recommended: str, collapsed: set[str], simplest: tuple[str, str]) -> Statement:
    """Sum up; `simplest` holds the model that others were compared with and what to call it, or empty strings."""
    place = standing(best)
    if place == "below":
        return Statement("bad", "no model beats chance", "Do not interpret these latents.")
    if place != "above":
        return Statement("caution", "not clearly above chance", "Interpret these latents with great care.")
    if recommended in collapsed:
        return Statement("bad", f"{recommended} collapsed", "Its latents say nothing about the recording.")
    model, name = simplest
    if not model:
        return Statement(
            "good", f"{recommended} beats chance", "There is no second kind of model to compare with."
        )
    if recommended != model:
        return Statement("good", f"use {recommended}", f"It predicts units it never saw better than {name} does.")
    return Statement(
        "caution", f"use {name}", "The more complex model is not shown to be worth it in this session."
    )


def judge(models: Sequence[ModelReport], rows: Mapping[str, Sequence[ScoreRow]]) -> Verdict:
    """Conclude from the scores of one session.

    A model is above chance when its whole 95 % interval of co-smoothing lies above its floor, and better than
    a simpler one (see `SIMPLEST_FIRST`) when its whole interval lies above the other's (stricter than a test of
    the difference). A model without an active latent is never recommended.

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
    found = {m.name: choosing(rows.get(m.name, ())) for m in models}
    scored = {name: row for name, row in found.items() if row is not None and row.ok}
    active = {m.name: summary(rows.get(m.name, ()), "active_latents") for m in models}
    collapsed = {name for name, r in active.items() if r and r.ok and isinstance(r.value, float) and r.value < 1}
    fates = {m.name: summary(rows.get(m.name, ()), "collapse_verdict", "") for m in models}
    collapsed |= {name for name, fate in fates.items() if fate is not None and FATES.get(fate.value) == "bad"}
    statements = []
    recommended = ""
    if scored:
        best = max(scored.values(), key=_value)
        recommended = best.model
        statements.append(_against_floor(best))
        names = {m.name: "PCA" if m.method == "pca" else m.name for m in models}
        rungs = _rungs(models, scored, collapsed)
        simplest = ("", "")
        if len(rungs) > 1:
            chosen, compared = _climb(rungs, names)
            statements += compared
            recommended, simplest = chosen.model, (rungs[0].model, names[rungs[0].model])
        elif names[recommended] != "PCA":
            text = "Without PCA on the same bins nothing says that a more complex model is worth it: add one."
            statements.append(Statement("caution", "There is no PCA to compare with", text))
        overall = _summarize(best, recommended, collapsed, simplest)
    else:
        reasons = sorted({row.reason for row in found.values() if row is not None})
        text = "; ".join(reasons) or "there are no scores"
        overall = Statement("neutral", "no verdict", f"Co-smoothing is missing: {text}.")
        statements.append(Statement("neutral", "No model can be judged by co-smoothing", f"{text}."))
    for model in models:
        row = active[model.name]
        if row is not None and (row.ok or model.method in ("vae", "autoencoder")):
            statements.append(_activity(model, row, fates[model.name]))
    for name in [recommended] if recommended else []:
        row = summary(rows.get(name, ()), "truth_r2")
        if row is not None and row.ok:
            ceilings = [r for r in rows.get("", ()) if r.score == "truth_r2" and r.ok]
            statements.append(_truth(name, row, ceilings))
    usable = recommended if overall.tone in ("good", "caution") else ""
    return Verdict(usable, overall, tuple(statements))
