"""dataset.json to the dataset it describes: read when asked for, and never anything but what was written."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.storage.store import Store, StoredArray


@dataclass(frozen=True)
class BehaviorArray:
    """A covariate in every bin.

    Parameters
    ----------
    name
        As its source calls it.
    kind
        How it is decoded and drawn.
    values
        (n_bins,) or (n_bins, n_components) float32 with NaN where missing; for ``categorical`` codes into
        `labels` with −1 where missing.
    period
        Length of the circle for ``circular``, in the covariate's unit.
    labels
        Names of the categories.
    unit
        Unit of the values, where known.
    """

    name: str
    kind: Literal["continuous", "circular", "categorical"]
    values: NDArray[Any]
    period: float | None = None
    labels: tuple[str, ...] = ()
    unit: str = ""


class Dataset:
    """A published dataset; arrays are read at first use.

    Parameters
    ----------
    path
        Its manifest ``dataset.json``, or ``dataset.zarr`` with the manifest beside it.

    Attributes
    ----------
    manifest
        What was published.
    session, dataset
        Names in the study.
    n_bins, n_units, bin_size
        Sizes, and the width of a bin [s].
    modality, quantity
        ``spikes`` or ``calcium``; ``counts``, ``events`` or ``dff``.
    digest
        Of everything in it: equal digests, equal datasets.
    settings, facts, source, findings
        How it was made, and what was handled on the way; findings are mappings of what, count and message.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, "dataset")
        self.path = self._store.path
        self.manifest = manifest = self._store.manifest
        self.session: str = manifest["session"]
        self.dataset: str = manifest["dataset"]
        self.n_bins: int = manifest["n_bins"]
        self.n_units: int = manifest["n_units"]
        self.bin_size: float = manifest["bin_size"]
        self.modality: Literal["spikes", "calcium"] = manifest["modality"]
        self.quantity: Literal["counts", "events", "dff"] = manifest["quantity"]
        self.digest: str = manifest["digest"]
        self.settings: dict[str, Any] = manifest["settings"]
        self.facts: dict[str, Any] = manifest["facts"]
        self.source: dict[str, str] = manifest["source"]
        self.findings: list[dict[str, Any]] = manifest["findings"]

    @cached_property
    def activity(self) -> StoredArray:
        """(n_bins, n_units) counts or events on the disk: slice it."""
        return self._store.array("activity")

    def counts(self) -> NDArray[Any]:
        """Read the activity whole, (n_bins, n_units), in the type it is stored in; not kept here."""
        return self.activity[:]

    @cached_property
    def time(self) -> NDArray[np.float64]:
        """(n_bins,) centres of the bins [s]."""
        return self._store.array("time")[:]

    @cached_property
    def segment(self) -> NDArray[np.int32]:
        """(n_bins,) number of the stretch without a gap."""
        return self._store.array("segment")[:]

    @cached_property
    def split(self) -> NDArray[np.int8]:
        """(n_bins,) 0 train, 1 validation, 2 test, −1 gap."""
        return self._store.array("split")[:]

    @cached_property
    def unit_ids(self) -> NDArray[Any]:
        """(n_units,) the source's own ids, as text."""
        return self._store.array("unit")[:]

    @cached_property
    def held_out(self) -> NDArray[np.bool_]:
        """(n_units,) units that co-smoothing predicts from the others."""
        return self._store.array("held_out")[:]

    @cached_property
    def unit_columns(self) -> dict[str, NDArray[Any]]:
        """Further columns of the units by their own names, each (n_units,) or (n_units, k)."""
        keys = [name for name in self.manifest["arrays"] if name.startswith("unit_")]
        return _by_name({key: self._store.array(key) for key in keys})

    @cached_property
    def behavior(self) -> dict[str, BehaviorArray]:
        """Covariates by their own names."""
        found = {}
        for array in self._store.below("behavior").values():
            about = array.attributes
            found[about["long_name"]] = BehaviorArray(
                about["long_name"], about["kind"], array[:], about["period"], tuple(about["labels"]), about["unit"]
            )
        return found

    @cached_property
    def trials(self) -> dict[str, NDArray[Any]] | None:
        """Columns of the trials by their own names, ``start`` and ``stop`` [s] among them; None without trials."""
        arrays = self._store.below("trial")
        if not arrays:
            return None
        ends = {name: arrays.pop(name)[:] for name in ("start", "stop")}
        return ends | {name: values for name, values in _by_name(arrays).items() if name not in ends}

    @cached_property
    def truth_latents(self) -> NDArray[np.float32] | None:
        """(n_bins, n_latents) that made the activity, of a simulation."""
        return self._truth("latents")

    @cached_property
    def truth_ceiling(self) -> NDArray[np.float32] | None:
        """(n_bins, n_latents) the best that can be inferred of the true latents."""
        return self._truth("ceiling")

    @property
    def truth_ceiling_name(self) -> str | None:
        """How the ceiling was computed."""
        if "truth/ceiling" not in self._store:
            return None
        return str(self._store.array("truth/ceiling").attributes["how"])

    def _truth(self, name: str) -> NDArray[np.float32] | None:
        return self._store.array(f"truth/{name}")[:] if f"truth/{name}" in self._store else None


def open_dataset(path: Path | str) -> Dataset:
    """Open a dataset by its manifest or its store.

    Raises
    ------
    ArtefactError
        When there is no manifest, or the store is not the one it describes.
    """
    return Dataset(Path(path))


def _by_name(arrays: dict[str, StoredArray]) -> dict[str, NDArray[Any]]:
    """Read arrays and name them as their source did."""
    return {array.attributes["long_name"]: array[:] for array in arrays.values()}
