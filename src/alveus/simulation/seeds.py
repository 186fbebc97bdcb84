"""The name of a simulator and a seed to random draws that no other use of the same seed repeats."""

import zlib

import numpy as np


def generator(simulation: str, seed: int) -> np.random.Generator:
    """Make a generator of a simulator's own.

    A plain ``default_rng(0)`` would draw the true latents again for whoever makes noise from seed 0.

    Parameters
    ----------
    simulation
        Name of the simulator.
    seed
        0 or more.
    """
    return np.random.default_rng([zlib.crc32(simulation.encode()), seed])
