"""What a decoder loses where its latents are taken from other bins: the numbers that encoding hands to scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alveus.errors import ArtefactError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reliance:
    """Log-likelihoods lost in some test bins [nats]; parts of the latents are exchanged one after the other.

    What is exchanged (the axis `exchanged`) is each latent alone, and at the end all of them together.

    Parameters
    ----------
    bins
        (n_reliance_bins,) numbers of the bins, ascending.
    lost
        (n_seeds, n_reliance_bins, n_exchanged) with samples from other bins, mean over circular shifts.
    redrawn
        (n_seeds, n_draws, n_exchanged) with other samples of the same bins, mean over bins: what is lost where
        nothing that the activity says is exchanged.
    side_lost
        (n_seeds, n_reliance_bins) with the side channel from the encoder taken from other bins; None where a
        decoder has none.

    Raises
    ------
    ArtefactError
        When shapes disagree, or values are not finite.
    """

    bins: NDArray[np.int64]
    lost: Floats
    redrawn: Floats
    side_lost: Floats | None = None

    def __post_init__(self) -> None:
        n_seeds, n_bins, n_exchanged = self.lost.shape
        shapes = {"lost": (n_seeds, self.bins.size, n_exchanged), "side_lost": (n_seeds, n_bins)}
        shapes["redrawn"] = (n_seeds, self.redrawn.shape[1], n_exchanged)
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != shape:
                raise ArtefactError(
                    f"reliance: {name} has shape {values.shape}, but the others ask for {shape}: encode again"
                )
            bad = values.size - np.count_nonzero(np.isfinite(values))
            if bad:
                raise ArtefactError(
                    f"reliance: {bad} of {values.size} values of {name} are not finite: fit this model again"
                )
