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

from alveus.calcium.active_set import (
    BEFORE,
    EVENT,
    NOTHING,
    add_events,
    drop_events,
    find_sizes,
    fit_sizes,
    mark_blocking,
    mark_negative,
    residual_of,
)
from alveus.calcium.constraint import (
    RSS_TOLERANCE,
    moments,
    penalty_and_baseline,
    silent,
    squares_of_residual,
)
from alveus.calcium.shape import BOTH, FAST, FAST2, SLOW, SLOW2, decay_tables
from alveus.calcium.statuses import ALL_NOISE, MET, NO_ROOT, TOO_QUIET
from alveus.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DUAL_TOLERANCE = 1e-7  # of the correlation of a trace's own size with a transient: what may stand above λ
MAX_ROUNDS = 500
FREE_ROUNDS = 8  # of quick changes, many at once, which may go round in circles; then the safe steps of the book


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
