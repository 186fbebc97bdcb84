"""Activity of a session to its raster with behaviour, and to rates and Fano factors of its units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb

from alveus.report.figures.behavior import draw_behavior, has_data
from alveus.report.figures.plot import (
    BLUE,
    INK,
    MUTED,
    PLAIN,
    VERMILLION,
    Plot,
    drawing,
    new_figure,
    plain_log,
    tidy,
    to_svg,
)
from alveus.report.formatting import counted, number, seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alveus.report.inputs import ActivityWindow

MAX_COLUMNS, MAX_ROWS = 1500, 600  # cells of the raster image: as many as a screen can show
MAX_VECTOR_POINTS = 1500  # above this, points are drawn as pixels
MAX_SNIPPETS = 3


def pool(values: NDArray[np.generic], size: int, axis: int) -> NDArray[np.float64]:
    """Average neighbours along an axis so that at most `size` remain.

    >>> pool(np.array([1, 3, 5, 7, 9]), 3, 0)
    array([2., 6., 9.])
    """
    length = values.shape[axis]
    width = -(-length // size)
    if width <= 1:
        return values.astype(np.float64)
    starts = np.arange(0, length, width)
    shape = [1] * values.ndim
    shape[axis] = -1
    widths = np.diff(np.r_[starts, length]).reshape(shape)
    return np.asarray(np.add.reduceat(values.astype(np.float64), starts, axis=axis) / widths)


def _image(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """Turn counts (time, unit) into an image (unit, time, rgba): one blue, the more opaque the more activity."""
    cells = pool(pool(counts, MAX_COLUMNS, 0), MAX_ROWS, 1).T
    positive = cells[cells > 0]
    top = float(np.percentile(positive, 98)) if positive.size else 1.0
    image = np.empty((*cells.shape, 4))
    image[..., :3] = to_rgb(PLAIN)
    image[..., 3] = np.where(cells > 0, 0.3 + 0.7 * np.clip(cells / top, 0, 1), 0)
    return image


def raster(window: ActivityWindow, quantity: str) -> Plot:
    """Draw an example stretch: the population's rate, every unit's activity, behaviour below."""
    times, counts = np.asarray(window.times, float), np.asarray(window.counts)
    if quantity != "counts":  # of arbitrary units of measure: else a single unit could be all there is to see
        spread = counts.std(axis=0, dtype=np.float64)
        counts = counts / np.where(spread > 0, spread, 1.0)
    n_bins, n_units = counts.shape
    bin_size = float(np.median(np.diff(times))) if n_bins > 1 else 1.0
    snippets = [s for s in window.behavior if has_data(s)][:MAX_SNIPPETS]
    order = np.argsort(-counts.sum(axis=0, dtype=np.float64), kind="stable")
    body = float(np.clip(n_units / 40, 1.4, 3.4))
    title = f"Activity of {counted(n_units, 'unit')} over {seconds(n_bins * bin_size)}"
    alt = f"Raster of {counted(n_units, 'unit')}, {quantity} in bins of {seconds(bin_size)}"
    with drawing():
        figure = new_figure(0.9 + body + 0.62 * len(snippets) + 0.35)
        grid = figure.subplots(
            2 + len(snippets), 1, sharex=True, squeeze=False,
            height_ratios=[0.7, body] + [0.55] * len(snippets),
        )[:, 0]  # fmt: skip
        mean, middle = pool(counts.mean(axis=1), MAX_COLUMNS, 0), pool(times, MAX_COLUMNS, 0)
        scale = bin_size if quantity == "counts" else 1.0
        grid[0].fill_between(middle, mean / scale, color=BLUE, alpha=0.35, linewidth=0)
        grid[0].set_ylabel(
            "mean rate [Hz]" if quantity == "counts" else f"mean {quantity}", rotation=0, ha="right", va="center"
        )
        grid[0].set_ylim(bottom=min(0.0, float(np.nanmin(mean)) / scale))
        edge = bin_size / 2
        grid[1].imshow(
            _image(counts[:, order]), aspect="auto", interpolation="none", origin="upper",
            extent=(times[0] - edge, times[-1] + edge, n_units + 0.5, 0.5),
        )  # fmt: skip
        grid[1].set_ylabel("unit, most\nactive first", rotation=0, ha="right", va="center")
        grid[1].set_yticks([1, n_units] if n_units > 1 else [1])
        for axes, snippet in zip(grid[2:], snippets, strict=True):
            draw_behavior(axes, snippet)
        for axes in grid:
            tidy(axes)
            axes.spines["bottom"].set_visible(axes is grid[-1])
            axes.tick_params(axis="x", length=3 if axes is grid[-1] else 0)
        grid[-1].set_xlabel("time in the recording [s]")
        figure.align_ylabels(list(grid))
        svg = to_svg(figure, "raster", alt)
    scale_says = "" if quantity == "counts" else ", in units of each unit's standard deviation"
    return Plot(
        title, alt,
        f"Each row is a unit, each column a bin of {seconds(bin_size)}; a stronger colour is more {quantity}"
        f"{scale_says}. Above, the mean over units; below, behaviour in the same bins.",
        "blank columns across all units (lost data), columns filled in all units at once (artefacts), "
        f"two rows with the same pattern (one cell {'sorted' if quantity == 'counts' else 'found'} twice).",
        svg,
    )  # fmt: skip


def rates_and_fano(rates: NDArray[np.float64], fano: NDArray[np.float64] | None, quantity: str) -> Plot:
    """Draw the units' rates in order, and their Fano factors against them."""
    rates = np.asarray(rates, float)
    unit = {"counts": "Hz", "dff": "ΔF/F"}.get(quantity, f"{quantity} per second")
    traces = quantity == "dff"  # which lie about 0: no unit is silent, and some have a mean below it
    silent = 0 if traces else int((rates <= 0).sum())
    ordered = np.sort(rates if traces else rates[rates > 0])[::-1]
    middle = number(float(np.median(rates))) if rates.size else "unknown"
    alt = f"Mean rates of {counted(rates.size, 'unit')}, median {middle} {unit}"
    with drawing():
        figure = new_figure(2.6)
        left, right = figure.subplots(1, 2)
        dots = rates.size <= MAX_VECTOR_POINTS
        left.plot(np.arange(1, ordered.size + 1), ordered, ".", color=BLUE, markersize=5, rasterized=not dots)
        if ordered.size:
            if not traces:
                left.set_yscale("log")
                plain_log(left.yaxis)
            left.axhline(
                float(np.median(rates)) or float(ordered[-1]), color=MUTED, linewidth=0.9, linestyle=(0, (4, 3))
            )
        left.set_xlabel("unit, most active first")
        left.set_title("Mean ΔF/F" if traces else f"Mean rate [{unit}]")
        if fano is None or not np.isfinite(fano).any():
            right.text(
                0.5, 0.5, "Fano factors are not defined\nfor these data", ha="center", va="center", color=MUTED
            )
            right.set_axis_off()
        else:
            fano = np.asarray(fano, float)
            shown = np.isfinite(fano) & (rates > 0)
            right.plot(rates[shown], fano[shown], ".", color=VERMILLION, markersize=5, rasterized=not dots)
            right.set_xscale("log")
            plain_log(right.xaxis)
            right.axhline(1, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
            right.annotate(
                "Poisson of constant rate", (1, 1), (-2, -3), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="top", fontsize=8, color=MUTED,
            )  # fmt: skip
            right.set_xlabel(f"mean rate [{unit}]")
            right.set_title("Fano factor (variance / mean of counts)")
            alt += f"; Fano factors, median {number(float(np.median(fano[shown])))}"
        tidy(left, grid="y")
        tidy(right, grid="y")
        svg = to_svg(figure, "rates", alt)
    if quantity == "counts":
        right_says = (
            "Right: 1 is what Poisson counts of a constant rate give; behaviour that drives a unit lifts it."
        )
        look_for = (
            "many units below 0.1 Hz (bins are nearly always empty), units far above 100 Hz (hash or multi-unit), "
            "Fano factors far above 2 (a Poisson likelihood will be too narrow) or well below 1 at high rates."
        )
    else:
        right_says = (
            f"Units of measure are arbitrary: that one unit has more {quantity} than another says nothing of how "
            "active it is."
        )
        look_for = (
            "a few units far below all others (no cell, or one that is never active), or far above (a bright "
            "artefact)."
        )
    without = f" {counted(silent, 'unit')} without activity not drawn." if silent else ""
    return Plot(
        "Rates and variability of the units", alt,
        f"Left: one dot a unit, the dashed line is the median ({middle} {unit}).{without} {right_says}",
        look_for,
        svg,
    )  # fmt: skip
