"""What fitting a method gives: the weights of every seed, of the twin, and how they came about."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

State = dict[str, Tensor]
"""Parameters of one fit, by name."""

Row = dict[str, str | int | float | bool]
"""One line of history.csv."""

HISTORY_COLUMNS = (
    "seed", "step", "epoch", "train_loss", "validation_loss", "reconstruction", "kl", "beta", "learning_rate",
    "best",
)  # fmt: skip
"""Keys of a row. `seed` is the number of the seed, or ``twin``. `train_loss` is the mean over the steps since the
row before (empty at step 0); `validation_loss` is `beta` * `kl` - `reconstruction`, both on validation bins. All
are in nats per bin, over all units and all latents. `best`: these weights were the best so far."""


@dataclass(frozen=True)
class FittedModel:
    """A fitted method.

    Parameters
    ----------
    method
        What kind of model it is: ``pca``, ``nmf``, ``vae``, ... as in the config.
    settings
        The model's section of the config, as plain values.
    n_units
        Units that the seeds were fitted on.
    n_latents
        Number of latents.
    seeds
        Parameters of each seed, on all units.
    twin
        Parameters of one more fit (seed 0) on the units that are not held out.
    bin_size
        Width of the bins it was fitted on [s].
    n_conditions
        Width of what else was known of each bin.
    of_counts
        Whether the activity was counts.
    history
        One row per evaluation, with the keys `HISTORY_COLUMNS`; empty for methods without gradients.
    notes
        What a reader of the report should know about how it went.
    versions
        Versions of the software that fitted it.
    """

    method: str
    settings: dict[str, Any]
    n_units: int
    n_latents: int
    seeds: tuple[State, ...]
    twin: State
    bin_size: float = 1.0
    n_conditions: int = 0
    of_counts: bool = True
    history: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
