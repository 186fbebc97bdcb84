"""Turns bins into the trained networks of every seed and of the twin, going on from a checkpoint."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import alveus
from alveus.config.models import Training, Vae
from alveus.config.section import settings_and_tuning
from alveus.fit.batches import batches_for
from alveus.fit.checkpoints import Checkpoints
from alveus.fit.data import Activity, FitData
from alveus.fit.device import choose_device
from alveus.fit.fitted import Row
from alveus.fit.gradients import gradient_note
from alveus.fit.interrupt import Interruption
from alveus.fit.loop import train
from alveus.fit.memory import room_for
from alveus.fit.run import Run, copied
from alveus.models.build import Trained, build_network, seeded
from alveus.models.network import Network

log = logging.getLogger(__name__)

TWIN = "twin"


class Finished:
    """Runs that are done, and the one that was interrupted, kept in checkpoints where there is a folder for them.

    Parameters
    ----------
    folder
        Where checkpoints are kept; None: nowhere.
    key
        Stands for data, settings and code.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.checkpoints = None if folder is None else Checkpoints(folder, key)
        self.runs: dict[str, dict[str, Any]] = {}
        self.going: dict[str, Any] = {}
        if self.checkpoints is not None:
            saved, notes = self.checkpoints.load()
            for note in notes:  # told, but no part of the model: what lies around must not change a result
                log.warning("%s", note)
            if saved is not None:
                self.runs, self.going = saved["finished"], saved["going"]

    def save(self, run: Run | None = None) -> None:
        """Save what is done, and the run that is going on."""
        if self.checkpoints is not None:
            going = {} if run is None else {"name": run.name, "state": run.state()}
            self.checkpoints.save({"finished": self.runs, "going": going})

    def take_up(self, run: Run) -> None:
        """Put a run where it was interrupted, if it was."""
        if self.going.get("name") == run.name:
            run.resume(self.going["state"])

    def add(self, run: Run) -> None:
        """Keep the outcome of a run."""
        weights = {name: value.cpu() for name, value in copied(run.model).items()}
        self.runs[run.name] = {"weights": weights, "history": run.history, "notes": run.notes}
        self.going = {}
        self.save()


def train_seeds(
    data: FitData,
    model: Trained,
    training: Training,
    *,
    n_seeds: int,
    checkpoint: Path | None,
    progress: Callable[[Row], None] | None,
    code: str,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Train one network per seed on all units, and the twin on those not held out; one after the other.

    Returns
    -------
    For each seed, and last for the twin, its `weights`, `history` and `notes`; and notes on the whole.
    """
    device, note = choose_device(training.device)
    finished = Finished(checkpoint, _key(data, model, training, device, code))
    names = [str(seed) for seed in range(n_seeds)]
    everything = np.ones_like(data.held_out)
    with Interruption() as interruption:
        for keep, group in ((everything, names), (~data.held_out, [TWIN] if data.held_out.any() else [])):
            missing = [name for name in group if name not in finished.runs]
            if not missing:
                continue
            n_units = int(keep.sum())
            activity = Activity(data.units(keep), data.conditions, device)
            bins = batches_for(_fresh(data, model, n_units, 0).to(device), activity, data.split, data.segment)
            for name in missing:
                seed = 0 if name == TWIN else int(name)
                network = _fresh(data, model, n_units, seed).to(device)
                network.start_from(
                    lambda: activity.blocks(bins.training_bins),  # noqa: B023  (used at once)
                    lambda: activity.condition_blocks(bins.training_bins),  # noqa: B023
                )
                room = room_for(network, bins, together=network.together)
                run = Run(name, seed, network, training, device=device, room=room)
                finished.take_up(run)
                train(run, bins, training, save=finished.save, interruption=interruption, progress=progress)
                if name == "0" and isinstance(model, Vae) and model.measure_gradients:
                    run.notes.append(gradient_note(run, bins, training.batch_size))
                finished.add(run)
    if not data.held_out.any():  # the twin would see what seed 0 saw, and become what it became
        finished.runs[TWIN] = {**finished.runs["0"], "history": [], "notes": []}
    return [finished.runs[name] for name in (*names, TWIN)], [] if note is None else [note]


def _fresh(data: FitData, model: Trained, n_units: int, seed: int) -> Network:
    return seeded(
        lambda: build_network(
            model,
            n_units,
            bin_size=data.bin_size,
            n_conditions=data.n_conditions,
            of_counts=data.of_counts,
        ),
        seed,
    )


def _key(data: FitData, model: Trained, training: Training, device: torch.device, code: str) -> str:
    """Return what stands for all that a checkpoint depends on; more seeds may be added to one."""
    parts = [
        data.digest,
        model.model_dump(mode="json"),
        settings_and_tuning(training)[0],
        device.type,
        code,
        alveus.__version__,
        str(torch.__version__),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
