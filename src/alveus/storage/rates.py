"""Denoised rates, block by block, to rates.zarr and its manifest, and back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import ArtefactError
from alveus.storage.layout import create_array, refuse_gaps, shard_length, write_array, write_rows
from alveus.storage.manifest import SCHEMA_VERSION, plain, software_versions
from alveus.storage.publish import publish, receipt_path
from alveus.storage.store import METADATA, Store, StoredArray, create_store, seal_store

Floats = NDArray[np.float32]


def write_rates(
    store: Path,
    manifest: Path,
    *,
    blocks: Iterable[Floats],
    time: NDArray[np.float64],
    units: Sequence[str],
    unit_of_rate: str,
    seed: int,
    session: str,
    dataset: str,
    model: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    stage_version: str = "",
    work: Path | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Publish denoised rates; nothing of them is ever held but a shard.

    Parameters
    ----------
    store, manifest
        Where the rates and their manifest go.
    blocks
        (bin, unit) rates, which follow each other.
    time
        (n_bins,) centres of the bins [s].
    units
        Ids of the units.
    unit_of_rate
        ``Hz``, or empty where the activity has a unit of its own.
    seed
        Of the fit that gave them.
    session, dataset, model
        Their names in the study.
    settings
        Of the model, as JSON.
    inputs
        Digests of what these rates were made from: ``dataset``, ``fit``.
    stage_version, work, key
        As for `write_dataset`.

    Returns
    -------
    manifest
        As written.

    Raises
    ------
    ArtefactError
        When the blocks are not all bins and units, or values are not finite.
    """
    n_bins, n_units = len(time), len(units)
    about = {
        "session": session,
        "dataset": dataset,
        "model": model,
        "seed": seed,
        "n_bins": n_bins,
        "n_units": n_units,
        "settings": settings,
        "inputs": inputs,
        "stage_version": stage_version,
    }
    receipt = receipt_path(work, store) if work else None
    with publish(store, manifest, "rates", receipt=receipt, key=key) as draft:
        group = create_store(draft.path, {})
        text = {"long_name": "expected activity given that of all units", "unit": unit_of_rate}
        array = create_array(group, "rate", (n_bins, n_units), np.float32, ("time", "unit"), text)
        end = 0
        for rows in _in_shards(blocks, shard_length(array)):
            refuse_gaps(rows, end, "rates", "the fit has diverged, ")
            end = write_rows(array, end, rows)
        if end != n_bins:
            raise ArtefactError(f"rates were given for {end} of {n_bins} bins: nothing was published")
        write_array(group, "time", time, ("time",), {"long_name": "centre of the bin", "units": "s"})
        write_array(group, "unit", np.array(units, object), ("unit",), {"long_name": "the source's own id"})
        software = software_versions("numcodecs", "numpy", "zarr")
        group.attrs.update(plain({**about, "schema": SCHEMA_VERSION, "software": software}))
        draft.fields.update(about, arrays=seal_store(draft.path), software=software)
        draft.volatile = (METADATA,)  # it also tells how and by which software
    return draft.manifest


def _in_shards(blocks: Iterable[Floats], n_rows: int) -> Iterator[Floats]:
    """Yield the same rows, so many at a time; the last ones may be fewer."""
    waiting: list[Floats] = []
    n_waiting = 0
    for block in blocks:
        rest = block
        while n_waiting + len(rest) >= n_rows:
            first, rest = rest[: n_rows - n_waiting], rest[n_rows - n_waiting :]
            yield np.concatenate([*waiting, first])
            waiting, n_waiting = [], 0
        waiting, n_waiting = [*waiting, rest], n_waiting + len(rest)
    if n_waiting:
        yield np.concatenate(waiting)


class Rates:
    """Published rates; arrays are read at first use.

    Parameters
    ----------
    path
        Their manifest ``rates.json``, or ``rates.zarr`` with the manifest beside it.

    Attributes
    ----------
    manifest
        What was published.
    session, dataset, model
        Names in the study.
    seed
        Of the fit that gave them.
    n_bins, n_units
        Sizes.
    digest
        Of everything in it.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, "rates")
        self.path = self._store.path
        self.manifest = manifest = self._store.manifest
        self.session: str = manifest["session"]
        self.dataset: str = manifest["dataset"]
        self.model: str = manifest["model"]
        self.seed: int = manifest["seed"]
        self.n_bins: int = manifest["n_bins"]
        self.n_units: int = manifest["n_units"]
        self.digest: str = manifest["digest"]

    @cached_property
    def rate(self) -> StoredArray:
        """(n_bins, n_units) rates on the disk, of counts in Hz: slice it."""
        return self._store.array("rate")

    @cached_property
    def time(self) -> NDArray[np.float64]:
        """(n_bins,) centres of the bins [s]."""
        return self._store.array("time")[:]

    @cached_property
    def unit_ids(self) -> NDArray[Any]:
        """(n_units,) the source's own ids, as text."""
        return self._store.array("unit")[:]


def open_rates(path: Path | str) -> Rates:
    """Open rates by their manifest or their store.

    Raises
    ------
    ArtefactError
        When there is no manifest, or the store is not the one it describes.
    """
    return Rates(Path(path))
