"""Recordings made up from known latents, in the container that every reader returns."""

from collections.abc import Callable

from alveus.recording import Recording
from alveus.simulation.ivae import ivae
from alveus.simulation.linear import linear
from alveus.simulation.lorenz import lorenz
from alveus.simulation.mixing import mixing
from alveus.simulation.pivae import pivae

SIMULATIONS: dict[str, Callable[..., Recording]] = {
    "lorenz": lorenz,
    "linear": linear,
    "pivae": pivae,
    "ivae": ivae,
    "mixing": mixing,
}
"""Simulators by name; each takes keyword arguments only, among them ``seed``."""

WITHOUT_SPIKES = frozenset({"ivae", "mixing"})
"""Simulators of real-valued signals, which come in the container of ΔF/F."""

__all__ = ["SIMULATIONS", "WITHOUT_SPIKES", "ivae", "linear", "lorenz", "mixing", "pivae"]
