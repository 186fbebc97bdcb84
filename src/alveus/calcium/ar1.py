"""Turns ΔF/F into events where calcium jumps and decays: OASIS for an autoregressive process of order 1.

Minimises ½ Σ (y_t − b − c_t)² + λ Σ s_t with s_t = c_t − γ c_{t−1} either 0 or at least s_min, over the calcium c.
A stretch without events is a *pool*: its calcium decays from its first frame, c_{i+k} = γᵏ v, so that a pool of
l frames is known by l and by n = Σ γᵏ y_{i+k}. With W = Σ γ²ᵏ and M = Σ γᵏ (tables of l) the best value is

    v = (n − b M − λ E) / W,    E = 1 − γˡ, and E = 1 in the last pool of a segment,

and two neighbours whose jump is too small become one pool. As no division is needed to compare two pools, a frame
costs a few multiplications.

Friedrich, Zhou & Paninski (2017), Fast online deconvolution of calcium imaging data, PLoS Computational Biology
13, e1005423.
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
Counts = NDArray[np.uint64]

VANISHED = 1e-30  # what is left of a transient after so many frames changes no number
MAX_STEPS = 60  # of the search for λ; 4 to 10 are usual


@compiled
def pool_tables(gamma: float, n_frames: int) -> tuple[Floats, Floats, Floats]:
    """Return γˡ, Σ γ²ᵏ and Σ γᵏ over k < l, for l = 0, 1, … until γˡ has vanished (or `n_frames`)."""
    size = 1
    left = gamma
    while left > VANISHED and size < n_frames:
        left *= gamma
        size += 1
    decay, weight, mass = np.empty(size + 1), np.empty(size + 1), np.empty(size + 1)
    decay[0], weight[0], mass[0] = 1.0, 0.0, 0.0
    for k in range(1, size + 1):
        decay[k] = decay[k - 1] * gamma
        weight[k] = weight[k - 1] + decay[k - 1] * decay[k - 1]
        mass[k] = mass[k - 1] + decay[k - 1]
    return decay, weight, mass


@compiled
def pool_frames(
    y: NDArray[np.floating],
    starts: Integers,
    baseline: float,
    penalty: float,
    s_min: float,
    decay: Floats,
    weight: Floats,
    value: Floats,
    length: Counts,
    first_pool: Integers,
) -> int:
    """Pool the frames of one trace.

    Parameters
    ----------
    y
        (n_frames,) ΔF/F, without NaN.
    starts
        (n_segments + 1,) first frame of each segment, and n_frames.
    decay, weight
        Tables of `pool_tables`.
    value, length
        (n_frames,) filled with W v and l of each pool.
    first_pool
        (n_segments + 1,) filled with the first pool of each segment, and their number.

    Returns
    -------
    int
        Number of pools.
    """
    # Unsigned numbers as indices: no test for those that count from the end, which takes a third of the time.
    one, longest = np.uint64(1), np.uint64(decay.size - 1)
    gamma = decay[1]
    offset = baseline + penalty * (1.0 - gamma)
    top = np.uint64(0)
    for segment in range(starts.size - 1):
        base = top
        first_pool[segment] = top
        begin, end = np.uint64(starts[segment]), np.uint64(starts[segment + 1])
        # The newest pool is held in these, those before it in the arrays.
        z, n, d, w = np.float64(y[begin]) - offset, one, gamma, 1.0
        for t in range(begin + one, end):
            x = np.float64(y[t]) - offset
            if (x - s_min) * w >= d * z:
                value[top], length[top] = z, n
                top += one
                z, n, d, w = x, one, gamma, 1.0
                continue
            z += d * x
            n += one
            k = min(n, longest)
            d, w = decay[k], weight[k]
            while top > base:
                n_before, z_before = length[top - one], value[top - one]
                k = min(n_before, longest)
                d_before = decay[k]
                if (z - s_min * w) * weight[k] >= d_before * z_before * w:
                    break
                top -= one
                z = z_before + d_before * z
                n += n_before
                k = min(n, longest)
                d, w = decay[k], weight[k]
        # The last frame's penalty is λ, not λ (1 − γ): its pool is lower than thought, and may have to merge.
        z -= penalty * decay[min(n, longest)]
        while top > base:
            n_before, z_before = length[top - one], value[top - one]
            k = min(n_before, longest)
            d_before, w = decay[k], weight[min(n, longest)]
            if (z - s_min * w) * weight[k] >= d_before * z_before * w:
                break
            top -= one
            z = z_before + d_before * z
            n += n_before
        value[top], length[top] = z, n
        top += one
    first_pool[starts.size - 1] = top
    return int(top)


@compiled
def pool_pools(
    baseline: float,
    penalty: float,
    decay: Floats,
    weight: Floats,
    mass: Floats,
    numerator: Floats,
    value: Floats,
    length: Counts,
    first_pool: Integers,
) -> None:
    """Pool further, in place, after b or λ has grown.

    More penalty shrinks every jump, so that pools only ever become one: what was pooled stays pooled.

    Parameters
    ----------
    numerator, value, length, first_pool
        n of each pool, W v and l of each pool, first pool of each segment: read and overwritten.
    """
    one, longest = np.uint64(1), np.uint64(decay.size - 1)
    top, start = np.uint64(0), np.uint64(first_pool[0])
    for segment in range(first_pool.size - 1):
        base, stop = top, np.uint64(first_pool[segment + 1])
        first_pool[segment] = top
        for j in range(start, stop):
            sum_y, size = numerator[j], length[j]
            k = min(size, longest)
            d, w = decay[k], weight[k]
            z = sum_y - baseline * mass[k] - (penalty * (1.0 - d) if j + one < stop else penalty)
            while top > base:
                size_before, z_before = length[top - one], value[top - one]
                k = min(size_before, longest)
                d_before = decay[k]
                if z * weight[k] >= d_before * z_before * w:
                    break
                top -= one
                sum_y = numerator[top] + d_before * sum_y
                z = z_before + d_before * z
                size += size_before
                w = weight[min(size, longest)]
            numerator[top], value[top], length[top] = sum_y, z, size
            top += one
        start = stop
    first_pool[first_pool.size - 1] = top


@compiled
def numerators(
    baseline: float,
    penalty: float,
    decay: Floats,
    mass: Floats,
    value: Floats,
    length: Counts,
    first_pool: Integers,
    numerator: Floats,
) -> None:
    """Fill `numerator` with n of each pool, from its W v."""
    one, longest = np.uint64(1), np.uint64(decay.size - 1)
    for segment in range(first_pool.size - 1):
        stop = np.uint64(first_pool[segment + 1])
        for j in range(np.uint64(first_pool[segment]), stop):
            k = min(length[j], longest)
            rest = penalty * (1.0 - decay[k]) if j + one < stop else penalty
            numerator[j] = value[j] + baseline * mass[k] + rest


@compiled
def pool_sums(
    decay: Floats,
    weight: Floats,
    mass: Floats,
    numerator: Floats,
    value: Floats,
    length: Counts,
    first_pool: Integers,
) -> tuple[float, float, float, float, float]:
    """Return Σ n²/W, Σ nM/W, Σ M²/W, Σ E²/W and Σ EM/W over the pools that hold calcium."""
    one, longest = np.uint64(1), np.uint64(decay.size - 1)
    nn, nm, mm, ee, em = 0.0, 0.0, 0.0, 0.0, 0.0
    for segment in range(first_pool.size - 1):
        stop = np.uint64(first_pool[segment + 1])
        for j in range(np.uint64(first_pool[segment]), stop):
            if value[j] <= 0:
                continue
            k = min(length[j], longest)
            n, m = numerator[j], mass[k]
            e = 1.0 - decay[k] if j + one < stop else 1.0
            share = 1.0 / weight[k]
            nn += n * n * share
            nm += n * m * share
            mm += m * m * share
            ee += e * e * share
            em += e * m * share
    return nn, nm, mm, ee, em


@compiled
def meet_noise(
    y: NDArray[np.floating],
    starts: Integers,
    noise: float,
    baseline: float,
    optimise_baseline: bool,
    decay: Floats,
    weight: Floats,
    mass: Floats,
    numerator: Floats,
    value: Floats,
    length: Counts,
    first_pool: Integers,
    kept_numerator: Floats,
    kept_length: Counts,
    kept_first: Integers,
) -> tuple[float, float, int]:
    """Find λ, and b where asked, with Σ (y − b − c)² = σ² T and, for b, Σ (y − b − c) = 0.

    On pools that stay the same both are closed in λ and b (`constraint`). Pools only ever merge as the level
    λ (1 − γ) + b grows, so that a step up begins from the pools of the last one, and a step down from those of the
    highest level known to be too low.

    Returns
    -------
    baseline, penalty, status
        The pools are left in `value`, `length` and `first_pool`.
    """
    n_frames, gamma = y.size, decay[1]
    total, squares, highest = moments(y)
    target = noise * noise * n_frames
    if silent(n_frames, total, squares, target, baseline, optimise_baseline):
        b = total / n_frames if optimise_baseline else baseline
        lam = max(highest - b, 0.0) / (1.0 - gamma)
        pool_frames(y, starts, b, lam, 0.0, decay, weight, value, length, first_pool)
        return b, lam, ALL_NOISE
    lam, b = 0.0, baseline
    floor, ceiling = -np.inf, np.inf  # levels λ (1 − γ) + b known to lie below and above the root
    n_kept, kept_level, kept_lam = 0, np.inf, np.inf
    warm = False
    for _ in range(MAX_STEPS):
        level = b + lam * (1.0 - gamma)
        if warm:
            pool_pools(b, lam, decay, weight, mass, numerator, value, length, first_pool)
        elif level >= kept_level and lam >= kept_lam:
            numerator[:n_kept], length[:n_kept] = kept_numerator[:n_kept], kept_length[:n_kept]
            first_pool[:] = kept_first
            pool_pools(b, lam, decay, weight, mass, numerator, value, length, first_pool)
        else:
            pool_frames(y, starts, b, lam, 0.0, decay, weight, value, length, first_pool)
            numerators(b, lam, decay, mass, value, length, first_pool, numerator)
        nn, nm, mm, ee, em = pool_sums(decay, weight, mass, numerator, value, length, first_pool)
        rss = squares_of_residual(n_frames, total, squares, b, lam, nn, nm, mm, ee)
        mean = (total - n_frames * b - nm + b * mm + lam * em) / n_frames
        if abs(rss - target) <= RSS_TOLERANCE * target and (
            not optimise_baseline or mean * mean <= RSS_TOLERANCE * noise * noise
        ):
            return b, lam, MET
        if not optimise_baseline and lam == 0.0 and rss > target:
            return b, lam, TOO_QUIET
        new_b, new_lam = penalty_and_baseline(
            n_frames, total, squares, target, b, optimise_baseline, nn, nm, mm, ee, em
        )
        new_level = new_b + new_lam * (1.0 - gamma)
        if new_lam >= 0 and new_level > level:
            floor = max(floor, level)
            n_kept, kept_level, kept_lam = first_pool[starts.size - 1], level, lam
            kept_numerator[:n_kept], kept_length[:n_kept] = numerator[:n_kept], length[:n_kept]
            kept_first[:] = first_pool
        else:
            ceiling = min(ceiling, level)
        if new_lam < 0 or not floor < new_level < ceiling:
            # No root on these pools, or one that is ruled out: halve, or go down while nothing is known below.
            if ceiling == np.inf or ceiling - floor <= 1e-12 * noise:
                return b, lam, NO_ROOT
            new_level = 0.5 * (floor + ceiling) if floor > -np.inf else ceiling - 2.0 * noise
            if optimise_baseline:
                new_b, new_lam = new_level - lam * (1.0 - gamma), lam
            else:
                new_lam = max((new_level - b) / (1.0 - gamma), 0.0)
        warm = new_level >= level and new_lam >= lam
        lam, b = new_lam, new_b
    return b, lam, NO_ROOT


@compiled
def write_events(
    decay: Floats,
    weight: Floats,
    value: Floats,
    length: Counts,
    first_pool: Integers,
    s_min: float,
    events: NDArray[np.floating],
    calcium: NDArray[np.floating],
) -> None:
    """Write the jumps between pools, and the calcium unless `calcium` is empty.

    A segment's first frame has no event: calcium that is there from the beginning came before it.
    """
    longest, t = np.uint64(decay.size - 1), np.uint64(0)
    events[:] = 0.0
    for segment in range(first_pool.size - 1):
        left = np.inf
        for j in range(np.uint64(first_pool[segment]), np.uint64(first_pool[segment + 1])):
            k = min(length[j], longest)
            v = max(value[j], 0.0) / weight[k]
            if left == 0.0 and v < s_min:
                v = 0.0  # large enough after a pool below zero, but not after none
            if v > left:
                events[t] = v - left
            left = v * decay[k]
            if calcium.size:
                for i in range(t, t + length[j]):
                    calcium[i] = v
                    v *= decay[1]
            t += length[j]


@compiled
def deconvolve_ar1(
    traces: NDArray[np.floating],
    starts: Integers,
    gammas: Floats,
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

    Parameters
    ----------
    traces
        (n_units, n_frames) ΔF/F, without NaN.
    starts
        (n_segments + 1,) first frame of each segment, and n_frames; calcium begins anew in each.
    gammas
        (n_units,) γ, in [0, 1).
    penalties, baselines
        (n_units,) λ and b: used, or overwritten with what the noise constraint asks for.
    s_mins
        (n_units,) smallest event; 0 where the noise constraint is to be met.
    noises
        (n_units,) standard deviation of the noise.
    optimise_baseline, meet
        Whether b is found; whether λ (and b) meet the noise constraint.
    events
        (n_units, n_frames) overwritten.
    calcium
        (n_units, n_frames) overwritten, or (n_units, 0): not wanted.
    status
        (n_units,) overwritten: MET, ALL_NOISE, TOO_QUIET or NO_ROOT.
    """
    n_units, n_frames = traces.shape
    value, numerator = np.empty(n_frames), np.empty(n_frames if meet else 0)
    length = np.empty(n_frames, np.uint64)
    first_pool, kept_first = np.empty(starts.size, np.int64), np.empty(starts.size, np.int64)
    kept_numerator, kept_length = np.empty(numerator.size), np.empty(numerator.size, np.uint64)
    decay, weight, mass = pool_tables(gammas[0], n_frames)
    for u in range(n_units):
        if gammas[u] != decay[1]:
            decay, weight, mass = pool_tables(gammas[u], n_frames)
        if meet:
            baselines[u], penalties[u], status[u] = meet_noise(
                traces[u], starts, noises[u], baselines[u], optimise_baseline,
                decay, weight, mass, numerator, value, length, first_pool, kept_numerator, kept_length, kept_first,
            )  # fmt: skip
        else:
            status[u] = MET
            pool_frames(
                traces[u], starts, baselines[u], penalties[u], s_mins[u], decay, weight, value, length, first_pool
            )
        write_events(decay, weight, value, length, first_pool, s_mins[u], events[u], calcium[u])
