"""Turns a set of events of order 2 into their best sizes, and into a better set.

Between events the calcium is the sum of two decays, and the best sizes follow from the last event to the first,
each from a quadratic function of the two, as in linear-quadratic control. See `ar2` for what they add up to.
"""

import numpy as np
from numpy.typing import NDArray

from alveus.calcium.shape import BOTH, FAST, FAST2, SLOW, SLOW2
from alveus.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EVENT, BEFORE, NOTHING = 0, 1, 2  # what begins a pool: an event, calcium from before the segment, or neither


@compiled
def fit_sizes(
    n_pools: int,
    kind: NDArray[np.int8],
    at: Integers,
    n_frames: int,
    powers: Floats,
    sums: Floats,
    data: Floats,
    gains: Floats,
) -> tuple[float, float, float, float, float]:
    """Eliminate the events from the last to the first, for all λ and b.

    Parameters
    ----------
    kind, at
        (n_frames,) what begins each pool, and where.
    data
        (2, n_frames) κ_p Σ dᵏ y and κ_q Σ rᵏ y of each pool.
    gains
        (5, n_frames) filled: an event's size is α − b β − λ ε − γ_p p − γ_q q, with (p, q) just before it.

    Returns
    -------
    yy, yb, bb, ee, be
        Sums over events of αα, αβ, ββ, εε and βε, weighted by the curvature (see `constraint`).
    """
    longest = powers.shape[1] - 1
    kp = powers[0, 1] / (powers[0, 1] - powers[1, 1])
    yy, yb, bb, ee, be = 0.0, 0.0, 0.0, 0.0, 0.0
    # The cost from here on is ½ x M x − (y − b·b − λ·e) x of the state x = (p, q).
    m_pp, m_pq, m_qq = 0.0, 0.0, 0.0
    y_p, y_q, b_p, b_q, e_p, e_q = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    stop = n_frames
    for j in range(n_pools - 1, -1, -1):
        k = min(stop - at[j], longest)
        dl, rl = powers[0, k], powers[1, k]
        m_pp = sums[SLOW2, k] + dl * dl * m_pp
        m_pq = sums[BOTH, k] + dl * rl * m_pq
        m_qq = sums[FAST2, k] + rl * rl * m_qq
        y_p, y_q = data[0, j] + dl * y_p, data[1, j] + rl * y_q
        b_p, b_q = sums[SLOW, k] + dl * b_p, sums[FAST, k] + rl * b_q
        e_p, e_q = dl * e_p, rl * e_q
        stop = at[j]
        if kind[j] == EVENT:
            g_p, g_q = m_pp + m_pq, m_pq + m_qq
            w, a, b, e = g_p + g_q, y_p + y_q, b_p + b_q, e_p + e_q + 1.0
        else:  # calcium from before has no fast part: c = κ_p p; nothing comes before it
            g_p, g_q = 0.0, 0.0
            w, a, b, e = m_pp / (kp * kp), y_p / kp, b_p / kp, e_p / kp + 1.0
        share = 1.0 / w if kind[j] != NOTHING else 0.0
        yy += a * a * share
        yb += a * b * share
        bb += b * b * share
        ee += e * e * share
        be += b * e * share
        gains[0, j], gains[1, j], gains[2, j] = a * share, b * share, e * share
        gains[3, j], gains[4, j] = g_p * share, g_q * share
        if kind[j] == EVENT:
            y_p, y_q = y_p - g_p * a * share, y_q - g_q * a * share
            b_p, b_q = b_p - g_p * b * share, b_q - g_q * b * share
            e_p, e_q = e_p - g_p * e * share, e_q - g_q * e * share
            m_pp -= g_p * g_p * share
            m_pq -= g_p * g_q * share
            m_qq -= g_q * g_q * share
        else:
            m_pp, m_pq, m_qq = 0.0, 0.0, 0.0
            y_p, y_q, b_p, b_q, e_p, e_q = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    return yy, yb, bb, ee, be


@compiled
def find_sizes(
    n_pools: int,
    kind: NDArray[np.int8],
    at: Integers,
    powers: Floats,
    gains: Floats,
    b: float,
    lam: float,
    size: Floats,
) -> bool:
    """Fill `size` from the gains, from the first event to the last, and return whether one is negative."""
    longest = powers.shape[1] - 1
    kp = powers[0, 1] / (powers[0, 1] - powers[1, 1])
    p, q, negative = 0.0, 0.0, False
    for j in range(n_pools):
        s = gains[0, j] - b * gains[1, j] - lam * gains[2, j]
        if kind[j] == EVENT:
            k = min(at[j] - at[j - 1], longest)
            p, q = p * powers[0, k], q * powers[1, k]
            s -= gains[3, j] * p + gains[4, j] * q
            p, q = p + s, q + s
        else:
            p, q = s / kp, 0.0
        size[j] = s
        negative |= s < 0
    return negative


@compiled
def mark_negative(n_pools: int, size: Floats, gone: NDArray[np.bool_]) -> None:
    """Mark negative events, of neighbours the most negative one only: the other may be right without it."""
    before = 0.0
    for j in range(n_pools):
        after = size[j + 1] if j + 1 < n_pools else 0.0
        gone[j] = size[j] < 0 and size[j] < before and size[j] <= after
        before = size[j]


