"""Turns ΔF/F into events where calcium rises and decays: an exact method for autoregressive order 2.

Minimises ½ Σ (y_t − b − c_t)² + λ Σ s_t over s_t = c_t − (d + r) c_{t−1} + d r c_{t−2} ≥ 0, roots 0 ≤ r < d < 1.
Calcium that is there at a segment's first frame decays with d; its size counts as an event in the penalty.

OASIS is not exact here: with a rise, what comes later moves the best place of an event. Instead an active set of
events is kept. Between events the calcium is the sum of two decays, p and q, c = κ_p p + κ_q q, and an event adds
to both. For a set of events the best sizes follow from the last event to the first, each from a quadratic function
of (p, q), as in linear-quadratic control: some thirty multiplications an event, and none a frame. They are linear
in λ and b, which gives the noise constraint in closed form, as for order 1. Events below 0 leave the set; an event
enters where the residual, correlated with the transient, has a maximum above λ. Where there is none the
Karush-Kuhn-Tucker conditions hold, and as the problem is convex, the result is the best there is.

`start_events` is OASIS's greedy rule for order 2: where the active set starts, and what a threshold s_min gives.

Friedrich, Zhou & Paninski (2017), Fast online deconvolution of calcium imaging data, PLoS Computational Biology
13, e1005423.
Lawson & Hanson (1974), Solving least squares problems, chapter 23.
"""

import numpy as np
from numpy.typing import NDArray

from alveus.calcium.constraint import (
    RSS_TOLERANCE,
    moments,
    penalty_and_baseline,
    silent,
    squares_of_residual,
)
from alveus.calcium.statuses import ALL_NOISE, MET, NO_ROOT, TOO_QUIET
from alveus.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

VANISHED = 1e-30  # what is left of a transient after so many frames changes no number
DUAL_TOLERANCE = 1e-7  # of the correlation of a trace's own size with a transient: what may stand above λ
MAX_ROUNDS = 500
FREE_ROUNDS = 8  # of quick changes, many at once, which may go round in circles; then the safe steps of the book
EVENT, BEFORE, NOTHING = 0, 1, 2  # what begins a pool: an event, calcium from before the segment, or neither
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


@compiled
def start_events(
    y: NDArray[np.floating],
    starts: Integers,
    d: float,
    r: float,
    baseline: float,
    penalty: float,
    s_min: float,
    powers: Floats,
    sums: Floats,
    at: Integers,
    size: Floats,
    work: Floats,
) -> int:
    """Find events by OASIS's greedy rule: pools whose event is below s_min become part of the one before.

    Parameters
    ----------
    at, size
        (n_frames,) filled with the frame and the size of each event; the first of a segment is its first frame,
        with the calcium that is there from the beginning.
    work
        (6, n_frames) scratch.

    Returns
    -------
    int
        Number of events.
    """
    one, longest = np.uint64(1), np.uint64(powers.shape[1] - 1)
    kp, kq = d / (d - r), -r / (d - r)
    inner, edge = baseline + penalty * (1.0 - d) * (1.0 - r), baseline + penalty
    before_edge = baseline + penalty * (1.0 - d - r)
    slow, fast, before_p, before_q, length = work[0], work[1], work[2], work[3], work[4]
    top = np.uint64(0)
    for segment in range(starts.size - 1):
        base = top
        begin, end = np.uint64(starts[segment]), np.uint64(starts[segment + 1])
        for t in range(begin, end):
            # Gᵀ1: the penalty per unit of calcium is less in the middle of a segment than in its last two frames
            x = np.float64(y[t])
            x -= edge if t + one == end else (before_edge if t + one + one == end else inner)
            dy, ry, n = x, x, one
            p, q = 0.0, 0.0
            if top > base:
                j = top - one
                k = np.uint64(length[j])
                k = min(k, longest)
                if j == base:
                    p = powers[0, k] * size[j] / kp
                else:
                    p, q = powers[0, k] * (before_p[j] + size[j]), powers[1, k] * (before_q[j] + size[j])
            first = np.int64(t)
            while True:
                k = min(n, longest)
                # the best event at the beginning of the pool, given the calcium before it
                m_pp, m_pq, m_qq = sums[SLOW2, k], sums[BOTH, k], sums[FAST2, k]
                if top == base:
                    s = (dy * kp) / (m_pp / kp)
                    s = max(s, 0.0)
                    break
                s = (kp * dy + kq * ry - (m_pp + m_pq) * p - (m_pq + m_qq) * q) / (m_pp + 2 * m_pq + m_qq)
                if s >= s_min and s > 0:
                    break
                top -= one
                kl = min(np.uint64(length[top]), longest)
                dy = slow[top] + powers[0, kl] * dy
                ry = fast[top] + powers[1, kl] * ry
                n += np.uint64(length[top])
                p, q = before_p[top], before_q[top]
                first = at[top]
            at[top], size[top], length[top] = first, s, n
            slow[top], fast[top], before_p[top], before_q[top] = dy, ry, p, q
            top += one
    return int(top)


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


