"""A behavioural variable in bins to the numbers that a linear decoder predicts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-6  # relative to its size, a covariate that varies less is a constant in float32

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Covariate:
    """One behavioural variable in bins.

    Parameters
    ----------
    values
        (n_bins,) or (n_bins, n_components): real numbers with NaN where missing, or for ``categorical``
        whole-number codes into `labels` with −1 where missing.
    kind
        How to decode it.
    period
        Length of the circle for ``circular``.
    labels
        Names of the categories.
    """

    values: NDArray[np.floating] | NDArray[np.integer]
    kind: Literal["continuous", "circular", "categorical"] = "continuous"
    period: float | None = None
    labels: tuple[str, ...] = ()

    @property
    def score(self) -> str:
        """Name of the score that fits its kind."""
        return "decoding_accuracy" if self.kind == "categorical" else "decoding_r2"

    @property
    def n_labels(self) -> int:
        """Number of categories, named or met."""
        return max(len(self.labels), int(self.values.max(initial=-1)) + 1)

    def targets(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Numbers to predict, and where they are known.

        Returns
        -------
        targets
            (n_bins, n_targets), 0 where missing: centred values, divided by one scale for all components so that
            each weighs as measured; cosine and sine; or one indicator per category. A constant is 0 throughout.
        known
            (n_bins,).
        """
        if self.kind == "categorical":
            known = np.asarray(self.values >= 0)
            targets = (self.values[:, None] == np.arange(self.n_labels)).astype(np.float64)
            return targets, known
        real = np.asarray(self.values, np.float64).reshape(len(self.values), -1)
        known = np.asarray(np.isfinite(real).all(axis=1))
        if self.kind == "circular":
            angle = 2 * np.pi * real / (self.period or 2 * np.pi)
            targets = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        else:
            targets = _centred(real, known)
        targets[~known] = 0.0
        return targets, known


def _centred(values: Floats, known: NDArray[np.bool_]) -> Floats:
    if not known.any():
        return np.zeros_like(values)
    centred = values - values[known].mean(axis=0)
    scale = np.sqrt((centred[known] ** 2).mean())
    if scale <= ROUNDING * np.abs(values[known]).max():
        return np.zeros_like(values)
    return np.asarray(centred / scale)