@compiled
def mark_blocking(n_pools: int, size: Floats, feasible: Floats, gone: NDArray[np.bool_]) -> None:
    """Move `feasible` towards `size` as far as all stay at 0 or above, and mark those that stop it."""
    step = 1.0
    for j in range(n_pools):
        if size[j] < 0:
            step = min(step, feasible[j] / (feasible[j] - size[j]))
    for j in range(n_pools):
        gone[j] = size[j] < 0 and feasible[j] <= step * (feasible[j] - size[j]) * (1.0 + 1e-12)
        feasible[j] = 0.0 if gone[j] else feasible[j] + step * (size[j] - feasible[j])


@compiled
def drop_events(
    n_pools: int, gone: NDArray[np.bool_], kind: NDArray[np.int8], at: Integers, powers: Floats, data: Floats
) -> int:
    """Drop marked events, whose pools become part of those before, and return how many pools are left."""
    longest = powers.shape[1] - 1
    kept = 0
    for j in range(n_pools):
        if gone[j] and kind[j] == EVENT:
            k = min(at[j] - at[kept - 1], longest)
            data[0, kept - 1] += powers[0, k] * data[0, j]
            data[1, kept - 1] += powers[1, k] * data[1, j]
            continue
        at[kept], data[0, kept], data[1, kept], data[2, kept] = at[j], data[0, j], data[1, j], data[2, j]
        kind[kept] = NOTHING if gone[j] else kind[j]
        kept += 1
    return kept


@compiled
def residual_of(
    y: NDArray[np.floating],
    n_pools: int,
    kind: NDArray[np.int8],
    at: Integers,
    d: float,
    r: float,
    size: Floats,
    b: float,
    residual: Floats,
) -> None:
    """Fill (n_frames,) y − b − c."""
    kp, kq = d / (d - r), -r / (d - r)
    p, q = 0.0, 0.0
    for j in range(n_pools):
        stop = at[j + 1] if j + 1 < n_pools else y.size
        if kind[j] == EVENT:
            p, q = p + size[j], q + size[j]
        else:
            p, q = size[j] / kp, 0.0
        for t in range(at[j], stop):
            residual[t] = y[t] - b - kp * p - kq * q
            p *= d
            q *= r


@compiled
def add_events(
    y: NDArray[np.floating],
    starts: Integers,
    n_pools: int,
    kind: NDArray[np.int8],
    at: Integers,
    d: float,
    r: float,
    size: Floats,
    residual: Floats,
    threshold: float,
    data: Floats,
    new_kind: NDArray[np.int8],
    new_at: Integers,
) -> tuple[int, float]:
    """Add an event at every maximum of the residual's correlation with a transient that is above the threshold.

    Parameters
    ----------
    data
        (3, n_frames) overwritten with κ_p Σ dᵏ y, κ_q Σ rᵏ y and size of each pool, 0 for a new one.
    new_kind, new_at
        (n_frames,) scratch.

    Returns
    -------
    n_pools, highest
        Number of pools; the highest correlation.
    """
    kp, kq = d / (d - r), -r / (d - r)
    n_frames, highest = y.size, -np.inf
    place, j = n_frames, n_pools - 1  # written from the end
    for segment in range(starts.size - 2, -1, -1):
        begin, end = starts[segment], starts[segment + 1]
        u, v, y_p, y_q = 0.0, 0.0, 0.0, 0.0
        later, next_one = -np.inf, -np.inf  # the correlation one and two frames on
        for t in range(end - 1, begin - 2, -1):
            here = np.inf  # nothing is added at a segment's first frame
            if t > begin:
                u, v = residual[t] + d * u, residual[t] + r * v
                here = kp * u + kq * v
            elif t == begin:
                u = residual[t] + d * u
                here = np.inf
            one = t + 1
            if one < end:
                is_pool = j >= 0 and at[j] == one
                is_new = False
                if not is_pool and one > begin and later > threshold and later > next_one:
                    is_new = later >= here or t == begin
                if one > begin:
                    highest = max(highest, later)
                if is_pool or is_new:
                    place -= 1
                    new_at[place] = one
                    data[0, place], data[1, place] = kp * y_p, kq * y_q
                    new_kind[place] = EVENT
                    data[2, place] = 0.0
                    y_p, y_q = 0.0, 0.0
                    if is_pool:
                        new_kind[place] = kind[j]
                        data[2, place] = size[j]
                        if one == begin and kind[j] == NOTHING and u > threshold:
                            new_kind[place] = BEFORE
                            highest = max(highest, u)
                        j -= 1
            next_one, later = later, here
            if t >= begin:
                y_p, y_q = y[t] + d * y_p, y[t] + r * y_q
    n_pools = n_frames - place
    for i in range(n_pools):
        at[i], kind[i] = new_at[place + i], new_kind[place + i]
        data[0, i], data[1, i], data[2, i] = data[0, place + i], data[1, place + i], data[2, place + i]
    return n_pools, highest
