"""Latents to their time courses over behaviour, and to scatter plots of pairs coloured by behaviour."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from alveus.report.figures.behavior import draw_behavior, has_data, label_with_unit, point_colors, short
from alveus.report.figures.plot import BELOW, MUTED, PLAIN, Plot, drawing, new_figure, tidy, to_svg
from alveus.report.figures.recording import pool
from alveus.report.formatting import counted, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from alveus.report.inputs import LatentExcerpt, ModelReport, Snippet

MAX_COURSES, MAX_SNIPPETS, MAX_COLUMNS = 8, 3, 1500
MAX_PAIRS, MAX_COLORINGS = 3, 3
TEST = 2  # code of the test part in a split


def by_variance(mean: NDArray[Any]) -> NDArray[np.int64]:
    """Order latents by how much their means vary, the most first."""
    return np.argsort(-np.nan_to_num(np.var(mean, axis=0, dtype=np.float64)), kind="stable")


def _test_stretches(excerpt: LatentExcerpt) -> list[tuple[float, float]]:
    inside = np.r_[False, np.asarray(excerpt.split) == TEST, False].astype(np.int8)
    starts, stops = np.flatnonzero(np.diff(inside) == 1), np.flatnonzero(np.diff(inside) == -1) - 1
    return [(float(excerpt.times[a]), float(excerpt.times[b])) for a, b in zip(starts, stops, strict=True)]


def _stack(axes: Axes, times: NDArray[Any], excerpt: LatentExcerpt, shown: NDArray[np.int64], color: str) -> None:
    """Draw latents above each other, all on one scale, so that those that hardly vary look it."""
    ranges = np.nanpercentile(excerpt.mean[:, shown], [0.5, 99.5], axis=0)
    step = 1.15 * float(np.max(ranges[1] - ranges[0])) or 1.0
    levels = -step * np.arange(len(shown))
    for latent, level, middle in zip(shown, levels, ranges.mean(axis=0), strict=True):
        mean = pool(excerpt.mean[:, latent], MAX_COLUMNS, 0) - middle + level
        if excerpt.scale is not None:
            scale = pool(excerpt.scale[:, latent], MAX_COLUMNS, 0)
            axes.fill_between(times, mean - scale, mean + scale, color=color, alpha=0.22, linewidth=0)
        axes.plot(times, mean, color=color, linewidth=0.9)
    axes.set_yticks(levels, [f"latent {latent + 1}" for latent in shown])
    axes.set_ylim(levels[-1] - 0.6 * step, 0.6 * step)


def courses(model: ModelReport, color: str) -> Plot | None:
    """Draw latents over an example stretch with their posterior's spread, behaviour below; None without one."""
    excerpt = model.course
    if excerpt is None or len(excerpt.times) < 2:
        return None
    shown = by_variance(excerpt.mean)[:MAX_COURSES]
    snippets = [s for s in excerpt.behavior if has_data(s)][:MAX_SNIPPETS]
    times = pool(np.asarray(excerpt.times, float), MAX_COLUMNS, 0)
    span = float(excerpt.times[-1] - excerpt.times[0])
    alt = f"Time courses of {len(shown)} latents of {model.name} over {seconds(span)}"
    with drawing():
        figure = new_figure(0.45 + 0.5 * len(shown) + 0.6 * len(snippets))
        ratios = [0.5 * len(shown)] + [0.55] * len(snippets)
        grid = figure.subplots(1 + len(snippets), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        _stack(grid[0], times, excerpt, shown, color)
        for axes, snippet in zip(grid[1:], snippets, strict=True):
            draw_behavior(axes, snippet)
        for axes in grid:
            for start, stop in _test_stretches(excerpt):
                axes.axvspan(start, stop, color=BELOW, linewidth=0, zorder=-1)
            tidy(axes)
            axes.margins(x=0.005)
            axes.spines["bottom"].set_visible(axes is grid[-1])
            axes.tick_params(axis="x", length=3 if axes is grid[-1] else 0)
        grid[-1].set_xlabel("time in the recording [s]")
        svg = to_svg(figure, f"courses-{model.name}", alt)
    dropped = excerpt.mean.shape[1] - len(shown)
    more = f" {counted(dropped, 'latent')} that vary least are left out." if dropped > 0 else ""
    band = (
        "the band is one posterior standard deviation"
        if excerpt.scale is not None
        else "this method gives no spread"
    )
    return Plot(
        f"Latents of {model.name} in time", alt,
        f"Posterior means of seed 0, the one that varies most on top, all on one scale; {band}. "
        f"Shaded bins are test bins, which the model was not fitted on.{more}",
        "latents that look calm outside the shaded bins only (over-fitting), steps at the edges of trials or "
        "files (drift), a band as wide as the latent's whole range (it says nothing).",
        svg,
    )  # fmt: skip


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Find the ends of an axis, the same whichever bins a variable is known in."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _key(figure: Figure, axes: NDArray[Any], snippet: Snippet, key: Any) -> None:
    """Explain the colours at the right end of a row of scatter plots."""
    if isinstance(key, list):
        style: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 5}
        handles = [Line2D([], [], color=color, label=name, **style) for name, color in key]
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "handletextpad": 0.2}
        axes[-1].legend(handles=handles, title=short(snippet.name), **place)
        return
    bar = figure.colorbar(key, ax=list(axes), fraction=0.03, pad=0.015, aspect=22)
    bar.set_label(short(label_with_unit(snippet)))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)


