"""Members of sweeps of β to curves of rate against distortion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from alveus.report.figures.behavior import short
from alveus.report.figures.plot import MUTED, Plot, drawing, new_figure, series_color, tidy, to_svg
from alveus.report.sweeps import Member

MAX_PANELS = 4
LEGEND = 6  # sessions that colours tell apart
LABELLED = 3  # sessions whose points are labelled; more labels would cover each other


def rate_distortion(members: Sequence[Member]) -> Plot | None:
    """Draw distortion over rate, a panel a sweep and a line a session; None without two points to join.

    Parameters
    ----------
    members
        Of all sweeps and sessions; those that sweep nothing but numbers of ``beta`` are drawn.

    References
    ----------
    Alemi et al. (2018), Fixing a broken ELBO.
    """
    lines = {key: points for key, points in _lines(members).items() if len(points) > 1}
    sweeps = list(dict.fromkeys(sweep for sweep, _ in lines))[:MAX_PANELS]
    if not sweeps:
        return None
    alt = f"Distortion over rate for {', '.join(sweeps)}; the numbers are in the table of sweeps"
    with drawing():
        figure = new_figure(3.0)
        for axes, sweep in zip(figure.subplots(1, len(sweeps), squeeze=False)[0], sweeps, strict=True):
            drawn = [(session, points) for (name, session), points in lines.items() if name == sweep]
            for i, (session, points) in enumerate(drawn):
                _, rates, distortions = zip(*points, strict=True)
                axes.plot(rates, distortions, "o-", color=series_color(i), markersize=5, label=short(session))
                for beta, rate, distortion in points if i < LABELLED else ():
                    axes.annotate(
                        f"{beta:g}",
                        (rate, distortion),
                        (4, 4),
                        textcoords="offset points",
                        color=MUTED,
                        fontsize=8,
                    )
            axes.set_title(sweep)
            axes.set_xlabel("rate (nats per bin)")
            axes.set_ylabel("distortion (nats per bin)")
            axes.margins(0.12)
            if len(drawn) <= LEGEND:
                axes.legend()
            tidy(axes, grid="y")
        svg = to_svg(figure, "rate-distortion", alt)
    return Plot(
        "Rate and distortion over β", alt,
        "Each dot is a model, its β beside it: how far its posteriors are from the prior (rate), and its decoder "
        "from the activity (distortion). With rising β dots move up and to the left.",
        "a dot above and to the right of another one: it pays more and explains less, so its training has failed.",
        svg,
    )  # fmt: skip


def _lines(members: Sequence[Member]) -> dict[tuple[str, str], list[tuple[float, float, float]]]:
    """Return β, rate and distortion of sweeps of β, by sweep and session, with rising β."""
    points = [
        (m.sweep, m.session, float(m.values["beta"]), m.rate, m.distortion)
        for m in members
        if set(m.values) == {"beta"}
        and isinstance(m.values["beta"], int | float)
        and m.rate is not None
        and m.distortion is not None
    ]
    return {
        key: [(beta, rate, distortion) for _, _, beta, rate, distortion in found]
        for key, found in groupby(sorted(points), key=lambda point: point[:2])
    }
