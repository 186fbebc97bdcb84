"""Turns a fresh model into a run: one in training, that can be saved and taken up again."""

from copy import copy
from typing import Any

import torch
from torch import nn

from alveus.config.models import Training
from alveus.fit.fitted import Row, State
from alveus.fit.memory import Room
from alveus.fit.schedule import Plateau
from alveus.models.network import Network

# What a seed's random numbers are for; each purpose has a stream of its own, so that none depends on another.
ORDER, NOISE, VALIDATION_NOISE = range(3)


class Run:
    """One model in training, with everything that has to be saved to go on exactly as if never interrupted.

    Parameters
    ----------
    name
        Number of the seed, or ``twin``.
    seed
        Seed of the order of bins and of the noise.
    model
        Fresh, or of any weights when `resume` follows.
    settings
        How to train.
    device
        Where the model is.
    room
        For how many items of a batch at a time there is memory, in steps; evaluations have their own.
    """

    def __init__(
        self, name: str, seed: int, model: Network, settings: Training, *, device: torch.device, room: Room
    ) -> None:
        self.name, self.seed, self.model = name, seed, model
        self.room, self.room_to_evaluate = room, copy(room)
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.schedule = Plateau(
            settings.learning_rate, settings.learning_rate_decay, settings.patience, settings.decays
        )
        self.optimizer = self.fresh_optimizer()
        self.noise = torch.Generator(device).manual_seed(stream(seed, NOISE))
        self.step = 0
        self.restarts = 0
        self.evaluated_at = 0  # step of the last evaluation
        self.train_loss = torch.zeros((), device=device)  # summed since then
        self.best: State = copied(model)
        self.history: list[Row] = []
        self.notes: list[str] = []

    def fresh_optimizer(self) -> torch.optim.Adam:
        """Return Adam (Kingma & Ba, 2015) without memory of gradients."""
        return torch.optim.Adam(self.parameters, lr=self.schedule.learning_rate, fused=True)

    def state(self) -> dict[str, Any]:
        """Return all that `resume` needs, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state(),
            "noise": self.noise.get_state(),
            "step": self.step,
            "restarts": self.restarts,
            "evaluated_at": self.evaluated_at,
            "train_loss": self.train_loss,
            "history": self.history,
            "notes": self.notes,
            "items_at_a_time": self.room.most,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self.model.load_state_dict(state["model"])
        self.best = {name: value.to(self.noise.device) for name, value in state["best"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule = Plateau(**state["schedule"])
        self.noise.set_state(state["noise"])
        self.step, self.evaluated_at, self.restarts = state["step"], state["evaluated_at"], state["restarts"]
        self.train_loss = state["train_loss"].to(self.noise.device)
        self.history, self.notes = state["history"], state["notes"]
        self.room.most = state["items_at_a_time"]  # parts of another size add up to another rounding


def stream(seed: int, purpose: int, epoch: int = 0) -> int:
    """Turn a seed and what it is for into a seed of its own."""
    return (seed * 3 + purpose) * 1_000_003 + epoch


def copied(model: nn.Module) -> State:
    """Return a copy of all weights and buffers."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
