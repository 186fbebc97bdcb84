"""Fluorescence and events of a session to example traces, and to what each unit is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alveus.report.figures.plot import (
    BLUE,
    INK,
    MUTED,
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
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from alveus.report.inputs import Optical

TRACES = 6  # examples that still have room to be looked at
FEWEST_UNITS = 3  # with fewer there is no distribution to draw
MOST_POINTS = 1200  # of a trace: more than the figure is wide


def traces(optical: Optical) -> Plot | None:
    """Draw ΔF/F of units from the best to the worst signal-to-noise ratio, with their events below."""
    dff, events = optical.dff, optical.events
    if dff is None or not dff.size:
        return None
    order = np.argsort(-optical.excerpt_snr, kind="stable")
    shown = order[np.unique(np.linspace(0, order.size - 1, min(TRACES, order.size)).round().astype(int))]
    times = optical.times
    length = seconds(float(times[-1] - times[0])) if times.size > 1 else "one frame"
    what = "ΔF/F and events" if events is not None else "ΔF/F"
    alt = f"{what} of {counted(shown.size, 'unit')} over {length}"
    with drawing():
        figure = new_figure(0.5 + 0.85 * shown.size)
        for axes, unit in zip(
            figure.subplots(shown.size, 1, sharex=True, squeeze=False)[:, 0], shown, strict=True
        ):
            _trace(axes, times, dff[:, unit], None if events is None else events[:, unit])
            label = f"{optical.excerpt_units[unit]}\nSNR {number(float(optical.excerpt_snr[unit]))}"
            axes.set_ylabel(label, rotation=0, ha="right", va="center")
        axes.set_xlabel("time in the recording [s]")
        axes.spines["bottom"].set_visible(True)
        axes.tick_params(axis="x", length=3)
        svg = to_svg(figure, "traces", alt)
    below = (
        "the bars below are its events, the higher the larger, each row on a scale of its own."
        if events is not None
        else "nothing was deconvolved."
    )
    return Plot(
        f"{what} of example units", alt,
        f"Each row is a unit, from the highest to the lowest signal-to-noise ratio of the sample: ΔF/F; {below}",
        "events in the noise of a flat trace, transients without an event, a baseline that drifts or steps, "
        "the same course in all units at once (movement, neuropil).",
        svg,
    )  # fmt: skip


def _trace(
    axes: Axes, times: NDArray[np.float64], dff: NDArray[np.float32], events: NDArray[np.float32] | None
) -> None:
    every = max(1, dff.size // MOST_POINTS)
    low, high = float(dff.min()), float(max(dff.max(), dff.min() + 1e-9))
    axes.plot(times[::every], dff[::every], color=BLUE, linewidth=0.8)
    foot = low - 0.35 * (high - low)
    if events is not None and events.max() > 0:
        some = events > 0
        tops = foot + 0.3 * (high - low) * events[some] / events.max()
        axes.vlines(times[some], foot, tops, color=VERMILLION, linewidth=0.8, rasterized=some.sum() > MOST_POINTS)
    axes.axhline(0, color=MUTED, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_ylim(foot, high)
    axes.set_yticks([0, high], ["0", number(high)])
    tidy(axes)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)


def quality(optical: Optical) -> Plot | None:
    """Draw how noise and signal-to-noise ratio are distributed over the units, and how the two go together."""
    noise, snr = optical.noise_level, optical.snr
    shown = np.isfinite(noise) & np.isfinite(snr) & (noise > 0)
    if shown.sum() < FEWEST_UNITS:
        return None
    noise, snr = noise[shown], snr[shown]
    alt = (
        f"Noise level of {counted(int(shown.sum()), 'unit')}, median {number(float(np.median(noise)))}; "
        f"signal-to-noise ratio, median {number(float(np.median(snr)))}"
    )
    with drawing():
        figure = new_figure(2.6)
        left, middle, right = figure.subplots(1, 3)
        for axes, values, title, log in (
            (left, noise, "Noise level [% ΔF/F per √Hz]", True),
            (middle, snr, "Signal-to-noise ratio", False),
        ):
            low, high = float(values.min()), float(values.max())
            n = int(np.clip(2 * np.sqrt(values.size), 8, 40))
            log = log and high > low
            edges = np.geomspace(low, high, n + 1) if log else np.linspace(low, max(high, low + 1e-9), n + 1)
            axes.hist(values, edges, color=BLUE, alpha=0.6)
            axes.axvline(float(np.median(values)), color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
            if log:
                axes.set_xscale("log")
                plain_log(axes.xaxis)
            axes.set_title(title)
            axes.set_ylabel("units")
            tidy(axes, grid="y")
        right.plot(noise, snr, ".", color=VERMILLION, markersize=5, rasterized=noise.size > MOST_POINTS)
        if noise.max() > noise.min():
            right.set_xscale("log")
            plain_log(right.xaxis)
        right.set_xlabel("noise level")
        right.set_title("Signal-to-noise ratio")
        tidy(right, grid="y")
        svg = to_svg(figure, "noise", alt)
    return Plot(
        "Noise and signal of the units", alt,
        "Noise level: median difference of neighbouring frames of ΔF/F over the square root of the frame rate, in "
        "percent (Rupprecht et al., 2021), so that recordings of other rates compare. Dashed: median.",
        "noise levels above 8 (single spikes are lost), signal-to-noise ratios near that of noise alone, "
        "two groups of units (two planes, or cells and what was taken for cells).",
        svg,
    )  # fmt: skip
