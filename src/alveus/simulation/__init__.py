"""Recordings made up from known latents, in the container that every reader returns."""

from collections.abc import Callable

from alveus.recording import Recording
from alveus.simulation.linear import linear
from alveus.simulation.lorenz import lorenz

SIMULATIONS: dict[str, Callable[..., Recording]] = {"lorenz": lorenz, "linear": linear}
"""Simulators by name; each takes keyword arguments only, among them ``seed``."""

__all__ = ["SIMULATIONS", "linear", "lorenz"]
