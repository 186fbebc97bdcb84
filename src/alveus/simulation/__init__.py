"""Recordings made up from known latents, in the container that every reader returns."""

from collections.abc import Callable

from alveus.recording import Recording
from alveus.simulation.ivae import ivae
from alveus.simulation.linear import linear
from alveus.simulation.lorenz import lorenz
from alveus.simulation.lorenz_calcium import lorenz_calcium
from alveus.simulation.mixing import mixing
from alveus.simulation.pivae import pivae
from alveus.simulation.two_photon import two_photon

SIMULATIONS: dict[str, Callable[..., Recording]] = {
    "lorenz": lorenz,
    "lorenz_calcium": lorenz_calcium,
    "linear": linear,
    "pivae": pivae,
    "ivae": ivae,
    "mixing": mixing,
    "two_photon": two_photon,
}
"""Simulators by name; each takes keyword arguments only, among them ``seed``."""

OF_LIGHT = frozenset({"lorenz_calcium", "two_photon"})
"""Simulators of what a calcium indicator shows, which becomes events before it is binned."""

OF_SIGNALS = frozenset({"ivae", "mixing"})
"""Simulators of other real numbers, which come in the container of ΔF/F."""

__all__ = [
    "OF_LIGHT",
    "OF_SIGNALS",
    "SIMULATIONS",
    "ivae",
    "linear",
    "lorenz",
    "lorenz_calcium",
    "mixing",
    "pivae",
    "two_photon",
]
