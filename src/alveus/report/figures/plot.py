"""A matplotlib figure to SVG text that sits in a page: same bytes every time, colours of the page's theme."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from alveus.report.formatting import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 9.0  # inches at 72 per inch: the figures share the width of the page's text
RASTER_DPI = 150  # of the parts with many points
RASTER_COLORS = 128  # of an image with many points: a quarter of the bytes, no difference to the eye

INK, MUTED, FAINT, BELOW = "#010203", "#010204", "#010205", "#010206"
"""Stand-ins that no figure uses otherwise; the page replaces them by the colours of its theme."""

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""Okabe & Ito's colours for all kinds of colour vision, without those that a theme would swallow."""

PLAIN = "#2b83c4"
"""Blue of what is drawn as pixels, which cannot follow the theme: it stands out from both pages."""

_THEME = {
    INK: "var(--ink)", MUTED: "var(--muted)", FAINT: "var(--line)", BELOW: "var(--below)",
    BLUE: "var(--blue)", VERMILLION: "var(--vermillion)", GREEN: "var(--green)",
    PURPLE: "var(--purple)", ORANGE: "var(--orange)", SKY: "var(--sky)",
}  # fmt: skip

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: readable by screen readers, in the page's own font
    "svg.hashsalt": "alveus",
    "text.parse_math": False,  # a session called "$x" is no formula
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.3,
    "lines.solid_capstyle": "round",
    "axes.unicode_minus": True,
    "path.simplify": True,
}


@dataclass(frozen=True)
class Plot:
    """A figure as the page shows it.

    Parameters
    ----------
    title, alt
        Its heading, and what it shows for those who cannot see it.
    read, worry
        How to read it; what would be bad.
    svg
        The drawing, safe to put into HTML.
    """

    title: str
    alt: str
    read: str
    worry: str
    svg: Markup


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the house style whatever the user's own matplotlib settings are, and leave those as they were."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", _STYLE))
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make an empty figure without a window, of a height and width in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def theme_color(color: str) -> str:
    """Colour as a value for the page's styles, which changes with its theme."""
    return _THEME[color]


def series_color(index: int) -> str:
    """Colour of the n-th series."""
    return SERIES[index % len(SERIES)]


def tidy(axes: Axes, *, grid: str = "") -> None:
    """Remove what carries no data; `grid` names the axis that gets faint lines."""
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]
        axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def plain_log(axis: Any, multiples: tuple[float, ...] = (1.0,)) -> None:
    """Label a logarithmic axis with plain numbers at these multiples of powers of ten, with none between.

    Where less than two powers of ten lie in what is drawn, 2 and 5 are labelled too.
    """
    low, high = axis.get_view_interval()
    if np.floor(np.log10(high)) - np.ceil(np.log10(low)) < 1:
        multiples = (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=multiples, numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value)))
    axis.set_minor_formatter(NullFormatter())


def _fewer_colors(found: re.Match[str]) -> str:
    """Store an image of points with a palette of its own instead of four bytes a pixel."""
    image = Image.open(io.BytesIO(base64.b64decode(found[2]))).convert("RGBA")
    smaller = io.BytesIO()
    image.quantize(RASTER_COLORS, method=Image.Quantize.FASTOCTREE).save(smaller, format="png", optimize=True)
    encoded = base64.b64encode(smaller.getvalue()).decode()
    return found[1] + (encoded if len(encoded) < len(found[2]) else found[2])


def to_svg(figure: Figure, key: str, alt: str) -> Markup:
    """Turn a figure into an SVG element without ids that clash, dates, or addresses.

    Parameters
    ----------
    figure
        The figure, drawn under `drawing`.
    key
        Unique on the page; prefixes the ids that the drawing refers to.
    alt
        Its text alternative.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", dpi=RASTER_DPI, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<g id=\"[^\"]*\"", "<g", text)
    prefix = re.sub(r"\W+", "-", key)
    for pattern in (r'(\bid=")([^"]+")', r"(url\(#)([^)]+\))", r'(xlink:href="#)([^"]+")'):
        text = re.sub(pattern, rf"\g<1>{prefix}-\g<2>", text)
    for color, variable in _THEME.items():
        text = re.sub(rf"((?:fill|stroke|color|stop-color): ?){color}\b", rf"\g<1>{variable}", text)
    text = re.sub(
        r'(xlink:href="data:image/png;base64,)([^"]+)', _fewer_colors, text.replace("base64,\n", "base64,")
    )
    view = re.search(r'viewBox="[^"]*"', text[: text.index(">")])
    box = view.group() if view else ""
    body = re.sub(r"\n\s*", "\n", text[text.index(">") + 1 :])
    # what is inserted was escaped by matplotlib (labels) or is escaped here (the alternative)
    return Markup(f'<svg {box} role="img" aria-label="{escape(alt)}">') + Markup(body)  # noqa: S704