def _points(axes: Axes, x: NDArray[Any], y: NDArray[Any], colors: NDArray[Any] | None) -> None:
    """Draw the bins in which the variable is known; the axes span all bins."""
    seen = np.ones(x.size, bool) if colors is None else colors[:, 3] > 0
    color: Any = PLAIN if colors is None else colors[seen]
    axes.scatter(x[seen], y[seen], c=color, s=5, linewidths=0, alpha=0.75, rasterized=True)
    axes.set_xlim(*_range(x))
    axes.set_ylim(*_range(y))
    axes.tick_params(length=0)
    axes.locator_params(nbins=4)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_alpha(0.5)
        spine.set_color(MUTED)


def scatter(model: ModelReport) -> Plot | None:
    """Draw pairs of latents, a row for each of the first behavioural variables; None without points."""
    cloud = model.cloud
    if cloud is None or len(cloud.times) < 2 or cloud.mean.shape[1] < 2:
        return None
    pairs = list(combinations(by_variance(cloud.mean)[:3].tolist(), 2))[:MAX_PAIRS]
    colorings = [s for s in cloud.behavior if has_data(s)][:MAX_COLORINGS]
    names = ", ".join(s.name for s in colorings)
    alt = f"Scatter plots of {len(pairs)} pairs of latents of {model.name}"
    alt += f", coloured by {names}" if names else ""
    with drawing():
        rows: list[Snippet | None] = [*colorings] or [None]
        figure = new_figure(2.75 * len(rows) + 0.1)
        grid = figure.subplots(len(rows), len(pairs), squeeze=False)
        for axes_row, snippet in zip(grid, rows, strict=True):
            colors, key = (None, None) if snippet is None else point_colors(snippet)
            for axes, (a, b) in zip(axes_row, pairs, strict=True):
                _points(axes, cloud.mean[:, a], cloud.mean[:, b], colors)
                axes.set_xlabel(f"latent {a + 1}")
                axes.set_ylabel(f"latent {b + 1}")
            if snippet is not None:
                _key(figure, axes_row, snippet, key)
        svg = to_svg(figure, f"scatter-{model.name}", alt)
    meaning = (
        "Colours that lie in order mean that the latents carry the variable"
        if names
        else "This session has no behaviour to colour them by"
    )
    return Plot(
        f"Latents of {model.name} against {'behaviour' if names else 'each other'}",
        alt,
        f"Each dot is one of {counted(len(cloud.times), 'bin')} spread over the session; seed 0, the latents that "
        f"vary most. {meaning}; axes, signs and scale are arbitrary.",
        "a round cloud with colours mixed (nothing about this variable), separate clouds by time (drift), "
        "stripes or a few far points (artefacts).",
        svg,
    )
