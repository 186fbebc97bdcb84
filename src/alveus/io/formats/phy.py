"""A folder of phy or Kilosort to a recording: spikes in samples, clusters, their labels and metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alveus.errors import QualityError, RecordingError
from alveus.io.assemble import assemble
from alveus.io.cleaning.spikes import Column, flat_spikes
from alveus.io.files.npy import NpyColumn
from alveus.io.files.opening import check_folder
from alveus.io.formats.clusters import cluster_table, find_clusters
from alveus.io.formats.params import read_params
from alveus.io.found import Found
from alveus.io.options import ReadOptions
from alveus.recording import Finding, Recording, Units
from alveus.recording.spikes import SPIKES_PER_READ

TIMES, CLUSTERS, TEMPLATES, PARAMS = "spike_times.npy", "spike_clusters.npy", "spike_templates.npy", "params.py"
RATE = "sample_rate"


def read_phy(path: Path, options: ReadOptions) -> Recording:
    """Read a phy folder, or the bare output of Kilosort.

    Spike times are samples; of type float with fractions they are seconds. The recording spans from sample 0 to
    the end of the raw file when that lies in the folder, else from the first spike to the last.

    Raises
    ------
    RecordingError, TemporaryError
        When files are missing, damaged or contradict each other, or the sampling rate is not stated.
    QualityError
        When there is no spike.
    """
    check_folder(path)
    times = NpyColumn(path / TIMES, options.max_bytes)
    clusters = NpyColumn(_cluster_file(path), options.max_bytes)
    if len(times) != len(clusters):
        raise RecordingError(
            f"{path.name}: {TIMES} has {len(times)} spikes but {clusters.path.name} {len(clusters)}: "
            "save the folder again, or restore the file that was cut"
        )
    if not len(times):
        raise QualityError(f"{path.name}: {TIMES} holds no spike: nothing to analyse; sort the recording")
    params, findings = _params(path)
    rate = options.sampling_rate or _rate(params)
    in_samples = _in_samples(times, path.name)
    if in_samples and rate is None:
        raise RecordingError(
            f"{path.name}: spike times are samples, but neither {PARAMS} nor the session table says the sampling "
            "rate: give sampling_rate [Hz]"
        )
    if options.sampling_rate and (own := _rate(params)) not in (None, options.sampling_rate):
        findings.append(
            Finding(
                "other_rate", 1, f"{PARAMS} says {own:g} Hz; {options.sampling_rate:g} Hz of the session is used"
            )
        )
    ids, lookup, counts = find_clusters(clusters, clusters.path.name)
    columns, notes = cluster_table(path, ids, options.max_bytes)
    names = tuple(str(cluster) for cluster in ids.tolist())
    trains, found = flat_spikes(
        times,
        clusters,
        names,
        sampling_rate=rate,
        in_samples=in_samples,
        lookup=lookup,
        counts=counts,
        name=f"{path.name}/{TIMES}",
    )
    length = _raw_length(path, params)
    return assemble(
        Found(
            trains,
            Units(names, columns),
            start=None if length is None else 0.0,
            stop=None if length is None or rate is None else length / rate,
            findings=[*findings, *notes, *found],
            source={"format": "phy", "file": path.name, "sorting": clusters.path.name},
        ),
        options,
    )


def _cluster_file(path: Path) -> Path:
    """Curated clusters where there are any, else Kilosort's templates."""
    for name in (CLUSTERS, TEMPLATES):
        if (path / name).exists():
            return path / name
    return path / CLUSTERS  # reading it says that it is missing


def _params(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    if not (path / PARAMS).exists():
        return {}, []
    values, ignored = read_params(path / PARAMS)
    if not ignored:
        return values, []
    shown = ", ".join(ignored[:5])
    message = f"{PARAMS}: {len(ignored)} statements are no plain values and were not run ({shown})"
    return values, [Finding("ignored_params", len(ignored), message)]


def _rate(params: Mapping[str, Any]) -> float | None:
    rate = params.get(RATE)
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e9:
        raise RecordingError(f"{PARAMS}: {RATE} is {rate!r}: it must be a positive number of samples per second")
    return float(rate)


def _in_samples(times: Column, name: str) -> bool:
    """Tell samples from seconds: whole numbers are samples, whatever type they were saved as."""
    if times.dtype.kind in "iu":
        return True
    for start in range(0, len(times), SPIKES_PER_READ):
        block = times[start : start + SPIKES_PER_READ]
        finite = block[np.isfinite(block)]
        if finite.size < block.size:
            raise RecordingError(
                f"{name}/{TIMES}: {block.size - finite.size} spike times are NaN or infinite, the first is spike "
                f"{start + int(np.flatnonzero(~np.isfinite(block))[0])}: save the folder again"
            )
        if (finite != np.rint(finite)).any():
            return False
    return True


def _raw_length(path: Path, params: Mapping[str, Any]) -> int | None:
    """Return the samples in the raw file, when it lies in the folder itself."""
    data = params.get("dat_path")
    names = [data] if isinstance(data, str) else data if isinstance(data, list) and len(data) == 1 else []
    channels, offset = params.get("n_channels_dat"), params.get("offset", 0)
    if not names or not isinstance(names[0], str) or type(channels) is not int or type(offset) is not int:
        return None
    raw = path / Path(names[0]).name
    try:
        width = np.dtype(str(params.get("dtype", "int16"))).itemsize * channels
        length = (raw.stat().st_size - offset) // width
    except (OSError, TypeError, ValueError, ZeroDivisionError):
        return None
    return length if length > 0 else None