@compiled
def next_penalty(
    n_frames: int,
    total: float,
    squares: float,
    target: float,
    b: float,
    lam: float,
    optimise_baseline: bool,
    yy: float,
    yb: float,
    bb: float,
    ee: float,
    be: float,
) -> tuple[float, float, bool]:
    """Return b and λ for these events, and whether they leave `target`; while events are missing λ is halved."""
    b, new_lam = penalty_and_baseline(n_frames, total, squares, target, b, optimise_baseline, yy, yb, bb, ee, be)
    if new_lam >= 0:
        return b, new_lam, True
    lam = 0.5 * lam if lam * lam * ee > RSS_TOLERANCE * target else 0.0
    if optimise_baseline:
        b = (total - yb + lam * be) / max(n_frames - bb, 1e-12)
    return b, lam, False


@compiled
def solve_trace(
    y: NDArray[np.floating],
    starts: Integers,
    d: float,
    r: float,
    noise: float,
    baseline: float,
    penalty: float,
    optimise_baseline: bool,
    meet: bool,
    powers: Floats,
    sums: Floats,
    kind: NDArray[np.int8],
    at: Integers,
    size: Floats,
    data: Floats,
    gains: Floats,
    scratch: Floats,
    new_kind: NDArray[np.int8],
    new_at: Integers,
    gone: NDArray[np.bool_],
) -> tuple[int, float, float, int, int]:
    """Find the events of one trace.

    Returns
    -------
    n_pools, baseline, penalty, status, rounds
        The events are left in `kind`, `at` and `size`.
    """
    n_frames, residual = y.size, scratch[0]
    total, squares, highest = moments(y)
    energy = sums[SLOW2, -1] + 2 * sums[BOTH, -1] + sums[FAST2, -1]  # of a transient
    target = noise * noise * n_frames
    b, lam = baseline, penalty
    if meet:
        if silent(n_frames, total, squares, target, baseline, optimise_baseline):
            b = total / n_frames if optimise_baseline else baseline
            for segment in range(starts.size - 1):
                at[segment], size[segment], kind[segment] = starts[segment], 0.0, NOTHING
            area = sums[SLOW, -1] + sums[FAST, -1]
            return starts.size - 1, b, max(highest - b, 0.0) * area, ALL_NOISE, 0
        lam = 1.5 * noise * np.sqrt(energy)
    n_pools = start_events(y, starts, d, r, b, lam, 0.0, powers, sums, at, size, scratch)
    segment = 0
    for j in range(n_pools):
        kind[j] = EVENT
        if at[j] == starts[segment]:
            kind[j] = BEFORE if size[j] > 0 else NOTHING
            segment += 1
    residual[:] = 0.0
    n_pools, _ = add_events(y, starts, n_pools, kind, at, d, r, size, residual, np.inf, data, new_kind, new_at)
    tolerance = DUAL_TOLERANCE * np.sqrt(squares / n_frames * energy)
    reached, share = not meet, 0.0
    for turn in range(MAX_ROUNDS):
        quick = turn < FREE_ROUNDS
        while True:
            yy, yb, bb, ee, be = fit_sizes(n_pools, kind, at, n_frames, powers, sums, data, gains)
            if meet and quick:
                b, lam, reached = next_penalty(n_frames, total, squares, target, b, lam, optimise_baseline,
                                               yy, yb, bb, ee, be)  # fmt: skip
            if not find_sizes(n_pools, kind, at, powers, gains, b, lam, size):
                break
            if quick:
                mark_negative(n_pools, size, gone)
            else:
                mark_blocking(n_pools, size, data[2], gone)
            n_pools = drop_events(n_pools, gone, kind, at, powers, data)
        residual_of(y, n_pools, kind, at, d, r, size, b, residual)
        n_pools, highest = add_events(
            y, starts, n_pools, kind, at, d, r, size, residual, lam + max(tolerance, share), data, new_kind, new_at
        )
        share = 0.0 if quick else (0.5 if turn < 5 * FREE_ROUNDS else 0.99) * (highest - lam)
        if highest > lam + tolerance:
            continue
        if meet and not quick:  # optimal for this λ and b: are they right?
            left = squares_of_residual(n_frames, total, squares, b, lam, yy, yb, bb, ee)
            mean = (total - n_frames * b - yb + b * bb + lam * be) / n_frames
            reached = abs(left - target) <= RSS_TOLERANCE * target and (
                not optimise_baseline or mean * mean <= RSS_TOLERANCE * noise * noise
            )
            if not reached:
                if lam == 0.0 and left > target:
                    return n_pools, b, lam, TOO_QUIET, turn
                b, lam, _ = next_penalty(n_frames, total, squares, target, b, lam, optimise_baseline,
                                         yy, yb, bb, ee, be)  # fmt: skip
        if reached:
            return n_pools, b, lam, MET, turn
        if lam == 0.0:
            return n_pools, b, lam, TOO_QUIET, turn
    return n_pools, b, lam, NO_ROOT, MAX_ROUNDS


