"""What a baseline is: a function that fits training bins once per seed, and one that gives any bin its latents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from alveus.baselines.bins import TrainingBins
from alveus.config.section import Section

Settings = TypeVar("Settings", bound=Section)

Parameters = dict[str, NDArray[np.float32]]
"""Arrays of one fit, by name. `components` (latent, unit) is always among them."""


class Fit(NamedTuple):
    """One fit: its parameters, and what a reader of the report should know about how it went."""

    parameters: Parameters
    notes: tuple[str, ...] = ()


class Projection(NamedTuple):
    """Latents of some bins.

    Parameters
    ----------
    mean
        (n_bins, n_latents).
    scale
        Standard deviation of the posterior, (n_bins, n_latents), or (n_latents,) where it is the same for every
        bin; None for a method without a posterior.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Baseline(Generic[Settings]):
    """A method without gradients.

    Parameters
    ----------
    fit
        Takes training bins, the model's section of the config and a number of seeds, and gives one fit per seed;
        more seeds leave the first as they were. Raises `SettingError` when the settings do not suit the bins.
    project
        Takes the parameters of a fit and the activity (n_bins, n_units) of any bins of the same units, and gives
        their latents. Works in blocks.
    """

    fit: Callable[[TrainingBins, Settings, int], list[Fit]]
    project: Callable[[Parameters, NDArray[np.generic]], Projection]
