"""The name of a simulator and a seed to random draws that no other use of the same seed repeats."""

import zlib

import numpy as np


def generator(simulation: str, seed: int, *parts: int) -> np.random.Generator:
    """Make a generator of a simulator's own, or of one part of what it simulates.

    A plain ``default_rng(0)`` would draw the true latents again for whoever makes noise from seed 0.

    Parameters
    ----------
    simulation
        Name of the simulator.
    seed
        0 or more.
    *parts
        Numbers from 0 on, such as that of a unit: each part draws the same whatever the others draw.
    """
    # from 1 on: trailing zeros are no seed of their own
    return np.random.default_rng([zlib.crc32(simulation.encode()), seed, *(part + 1 for part in parts)])
