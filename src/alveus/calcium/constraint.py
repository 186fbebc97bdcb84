"""Turns a noise level into the penalty λ, and the baseline b, for calcium whose events stay where they are.

The best calcium is then linear in λ and b, and with the sums yy, yb, bb, ee, be that `ar1` and `ar2` collect
(N = T − bb, S = Σ y − yb)

    Σ (y − b − c)² = Σ (y − b)² − yy + 2 b yb − b² bb + λ² ee,        Σ (y − b − c) = S − b N + λ be.

The baseline leaves no mean in the residual, and the penalty leaves σ² T of squares: both are closed in λ and b.
"""

import numpy as np
from numpy.typing import NDArray

from alveus.compiled import compiled

RSS_TOLERANCE = 1e-6  # of the noise constraint |RSS / (σ² T) − 1|; 1e-4 is promised
TINY = 1e-300  # a penalty without effect: no events


@compiled
def moments(y: NDArray[np.floating]) -> tuple[float, float, float]:
    """Return Σ y, Σ y² and the largest y."""
    total, squares, highest = 0.0, 0.0, np.float64(y[0])
    for t in range(y.size):
        x = np.float64(y[t])
        total += x
        squares += x * x
        highest = max(highest, x)
    return total, squares, highest


@compiled
def squares_of_residual(
    n_frames: int, total: float, squares: float, b: float, lam: float, yy: float, yb: float, bb: float, ee: float
) -> float:
    """Return Σ (y − b − c)²."""
    return squares - 2 * b * total + n_frames * b * b - (yy - 2 * b * yb + b * b * bb) + lam * lam * ee


@compiled
def penalty_and_baseline(
    n_frames: int,
    total: float,
    squares: float,
    target: float,
    baseline: float,
    optimise_baseline: bool,
    yy: float,
    yb: float,
    bb: float,
    ee: float,
    be: float,
) -> tuple[float, float]:
    """Return b and λ that leave `target` of squares; λ = −1 where even λ = 0 leaves more."""
    if optimise_baseline:
        free, rest = max(n_frames - bb, 1e-12), total - yb
        square = target - (squares - yy - rest * rest / free)
        if square < 0:
            return baseline, -1.0
        lam = np.sqrt(square / max(ee + be * be / free, TINY))
        return (rest + lam * be) / free, lam
    square = target - squares_of_residual(n_frames, total, squares, baseline, 0.0, yy, yb, bb, ee)
    if square < 0:
        return baseline, -1.0
    return baseline, np.sqrt(square / max(ee, TINY))


@compiled
def silent(n_frames: int, total: float, squares: float, target: float, baseline: float, optimise: bool) -> bool:
    """Whether the noise explains a trace without any event."""
    mean = total / n_frames
    if optimise:
        left = squares - n_frames * mean * mean
    else:
        left = squares - 2 * baseline * total + n_frames * baseline * baseline
    return left <= target * (1.0 + RSS_TOLERANCE)
