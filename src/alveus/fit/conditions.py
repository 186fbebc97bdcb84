"""A session to what a model is fitted on, with what a conditional prior is given of every bin."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.config.models import Model, Vae
from alveus.config.networks import ConditionalPrior
from alveus.config.problems import did_you_mean
from alveus.errors import SettingError
from alveus.fit.data import FitData, unpacked
from alveus.storage import Dataset

UNPACKED = "unpacked"
"""Start of the name of a folder in the work folder, for activity that is larger than memory; each process has
its own and deletes it when it is done."""

UNPACKED_BINS = 65_536
"""Bins unpacked at a time: whole shards, which are read fastest."""

MOST_CATEGORIES = 256
"""A column of trials with more different values is a number or an id, and no category to condition on."""

Column = NDArray[np.float32]


@contextmanager
def reading(session: Dataset, model: Model, *, memory_gb: float, work: Path | None) -> Iterator[FitData]:
    """Give what a model is fitted on, as `fit_data` does, and delete what was unpacked for it afterwards."""
    own = None if work is None else work / f"{UNPACKED}-{os.getpid()}"
    try:
        yield fit_data(session, model, memory_gb=memory_gb, folder=own)
    finally:
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)


def fit_data(session: Dataset, model: Model, *, memory_gb: float = np.inf, folder: Path | None = None) -> FitData:
    """Read what a model is fitted on.

    Parameters
    ----------
    session, model
        A dataset, and the settings of the model.
    memory_gb
        Activity larger than this [GB] is unpacked into a file that is mapped into memory.
    folder
        Where that file goes; without one everything is held in memory.

    Raises
    ------
    SettingError
        When the session lacks a covariate or a column of trials that the model names.
    """
    size = session.n_bins * session.n_units * session.activity.dtype.itemsize
    on_disk = folder if size > memory_gb * 1e9 else None
    if on_disk is None:
        counts = session.counts()
    else:
        shape = (session.n_bins, session.n_units)
        starts = range(0, session.n_bins, UNPACKED_BINS)
        blocks = (session.activity[start : start + UNPACKED_BINS] for start in starts)
        counts = unpacked(blocks, shape, session.activity.dtype, on_disk / "activity.npy")
    return FitData(
        counts,
        session.split,
        session.segment,
        session.held_out,
        session.bin_size,
        session.digest,
        conditions_of(session, model),
        on_disk,
    )


def conditions_of(session: Dataset, model: Model) -> Column | None:
    """Return the conditions (n_bins, n_conditions) that a model asks for; None for one that asks for nothing.

    A continuous covariate gives its components, a circular one cosine and sine, a categorical one an indicator a
    label. Where a covariate is missing its columns are 0, and a further column, there only if any bin lacks
    it, says so: bins are never left out.

    Parameters
    ----------
    session
        Behaviour, trials and times of a session.
    model
        Settings.

    Raises
    ------
    SettingError
        When the session lacks a covariate or a column of trials that the model names.
    """
    prior = model.prior if isinstance(model, Vae) else None
    if not isinstance(prior, ConditionalPrior):
        return None
    problems = [
        f"prior conditional: the session has no {what} {name!r}; {did_you_mean(name, known)}"
        for what, names, known in (
            ("covariate", prior.covariates, list(session.behavior)),
            ("column of trials", prior.trial_columns, list(session.trials or {})),
        )
        for name in names
        if name not in known
    ]
    if problems:
        raise SettingError(*problems)
    columns = [
        *(column for name in prior.covariates for column in _covariate(session.behavior[name])),
        *(column for name in prior.trial_columns for column in _trial_column(session, name)),
        *(_indicators(np.arange(session.n_bins) * prior.time_segments // session.n_bins, prior.time_segments)),
    ]
    return np.concatenate([np.asarray(c, np.float32).reshape(session.n_bins, -1) for c in columns], axis=1)


def _covariate(covariate: Any) -> Iterator[Column]:
    values = np.asarray(covariate.values)
    if covariate.kind == "categorical":
        yield from _indicators(values, len(covariate.labels))
        return
    values = values.reshape(values.shape[0], -1).astype(np.float64)
    missing = ~np.isfinite(values).all(axis=1)
    if covariate.kind == "circular":
        angle = values * (2 * np.pi / covariate.period)
        values = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    yield np.where(missing[:, None], 0.0, values).astype(np.float32)
    if missing.any():
        yield missing.astype(np.float32)


def _trial_column(session: Dataset, name: str) -> Iterator[Column]:
    """Yield an indicator for each value of the column, and one for the bins between trials."""
    trials = session.trials
    assert trials is not None  # noqa: S101  (checked before)
    values = [str(value) for value in trials[name]]
    labels: Sequence[str] = sorted(set(values))
    if len(labels) > MOST_CATEGORIES:
        raise SettingError(
            f"prior conditional: column {name!r} of the trials has {len(labels)} different values; as categories "
            f"at most {MOST_CATEGORIES} are possible: choose another, or make it a covariate"
        )
    codes = np.full(session.n_bins, len(labels))
    for start, stop, value in zip(trials["start"], trials["stop"], values, strict=True):
        codes[np.searchsorted(session.time, start) : np.searchsorted(session.time, stop)] = labels.index(value)
    yield from _indicators(codes, len(labels) + 1)


def _indicators(codes: NDArray[np.integer], n: int) -> Iterator[Column]:
    """Yield (n_bins, n) indicators of codes; a code of -1 belongs to none."""
    if n:
        yield (codes[:, None] == np.arange(n)).astype(np.float32)
