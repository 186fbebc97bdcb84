"""A dataset to what a page shows of the recording itself: rates, covariates, trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alveus.report.inputs import Optical, Snippet

if TYPE_CHECKING:
    from alveus.storage import Dataset

BLOCK_BINS = 1 << 16


def snippet(array: Any, time: NDArray[np.float64], bins: Any) -> Snippet:
    """Cut the bins of a figure out of a covariate."""
    return Snippet(array.name, array.kind, time[bins], array.values[bins], array.period, array.labels, array.unit)


def rates_and_fano(data: "Dataset") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean rate [per second] and Fano factor of each unit, (unit,), taken in blocks.

    Of ΔF/F it is the mean, which is no rate; Fano factors of what is no count are NaN.
    """
    total, squares = np.zeros(data.n_units), np.zeros(data.n_units)
    for start in range(0, data.n_bins, BLOCK_BINS):
        block = np.asarray(data.activity[start : start + BLOCK_BINS], np.float64)
        total += block.sum(0)
        squares += (block**2).sum(0)
    mean = total / data.n_bins
    variance = squares / data.n_bins - mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        fano = np.where((mean > 0) & (data.quantity == "counts"), variance / mean, np.nan)
    return mean if data.quantity == "dff" else mean / data.bin_size, fano


def optical(manifest: Path) -> Optical | None:
    """Collect what a page shows of an optical recording; None where its events are gone."""
    from alveus.storage import open_events

    if not manifest.is_file():
        return None
    events = open_events(manifest)
    unknown = np.full(events.kept.size, np.nan)
    noise, snr = (events.columns.get(name, unknown) for name in ("noise_level", "snr"))
    excerpt = events.excerpt()
    place = {unit: index for index, unit in enumerate(events.unit_ids.tolist())}
    ids = tuple(excerpt["unit"].tolist())
    return Optical(
        method=events.method,
        unit=events.manifest["unit"],
        sampling_rate=events.sampling_rate,
        noise_level=noise,
        snr=snr,
        refused=events.refused,
        times=excerpt["time"],
        excerpt_units=ids,
        excerpt_snr=snr[[place[unit] for unit in ids]],
        dff=excerpt.get("dff"),
        events=excerpt.get("events"),
    )


def trial_facts(data: "Dataset") -> dict[str, float | int | str]:
    """Return what a page says of the trials; nothing where there are none."""
    trials = data.trials
    if trials is None:
        return {}
    length = trials["stop"] - trials["start"]
    facts: dict[str, float | int | str] = {"number": int(length.size)}
    if length.size:
        facts["median length [s]"] = float(np.median(length))
    if "observed" in trials:
        facts["wholly observed"] = int(np.sum(np.asarray(trials["observed"]).astype(bool)))
    columns = [name for name in trials if name not in ("start", "stop", "observed")]
    return facts | ({"columns": ", ".join(columns)} if columns else {})
