"""Statistics of recordings drawn from a model to the group `predictive` of a latents store, and back."""

from dataclasses import fields
from typing import Any

import numpy as np
import zarr

from alveus.recording.population import Predictive, Probe, Statistics
from alveus.storage.layout import write_array
from alveus.storage.store import Store

GROUP = "predictive"

ABOUT = {
    "rate": ("unit", "mean activity per bin"),
    "fano_factor": ("unit", "variance over mean; NaN without activity"),
    "correlation": ("pair", "correlation of the activity of two units; NaN where one does not vary"),
    "silent_bins": ("stretch", "share of bins in which no unit is active"),
}
"""Statistic → what it is of, and what it is. In float64: ties with recorded ones must stay ties."""


def write_predictive(group: zarr.Group, predictive: Predictive) -> None:
    """Write the statistics of all draws, and where they were taken."""
    bins = {"long_name": "number of the bin that was drawn, in stretches of equal length"}
    pairs = {"long_name": "numbers of the two units"}
    write_array(group, f"{GROUP}/bin", predictive.probe.bins, ("bin",), bins)
    write_array(group, f"{GROUP}/pair", predictive.probe.pairs, ("pair", "member"), pairs)
    for name, (axis, long_name) in ABOUT.items():
        values = getattr(predictive.drawn, name)
        write_array(group, f"{GROUP}/{name}", values, ("draw", axis), {"long_name": f"{long_name}, of each draw"})


def read_predictive(store: Store) -> Predictive | None:
    """Read what `write_predictive` wrote; None where a model has none."""
    if f"{GROUP}/bin" not in store:
        return None

    def read(name: str) -> Any:
        return store.array(f"{GROUP}/{name}")[:]

    drawn = Statistics(**{field.name: np.asarray(read(field.name)) for field in fields(Statistics)})
    return Predictive(Probe(read("bin"), drawn.silent_bins.shape[1], read("pair")), drawn)
