"""Posteriors of all seeds to latents.zarr and its manifest, and back."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from alveus.errors import ArtefactError
from alveus.recording.population import Predictive
from alveus.recording.reliance import Reliance
from alveus.storage.layout import create_array, shard_length, write_array
from alveus.storage.manifest import SCHEMA_VERSION, plain, software_versions
from alveus.storage.predictive import read_predictive, write_predictive
from alveus.storage.publish import publish, receipt_path
from alveus.storage.reliance import read_reliance, write_reliance
from alveus.storage.store import METADATA, Store, create_store, seal_store

Floats = NDArray[np.float32]


def write_latents(
    store: Path,
    manifest: Path,
    *,
    mean: Floats,
    scale: Floats,
    held_in_mean: Floats,
    time: NDArray[np.float64],
    session: str,
    dataset: str,
    model: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    log_likelihood: Floats | None = None,
    squared_error: Floats | None = None,
    kl: Floats | None = None,
    prior_variance: Floats | None = None,
    prior_mean: Floats | None = None,
    log_evidence: Floats | None = None,
    evidence_bin: NDArray[np.int64] | None = None,
    no_evidence: str = "",
    predictive: Predictive | None = None,
    reliance: Reliance | None = None,
    gate: Floats | None = None,
    latent_names: Sequence[str] = (),
    validation_loss: Floats | None = None,
    notes: Sequence[str] = (),
    stage_version: str = "",
    work: Path | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Publish what a model says about every bin.

    Parameters
    ----------
    store, manifest
        Where the latents and their manifest go.
    mean, scale
        (n_seeds, n_bins, n_latents) of the posterior; a scale of 0 where a method knows none.
    held_in_mean
        (n_bins, n_latents) of the twin that never saw the held-out units.
    time
        (n_bins,) centres of the bins [s].
    session, dataset, model
        Their names in the study.
    settings
        Of the model, as JSON.
    inputs
        Digests of what these latents were made from: ``dataset``, ``fit``.
    log_likelihood
        (n_seeds, n_bins) expected under the posterior, summed over units [nats per bin].
    squared_error
        (n_seeds, n_bins) of the activity that the decoder expects, in units of each unit's variance.
    kl
        (n_seeds, n_bins, n_latents) divergence of the posterior from the prior [nats].
    prior_variance
        (n_seeds, n_latents) of the latents before the activity is seen.
    prior_mean
        (n_seeds, n_bins, n_latents) likewise, of a prior that depends on the bin.
    log_evidence
        (n_seeds, n_evidence_bins) bound on the log evidence of some test bins [nats].
    evidence_bin
        (n_evidence_bins,) their numbers.
    no_evidence
        Why a model has no such thing.
    predictive
        Statistics of recordings drawn from the model.
    reliance
        What the decoder loses when latents come from other bins.
    gate
        (n_seeds,) how far the side channel of a skip decoder is open.
    latent_names
        One per latent; z1, z2, … when left out.
    validation_loss
        (n_seeds, n_evaluations) during training [nats per bin]; NaN after a seed's last evaluation.
    notes
        Sentences for the report.
    stage_version, work, key
        As for `write_dataset`.

    Returns
    -------
    manifest
        As written.

    Raises
    ------
    ArtefactError
        When shapes disagree, or values are not finite.
    """
    n_seeds, n_bins, n_latents = mean.shape
    arrays: dict[str, tuple[NDArray[Any] | None, tuple[str, ...], str, str]] = {
        "mean": (mean, ("seed", "time", "latent"), "mean of the posterior", ""),
        "scale": (scale, ("seed", "time", "latent"), "standard deviation of the posterior", ""),
        "held_in/mean": (held_in_mean, ("time", "latent"), "mean of the twin that saw no held-out unit", ""),
        "log_likelihood": (log_likelihood, ("seed", "time"), "expected log-likelihood of a bin", "nat"),
        "squared_error": (
            squared_error,
            ("seed", "time"),
            "squared error of a bin, over each unit's variance",
            "",
        ),
        "kl": (kl, ("seed", "time", "latent"), "divergence of posterior from prior", "nat"),
        "prior/mean": (prior_mean, ("seed", "time", "latent"), "mean of the prior", ""),
    }
    sizes = {"seed": n_seeds, "time": n_bins, "latent": n_latents}
    about = {
        "session": session,
        "dataset": dataset,
        "model": model,
        "n_seeds": n_seeds,
        "n_bins": n_bins,
        "n_latents": n_latents,
        "settings": settings,
        "inputs": inputs,
        "stage_version": stage_version,
        "no_evidence": no_evidence,
        "notes": notes,
    }
    receipt = receipt_path(work, store) if work else None
    with publish(store, manifest, "latents", receipt=receipt, key=key) as draft:
        group = create_store(draft.path, {})
        for name, (values, axes, long_name, unit) in arrays.items():
            if values is not None:
                _check(name, values, tuple(sizes[axis] for axis in axes))
                _write(group, name, values, axes, {"long_name": long_name, "unit": unit})
        _check("time", time, (n_bins,))
        _write(group, "time", time, ("time",), {"long_name": "centre of the bin", "units": "s"})
        if prior_variance is not None:
            _check("prior/variance", prior_variance, (n_seeds, n_latents))
            about_prior = {"long_name": "variance of the prior"}
            write_array(group, "prior/variance", prior_variance, ("seed", "latent"), about_prior)
        if log_evidence is not None and evidence_bin is not None:
            _check("log_evidence", log_evidence, (n_seeds, evidence_bin.size))
            about_evidence = {"long_name": "bound on the log evidence of a test bin", "unit": "nat"}
            write_array(group, "log_evidence", log_evidence, ("seed", "evidence_bin"), about_evidence)
            write_array(group, "evidence_bin", evidence_bin, ("evidence_bin",), {"long_name": "number of the bin"})
        if predictive is not None:
            write_predictive(group, predictive)
        if reliance is not None:
            _check("reliance/lost", reliance.lost, (n_seeds, reliance.bins.size, n_latents + 1))
            write_reliance(group, reliance)
        if gate is not None:
            _check("gate", gate, (n_seeds,))
            write_array(group, "gate", gate, ("seed",), {"long_name": "opening of the side channel, 0 to 1"})
        if validation_loss is not None:
            _check("validation_loss", np.nan_to_num(validation_loss), (n_seeds, validation_loss.shape[1]))
            about_loss = {"long_name": "validation loss during training; NaN after the last one", "unit": "nat"}
            write_array(group, "validation_loss", validation_loss, ("seed", "evaluation"), about_loss)
        names = list(latent_names) or [f"z{number + 1}" for number in range(n_latents)]
        write_array(group, "latent", np.array(names, object), ("latent",), {"long_name": "name of the latent"})
        write_array(group, "seed", np.arange(n_seeds), ("seed",), {"long_name": "number of the fit"})
        software = software_versions("numcodecs", "numpy", "zarr")
        group.attrs.update(plain({**about, "schema": SCHEMA_VERSION, "software": software}))
        draft.fields.update(about, arrays=seal_store(draft.path), software=software)
        draft.volatile = (METADATA,)  # it also tells how and by which software
    return draft.manifest


