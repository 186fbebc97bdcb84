"""A study's choices of how scores get floors and intervals, and seeds for their random draws."""

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScoreSettings:
    """How floors and intervals are drawn.

    Parameters
    ----------
    shifts
        Circular shifts behind each floor.
    resamples
        Bootstrap samples behind each interval.
    seed
        Of shifts and resamples.
    """

    shifts: int = 20
    resamples: int = 200
    seed: int = 0

    def generator(self, *names: str | int) -> np.random.Generator:
        """Return a generator of its own for each name, so that no score depends on which others were computed."""
        return np.random.default_rng([self.seed, zlib.crc32("/".join(map(str, names)).encode())])
