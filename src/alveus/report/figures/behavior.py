"""Behaviour to small panels under another figure's time axis, and to colours of points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize, to_rgba
from matplotlib.ticker import MaxNLocator

from alveus.report.figures.plot import INK, MUTED, SERIES, series_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from numpy.typing import NDArray

    from alveus.report.inputs import Snippet

MAX_COMPONENTS = 3  # of a behavioural variable with many columns; more would not be readable
MAX_POINTS = 1500  # of a line
MAX_LABELS = 20  # categories with a colour of their own

LABELLED_SHARE = 0.08  # of the window: a shorter stretch of a category has no room for its name

VIRIDIS_ENDS = (0.12, 0.94)
"""Part of viridis that stands out from a white and from a dark page."""


def label_with_unit(snippet: Snippet) -> str:
    """Name of a variable with its unit."""
    return f"{snippet.name} [{snippet.unit}]" if snippet.unit else snippet.name


def short(text: str, most: int = 26) -> str:
    """Cut a long name so that it fits beside a figure."""
    return text if len(text) <= most else text[: most - 1] + "…"


def has_data(snippet: Snippet) -> bool:
    """Whether any bin has a value."""
    values = np.asarray(snippet.values)
    return bool((values >= 0).any() if snippet.kind == "categorical" else np.isfinite(values).any())


def _break_wraps(values: NDArray[Any], period: float) -> NDArray[Any]:
    """Lift the pen where a circular variable jumps over its end."""
    broken = np.array(values, float)
    broken[1:][np.abs(np.diff(values)) > period / 2] = np.nan
    return broken


def draw_behavior(axes: Axes, snippet: Snippet) -> None:
    """Draw a variable over time: lines, points for angles, coloured stretches for categories."""
    if snippet.kind == "categorical":
        _draw_stretches(axes, snippet)
    else:
        every = -(-len(snippet.times) // MAX_POINTS)
        times, values = snippet.times[::every], np.asarray(snippet.values)[::every]
        for i, column in enumerate(values.reshape(len(values), -1)[:, :MAX_COMPONENTS].T):
            line = _break_wraps(column, snippet.period) if snippet.period else column
            axes.plot(times, line, color=MUTED if i == 0 else series_color(i), linewidth=1.2)
        axes.yaxis.set_major_locator(MaxNLocator(2))
    axes.set_ylabel(short(label_with_unit(snippet)), rotation=0, ha="right", va="center", labelpad=8)


def _draw_stretches(axes: Axes, snippet: Snippet) -> None:
    codes = np.asarray(snippet.values)
    edges = np.flatnonzero(np.diff(codes)) + 1
    step = float(np.median(np.diff(snippet.times))) if len(snippet.times) > 1 else 1.0
    middle = axes.get_xaxis_transform()
    for start, stop in zip(np.r_[0, edges], np.r_[edges, codes.size], strict=True):
        code = int(codes[start])
        if code < 0:
            continue
        left = float(snippet.times[start]) - step / 2
        right = left + float(stop - start) * step
        axes.axvspan(left, right, color=series_color(code), alpha=0.45, linewidth=0)
        if stop - start >= LABELLED_SHARE * codes.size and code < len(snippet.labels):
            name = short(snippet.labels[code], 16)
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8.5, "color": INK}
            axes.text((left + right) / 2, 0.5, name, transform=middle, **style)
    axes.set_yticks([])


def sequential_map() -> Colormap:
    """Viridis without the ends that a page's background would swallow."""
    return ListedColormap(mpl.colormaps["viridis"](np.linspace(*VIRIDIS_ENDS, 256)), "viridis-middle")


def circular_map() -> Colormap:
    """Four colours told apart by all kinds of colour vision, closed to a circle of even lightness."""
    stops = ["#0072b2", "#009e73", "#e69f00", "#cc6677", "#0072b2"]
    return LinearSegmentedColormap.from_list("circle", stops)


def point_colors(snippet: Snippet) -> tuple[NDArray[Any], Any]:
    """Colours of the bins of a snippet.

    Returns
    -------
    colors
        (n_bins, 4); bins without a value are transparent.
    key
        For a colour bar (a ``ScalarMappable``), or for categories a list of (label, colour).
    """
    values = np.asarray(snippet.values)
    if snippet.kind == "categorical":
        colors = np.zeros((len(values), 4))
        shown = [int(code) for code in np.unique(values) if code >= 0][:MAX_LABELS]
        wheel = (
            [to_rgba(SERIES[i]) for i in range(len(shown))]
            if len(shown) <= len(SERIES)
            else sequential_map()(np.linspace(0, 1, len(shown)))
        )
        key = []
        for code, color in zip(shown, wheel, strict=True):
            colors[values == code] = color
            label = snippet.labels[code] if code < len(snippet.labels) else str(code)
            key.append((short(label), tuple(color)))
        return colors, key
    column = values.reshape(len(values), -1)[:, 0].astype(float)
    if snippet.kind == "circular" and snippet.period:
        norm, colormap = Normalize(0, snippet.period), circular_map()
        column = np.mod(column, snippet.period)
    else:
        ends = np.nanpercentile(column, [2, 98])  # one outlier would leave one colour to all others
        norm, colormap = Normalize(float(ends[0]), float(max(ends[1], ends[0] + 1e-12))), sequential_map()
    colors = np.asarray(colormap(norm(column)))
    colors[~np.isfinite(column)] = 0
    return colors, ScalarMappable(norm, colormap)
