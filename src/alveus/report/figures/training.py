"""The history of a fit to its curves, all seeds on one drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from alveus.report.figures.plot import MUTED, Plot, drawing, new_figure, plain_log, series_color, tidy, to_svg
from alveus.report.formatting import counted, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from alveus.report.inputs import ModelReport

MOST_NAMED = 6  # seeds in the legend
MAX_POINTS = 400  # of a curve; more than the figure's pixels carry


def _thin(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= MAX_POINTS:
        return frame
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, MAX_POINTS).astype(int))]


def _curve(axes: Axes, frame: pd.DataFrame, column: str, **style: Any) -> None:
    if column not in frame:
        return
    rows = frame[["step", column]].apply(lambda c: c.astype(float)).dropna()
    if len(rows):
        axes.plot(rows["step"], rows[column], **style)


def _focus(axes: Axes, losses: NDArray[np.float64]) -> None:
    """Set the loss axis by what comes after the first steep fall, with the fall cut off above."""
    finite = losses[np.isfinite(losses)]
    if finite.size < 4:
        return
    low, high = float(finite.min()), float(np.quantile(finite, 0.9))
    if high > low:
        axes.set_ylim(low - 0.08 * (high - low), high + 0.25 * (high - low))


def seeds_of(history: pd.DataFrame) -> list[Any]:
    """List the seeds of a history in their order, without the twin.

    The twin for co-smoothing sees fewer units, so that its loss is on another scale.
    """
    return sorted((s for s in history["seed"].unique().tolist() if str(s).isdigit()), key=int)


def curves(model: ModelReport) -> Plot | None:
    """Draw losses, KL and learning rate of every seed; None without a history."""
    history = model.history
    if history is None or history.empty or not (seeds := seeds_of(history)):
        return None
    by_seed = [history[history["seed"] == seed] for seed in seeds]
    losses = [frame["validation_loss"].dropna() for frame in by_seed]
    ends = [float(loss.iloc[-1]) for loss in losses if len(loss)]
    alt = f"Training curves of {model.name}, {counted(len(seeds), 'seed')}"
    if ends:
        alt += f"; validation losses end between {number(min(ends), 4)} and {number(max(ends), 4)}"
    with drawing():
        figure = new_figure(2.9)
        loss, kl, rate = figure.subplots(1, 3, width_ratios=[1.7, 1, 1])
        for i, (seed, frame) in enumerate(zip(seeds, map(_thin, by_seed), strict=True)):
            color = series_color(i)
            _curve(loss, frame, "train_loss", color=color, alpha=0.35, linewidth=0.9)
            _curve(loss, frame, "validation_loss", color=color, label=f"seed {seed}")
            _curve(kl, frame, "kl", color=color)
            _curve(rate, frame, "learning_rate", color=color)
        _focus(loss, np.concatenate([frame["validation_loss"].to_numpy(float) for frame in by_seed]))
        loss.set_title("Loss [nats per bin]")
        kl.set_title("KL [nats per bin]")
        rate.set_title("Learning rate")
        if rate.get_lines():
            rate.set_yscale("log")
            plain_log(rate.yaxis, (1.0, 2.0, 5.0))
        if kl.get_lines():
            kl.set_ylim(bottom=0)
        else:
            kl.text(0.5, 0.5, "this method has no KL", transform=kl.transAxes, ha="center", color=MUTED)
            kl.set_yticks([])
        for axes in (loss, kl, rate):
            axes.set_xlabel("step")
            axes.margins(x=0.02)
            tidy(axes, grid="y")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if ends and len(seeds) <= MOST_NAMED:
            loss.legend(loc="upper right", handlelength=1.2, labelspacing=0.25)
        svg = to_svg(figure, f"training-{model.name}", alt)
    return Plot(
        f"Training of {model.name}",
        alt,
        "One colour a seed; strong lines are the loss on validation bins, faint ones on training bins. "
        "The steep start of the loss is cut off. The learning rate steps down where the validation loss stalled.",
        "validation losses still falling at the end (train longer), rising again (too large a model), "
        "seeds that end far apart (local optima), KL near 0 (collapse).",
        svg,
    )
