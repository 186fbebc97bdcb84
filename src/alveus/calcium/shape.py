"""Turns the roots of an autoregressive model of order 2 into the shape of a transient: norm, height, decays."""

import numpy as np
from numpy.typing import NDArray

from alveus.compiled import compiled

Floats = NDArray[np.float64]

VANISHED = 1e-30  # what is left of a transient after so many frames changes no number
SLOW, FAST, SLOW2, BOTH, FAST2 = 0, 1, 2, 3, 4  # rows of the tables


def norm_of_transient(d: Floats, r: Floats) -> Floats:
    """Return √Σ h² of the transient that an event of size 1 begins: noise σ correlates with it by σ √Σ h²."""
    kp, kq = d / (d - r), -r / (d - r)
    return np.sqrt(kp * kp / (1 - d * d) + 2 * kp * kq / (1 - d * r) + kq * kq / (1 - r * r))


def height_of_transient(d: Floats, r: Floats) -> Floats:
    """Return the highest value, in a frame, of the transient that an event of size 1 begins."""
    height = np.ones(d.shape)
    rises = r > 0
    a, b = d[rises], r[rises]
    with np.errstate(divide="ignore"):
        peak = np.log(np.log(b) / np.log(a)) / np.log(a / b)  # of dᵏ − rᵏ, as a real k
    k = np.maximum(np.floor(peak), 1.0)
    height[rises] = np.maximum(a**k - b**k, a ** (k + 1) - b ** (k + 1)) / (a - b)
    return height


@compiled
def decay_tables(d: float, r: float, n_frames: int) -> tuple[Floats, Floats]:
    """Return dˡ and rˡ, (2, L); Σ κ_p dᵏ, Σ κ_q rᵏ, Σ κ_p² d²ᵏ, Σ κ_p κ_q (dr)ᵏ, Σ κ_q² r²ᵏ over k < l, (5, L)."""
    size, left = 1, d
    while left > VANISHED and size < n_frames:
        left *= d
        size += 1
    powers, sums = np.zeros((2, size + 1)), np.zeros((5, size + 1))
    kp, kq = d / (d - r), -r / (d - r)
    powers[0, 0], powers[1, 0] = 1.0, 1.0
    for k in range(1, size + 1):
        a, b = powers[0, k - 1], powers[1, k - 1]
        powers[0, k] = a * d
        powers[1, k] = b * r if b * r > VANISHED else 0.0
        sums[SLOW, k] = sums[SLOW, k - 1] + kp * a
        sums[FAST, k] = sums[FAST, k - 1] + kq * b
        sums[SLOW2, k] = sums[SLOW2, k - 1] + kp * kp * a * a
        sums[BOTH, k] = sums[BOTH, k - 1] + kp * kq * a * b
        sums[FAST2, k] = sums[FAST2, k - 1] + kq * kq * b * b
    return powers, sums
