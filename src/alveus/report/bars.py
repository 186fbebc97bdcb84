"""A score with its interval and floor to a small drawing for a table's cell."""

from collections.abc import Iterable

from markupsafe import Markup

from alveus.report.score_rows import ScoreRow
from alveus.report.words import score_words

WIDTH, HEIGHT = 120, 14  # user units of the drawing; the style sheet sets its size
MARGIN = 4


def span(rows: Iterable[ScoreRow]) -> tuple[float, float] | None:
    """Find the common range of a column: its values, intervals and floors, and 0 where distance from it counts."""
    rows = list(rows)
    numbers = [
        float(x)
        for row in rows
        if row.ok and isinstance(row.value, float)
        for x in (row.value, row.low, row.high, row.floor)
        if x is not None
    ]
    if not numbers:
        return None
    if any(score_words(row.score).from_zero for row in rows):
        numbers.append(0.0)
    low, high = min(numbers), max(numbers)
    return (low, high) if high > low else (low - 1, high + 1)


def interval_bar(row: ScoreRow, low: float, high: float) -> Markup:
    """Draw a value as a dot, its interval as a line, its floor as a tick with all below it shaded.

    The drawing repeats numbers that stand beside it, so that screen readers are told to skip it.

    Parameters
    ----------
    row
        A row with a number.
    low, high
        Range of the drawing, the same for all rows of a column.
    """

    def place(x: float) -> str:
        share = min(1.0, max(0.0, (x - low) / (high - low)))
        return f"{MARGIN + share * (WIDTH - 2 * MARGIN):.1f}"

    middle = HEIGHT / 2
    parts = [f'<line class="axis" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{middle}" y2="{middle}"/>']
    if row.floor is not None:
        x = place(row.floor)
        parts.append(f'<rect class="below" x="0" y="1" width="{x}" height="{HEIGHT - 2}"/>')
        parts.append(f'<line class="floor" x1="{x}" x2="{x}" y1="1" y2="{HEIGHT - 1}"/>')
    if row.low is not None and row.high is not None:
        parts.append(
            f'<line class="interval" x1="{place(row.low)}" x2="{place(row.high)}" y1="{middle}" y2="{middle}"/>'
        )
    if isinstance(row.value, float):
        parts.append(f'<circle class="value" cx="{place(row.value)}" cy="{middle}" r="3.2"/>')
    body = "".join(parts)
    return Markup(  # noqa: S704  (numbers only)
        f'<svg class="bar" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">{body}</svg>'
    )
