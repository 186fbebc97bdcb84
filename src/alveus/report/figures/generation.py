"""Statistics of drawn recordings and of the recorded one to scatter plots with the bands of the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alveus.report.figures.plot import BLUE, MUTED, VERMILLION, Plot, drawing, new_figure, plain_log, tidy, to_svg
from alveus.report.formatting import counted, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from alveus.report.inputs import DrawnAgainstRecorded, ModelReport

MOST_ITEMS = 150  # units, pairs or stretches in a panel: more lie on top of each other

TITLES = {
    "rate": "Mean rate",
    "fano_factor": "Fano factor",
    "correlation": "Correlation of two units",
    "silent_bins": "Share of silent bins",
}


def draws(model: ModelReport, quantity: str) -> Plot | None:
    """Draw every statistic of the draws against the recorded one; None for a model that has no draws."""
    checks = [check for check in model.drawn if np.isfinite(check.recorded).any()]
    if not checks:
        return None
    outside = []
    counts = quantity == "counts"
    narrow = "Fano factors below the dashed line: the likelihood is too narrow; " if counts else ""
    with drawing():
        figure = new_figure(2.7)
        for axes, check in zip(np.atleast_1d(figure.subplots(1, len(checks))), checks, strict=True):
            missed, n = _panel(axes, check)
            unit = (" [Hz]" if counts else f" [{quantity}]") if check.statistic == "rate" else ""
            axes.set_title(TITLES[check.statistic] + unit)
            axes.set_xlabel("recorded")
            outside.append(f"{TITLES[check.statistic].lower()} {number(missed)} of {number(n)}")
        figure.axes[0].set_ylabel("drawn from the model")
        alt = f"Recordings drawn from {model.name} against the recorded one; outside: {', '.join(outside)}"
        svg = to_svg(figure, f"draws-{model.name}", alt)
    return Plot(
        f"Recordings drawn from {model.name}", alt,
        "A line is a unit (a pair of units; a stretch of test bins): the range of "
        f"{counted(checks[0].drawn.shape[0], 'draw')} from prior and decoder of seed 0, their median as a dot. It "
        "should cross the dashed line, where drawn equals recorded; those that do not are orange. At most "
        f"{MOST_ITEMS} of a kind are shown.",
        f"many more than one orange line in twenty; all lines to one side ({narrow}correlations near 0: the "
        "latents share too little).",
        svg,
    )  # fmt: skip


def _panel(axes: Axes, check: DrawnAgainstRecorded) -> tuple[int, int]:
    """Draw one statistic; returns how many items lie outside their band, and how many there are."""
    known = np.isfinite(check.recorded) & np.isfinite(check.drawn).any(axis=0)
    recorded, drawn = check.recorded[known], check.drawn[:, known]
    low, middle, high = np.nanmin(drawn, axis=0), np.nanmedian(drawn, axis=0), np.nanmax(drawn, axis=0)
    outside = (recorded < low) | (recorded > high)
    shown = np.unique(np.linspace(0, recorded.size - 1, min(MOST_ITEMS, recorded.size)).astype(int))
    positive = bool((recorded > 0).any() and (recorded >= 0).all())  # means of ΔF/F can be negative
    logarithmic = check.statistic == "rate" and positive
    if logarithmic:
        shown = shown[(recorded[shown] > 0) & (middle[shown] > 0)]
        low = np.maximum(low, 0.5 * recorded[recorded > 0].min())
    for part, color in ((~outside[shown], BLUE), (outside[shown], VERMILLION)):
        x = recorded[shown][part]
        axes.vlines(x, low[shown][part], high[shown][part], color=color, linewidth=0.9, alpha=0.6)
        axes.plot(x, middle[shown][part], ".", color=color, markersize=3.5)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
        plain_log(axes.xaxis)
        plain_log(axes.yaxis)
    ends = np.concatenate([recorded[shown], low[shown], high[shown]])
    if ends.size:
        equal = [ends.min(), ends.max()]
        axes.plot(equal, equal, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    tidy(axes, grid="y")
    n = int(np.isfinite(check.recorded).sum())  # a statistic that no draw has lies outside, too
    return n - int((~outside).sum()), n
