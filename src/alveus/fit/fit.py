"""A binned dataset and the settings of a model to a fitted model: every seed, then the held-in twin."""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import alveus
from alveus.baselines.bins import TrainingBins, negative_values
from alveus.baselines.methods import BASELINES
from alveus.config.contradictions import surprises
from alveus.config.models import TRAINED, BaselineModel, Model, Training, Vae
from alveus.errors import SettingError
from alveus.fit.data import TRAIN, VALIDATION, FitData
from alveus.fit.device import set_threads
from alveus.fit.fitted import FittedModel, Row, State
from alveus.fit.memory import memory_told
from alveus.fit.seeds import TWIN, train_seeds
from alveus.models.likelihoods import LIKELIHOODS


def fit(
    data: FitData,
    model: Model,
    training: Training,
    *,
    n_seeds: int,
    checkpoint: Path | None = None,
    threads: int = 1,
    progress: Callable[[Row], None] | None = None,
    code: str = "",
) -> FittedModel:
    """Fit a model once per seed on all units, and once more (the twin) on the units that are not held out.

    Parameters
    ----------
    data
        The bins.
    model
        What to fit.
    training
        How, for models with gradients.
    n_seeds
        Number of fits on all units, with the seeds 0, 1, ...
    checkpoint
        Folder for checkpoints; None: none are kept, and an interrupted fit begins anew.
    threads
        For torch. The same data, settings, seeds and threads give the same weights, bit by bit, on a CPU.
    progress
        Is given each row of the history as it is made.
    code
        Stands for the code; a checkpoint of other code is ignored.

    Raises
    ------
    SettingError
        When the model does not suit the data, or cannot be trained on them.
    TemporaryError
        When a signal asked to stop, and the checkpoint is saved; or when memory does not suffice.
    """
    refuse_unsuitable(data, model)
    set_threads(threads)
    if isinstance(model, BaselineModel):
        return _fit_baseline(data, model, n_seeds)
    surprising = list(surprises(model)) if isinstance(model, Vae) else []
    with memory_told("fit"):
        runs, notes = train_seeds(
            data, model, training, n_seeds=n_seeds, checkpoint=checkpoint, progress=progress, code=code
        )
    return _fitted(
        data,
        model,
        [run["weights"] for run in runs],
        history=[row for run in runs for row in run["history"]],
        notes=surprising + notes + [note for run in runs for note in run["notes"]],
    )


def refuse_unsuitable(data: FitData, model: Model) -> None:
    """Raise a `SettingError` with all that keeps a model from being fitted on these data."""
    problems = []
    n_units, n_held_in = data.held_out.size, int((~data.held_out).sum())
    if n_units < 2:
        problems.append(
            f"the session has {n_units} unit, too few for latents: give it `models: []` to only bin it"
        )
    elif model.latents >= n_held_in:
        problems.append(
            f"{model.latents} latents for {n_held_in} units ({n_units}, of which {n_units - n_held_in} are held "
            f"out for co-smoothing) compress nothing: "
            f"set `latents` to {n_held_in - 1} or less, or leave the model out"
        )
    parts = [(TRAIN, "train")] + ([(VALIDATION, "validation")] if model.method in TRAINED else [])
    problems += [
        f"none of the {data.split.size} bins is a {name} bin: raise preprocess.split.{name}, or lower its gap"
        for part, name in parts
        if not (data.split == part).any()
    ]
    if isinstance(model, Vae):
        problems += _unsuitable_likelihood(data, model.likelihood.kind)
    if problems:
        raise SettingError(*problems)


def _unsuitable_likelihood(data: FitData, kind: str) -> Iterator[str]:
    likelihood = LIKELIHOODS[kind]
    if likelihood.of_counts and not data.of_counts:
        yield (
            f"likelihood {kind!r} describes counts, but the activity is {data.counts.dtype} in arbitrary units "
            "(events or traces), no whole numbers: choose gaussian, or for events zero_inflated_gamma"
        )
    if likelihood.of_events and data.of_counts:
        yield (
            f"likelihood {kind!r} describes events in arbitrary units, but the activity is counts: choose poisson "
            "or negative_binomial"
        )
    elif likelihood.of_events and (negative := negative_values(data.counts)):
        yield f"likelihood {kind!r} describes events, which never are negative, but {negative}: choose gaussian"


def _fit_baseline(data: FitData, model: BaselineModel, n_seeds: int) -> FittedModel:
    def bins(keep: NDArray[np.bool_]) -> TrainingBins:
        return TrainingBins(data.units(keep), data.split == TRAIN, data.segment, data.bin_size)

    baseline = BASELINES[model.method]
    fits = [
        *baseline.fit(bins(np.ones_like(data.held_out)), model, n_seeds),
        *baseline.fit(bins(~data.held_out), model, 1),
    ]
    names = [*map(str, range(n_seeds)), TWIN]
    return _fitted(
        data,
        model,
        [{name: torch.from_numpy(value) for name, value in one.parameters.items()} for one in fits],
        notes=[f"seed {name}: {note}" for name, one in zip(names, fits, strict=True) for note in one.notes],
    )


def _fitted(
    data: FitData,
    model: Model,
    states: Sequence[State],
    *,
    history: Sequence[Row] = (),
    notes: Sequence[str] = (),
) -> FittedModel:
    *seeds, twin = states
    return FittedModel(
        method=model.method,
        settings=model.model_dump(mode="json"),
        n_units=data.held_out.size,
        n_latents=model.latents,
        seeds=tuple(seeds),
        twin=twin,
        history=list(history),
        notes=list(notes),
        bin_size=data.bin_size,
        n_conditions=data.n_conditions,
        of_counts=data.of_counts,
        versions={
            "alveus": alveus.__version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "scikit-learn": version("scikit-learn"),
        },
    )