def _check(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ArtefactError(f"latents: {name} has shape {values.shape}, but the others ask for {shape}")
    bad = values.size - np.count_nonzero(np.isfinite(values))
    if bad:
        raise ArtefactError(
            f"latents: {bad} of {values.size} values of {name} are not finite: the fit has diverged, nothing was "
            "published"
        )


def _write(
    group: zarr.Group, name: str, values: NDArray[Any], axes: tuple[str, ...], attributes: dict[str, Any]
) -> None:
    """Write an array shard by shard, cut along time."""
    along = axes.index("time")
    kind = np.float64 if name == "time" else np.float32
    array = create_array(group, name, values.shape, kind, axes, attributes, along=along)
    step = shard_length(array, along)
    for before in np.ndindex(*values.shape[:along]):
        for start in range(0, values.shape[along], step):
            place = (*(slice(i, i + 1) for i in before), slice(start, start + step))
            array[place] = values[place].astype(kind, copy=False)


class Latents:
    """Published latents; arrays are read at first use.

    Parameters
    ----------
    path
        Their manifest ``latents.json``, or ``latents.zarr`` with the manifest beside it.

    Attributes
    ----------
    manifest
        What was published.
    session, dataset, model
        Names in the study.
    n_seeds, n_bins, n_latents
        Sizes.
    digest
        Of everything in it.
    model_settings
        Of the model that made them.
    inputs
        Digests of what they were made from.
    no_evidence
        Why there is no `log_evidence`; empty where there is.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, "latents")
        self.path = self._store.path
        self.manifest = manifest = self._store.manifest
        self.session: str = manifest["session"]
        self.dataset: str = manifest["dataset"]
        self.model: str = manifest["model"]
        self.n_seeds: int = manifest["n_seeds"]
        self.n_bins: int = manifest["n_bins"]
        self.n_latents: int = manifest["n_latents"]
        self.digest: str = manifest["digest"]
        self.model_settings: dict[str, Any] = manifest["settings"]
        self.inputs: dict[str, str] = manifest["inputs"]
        self.no_evidence: str = manifest.get("no_evidence", "")

    @cached_property
    def mean(self) -> Floats:
        """(n_seeds, n_bins, n_latents) means of the posterior."""
        return self._store.array("mean")[:]

    @cached_property
    def scale(self) -> Floats:
        """(n_seeds, n_bins, n_latents) standard deviations of the posterior."""
        return self._store.array("scale")[:]

    @cached_property
    def held_in_mean(self) -> Floats:
        """(n_bins, n_latents) means of the twin that never saw the held-out units."""
        return self._store.array("held_in/mean")[:]

    @cached_property
    def log_likelihood(self) -> Floats | None:
        """(n_seeds, n_bins) expected log-likelihood [nats per bin]."""
        return self._optional("log_likelihood")

    @cached_property
    def squared_error(self) -> Floats | None:
        """(n_seeds, n_bins) squared error of what the decoder expects, of activity that is no count."""
        return self._optional("squared_error")

    @cached_property
    def kl(self) -> Floats | None:
        """(n_seeds, n_bins, n_latents) divergence of the posterior from the prior [nats]."""
        return self._optional("kl")

    @cached_property
    def prior_variance(self) -> Floats | None:
        """(n_seeds, n_latents) variance of each latent under the prior."""
        return self._optional("prior/variance")

    @cached_property
    def prior_mean(self) -> Floats | None:
        """(n_seeds, n_bins, n_latents) mean of a prior that depends on the bin."""
        return self._optional("prior/mean")

    @cached_property
    def log_evidence(self) -> Floats | None:
        """(n_seeds, n_evidence_bins) bound on the log evidence of some test bins [nats]."""
        return self._optional("log_evidence")

    @cached_property
    def evidence_bin(self) -> NDArray[np.int64] | None:
        """(n_evidence_bins,) numbers of those bins."""
        return self._store.array("evidence_bin")[:] if "evidence_bin" in self._store else None

    @cached_property
    def predictive(self) -> Predictive | None:
        """Statistics of recordings drawn from seed 0, of a model that can be drawn from."""
        return read_predictive(self._store)

    @cached_property
    def reliance(self) -> Reliance | None:
        """What the decoder loses when latents come from other bins, of a model with a likelihood."""
        return read_reliance(self._store)

    @cached_property
    def gate(self) -> Floats | None:
        """(n_seeds,) how far the side channel of a skip decoder is open, 0 to 1."""
        return self._optional("gate")

    @cached_property
    def validation_loss(self) -> Floats | None:
        """(n_seeds, n_evaluations) during training [nats per bin], NaN after a seed's last evaluation."""
        return self._optional("validation_loss")

    @cached_property
    def time(self) -> NDArray[np.float64]:
        """(n_bins,) centres of the bins [s]."""
        return self._store.array("time")[:]

    @cached_property
    def latent_names(self) -> tuple[str, ...]:
        """Names of the latents."""
        return tuple(str(name) for name in self._store.array("latent")[:])

    def _optional(self, name: str) -> Floats | None:
        return self._store.array(name)[:] if name in self._store else None


def open_latents(path: Path | str) -> Latents:
    """Open latents by their manifest or their store.

    Raises
    ------
    ArtefactError
        When there is no manifest, or the store is not the one it describes.
    """
    return Latents(Path(path))