@compiled
def deconvolve_ar2(
    traces: NDArray[np.floating],
    starts: Integers,
    slow: Floats,
    fast: Floats,
    penalties: Floats,
    s_mins: Floats,
    noises: Floats,
    baselines: Floats,
    optimise_baseline: bool,
    meet: bool,
    events: NDArray[np.floating],
    calcium: NDArray[np.floating],
    status: Integers,
) -> None:
    """Deconvolve whole traces, one after another, without the lock of the interpreter.

    Parameters and results are those of `ar1.deconvolve_ar1`, with the roots d and r, (n_units,), for γ. With a
    threshold s_min the greedy rule is used, as in OASIS: no exact method is known.
    """
    n_units, n_frames = traces.shape
    kind, new_kind = np.empty(n_frames, np.int8), np.empty(n_frames, np.int8)
    at, new_at = np.empty(n_frames, np.int64), np.empty(n_frames, np.int64)
    size, data, gains, scratch = (
        np.empty(n_frames), np.empty((3, n_frames)), np.empty((5, n_frames)), np.empty((5, n_frames))
    )  # fmt: skip
    gone = np.empty(n_frames, np.bool_)
    powers, sums = decay_tables(slow[0], fast[0], n_frames)
    for u in range(n_units):
        d, r = slow[u], fast[u]
        if u > 0 and (d != slow[u - 1] or r != fast[u - 1]):
            powers, sums = decay_tables(d, r, n_frames)
        y = traces[u]
        if s_mins[u] > 0:
            n_pools = start_events(
                y, starts, d, r, baselines[u], penalties[u], s_mins[u], powers, sums, at, size, scratch
            )
            segment = 0
            for j in range(n_pools):
                kind[j] = EVENT
                if at[j] == starts[segment]:
                    kind[j] = BEFORE
                    segment += 1
            status[u] = MET
        else:
            n_pools, baselines[u], penalties[u], status[u], _ = solve_trace(
                y, starts, d, r, noises[u], baselines[u], penalties[u], optimise_baseline, meet,
                powers, sums, kind, at, size, data, gains, scratch, new_kind, new_at, gone,
            )  # fmt: skip
        events[u] = 0.0
        for j in range(n_pools):
            if kind[j] == EVENT:
                events[u, at[j]] = size[j]
        if calcium.shape[1]:
            residual_of(y, n_pools, kind, at, d, r, size, 0.0, scratch[0])
            for t in range(n_frames):
                calcium[u, t] = y[t] - scratch[0, t]
