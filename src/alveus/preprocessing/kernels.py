"""Turns spikes into counts: two compiled loops, for spikes in time order and for spikes unit by unit.

Both read every spike once, drop those that repeat the sample of the unit's previous one, and report whether a
count went beyond what the array can hold. They expect spikes within [edges[0], edges[-1]).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.compiled import compiled

BYTES_PER_TILE = 1 << 20  # of output that stays in the processor's cache while every unit adds its spikes


@compiled
def count_in_order(
    ticks: NDArray[np.int64],
    codes: NDArray[np.int32],
    column_of: NDArray[np.int32],
    edges: NDArray[np.int64],
    last_tick: NDArray[np.int64],
    duplicates: NDArray[np.int64],
    drop_duplicates: bool,
    counts: NDArray[Any],
) -> bool:
    """Count spikes that are in time order, with a running bin edge.

    Parameters
    ----------
    ticks, codes
        (n_spikes,) when, and which unit of the recording.
    column_of
        (n_source_units,) column of each unit, −1 to leave it out.
    edges
        (n_bins + 1,) first sample of every bin, and the first after the last.
    last_tick, duplicates
        (n_units,) carried from block to block: the unit's latest spike; spikes that repeat it.
    counts
        (n_bins, n_units) unsigned, overwritten.

    Returns
    -------
    bool
        True when a count overflowed.
    """
    n_spikes, overflowed, i = ticks.size, 0, 0
    for b in range(counts.shape[0]):
        end, row = edges[b + 1], counts[b]
        for k in range(row.size):
            row[k] = 0  # just before use: the row is in cache, and memory is written once
        while i < n_spikes:
            tick = ticks[i]
            if tick >= end:
                break
            column = column_of[np.uint32(codes[i])]
            i += 1
            if column < 0:
                continue
            unit = np.uint64(column)  # unsigned: no test for indices that count from the end
            if last_tick[unit] == tick:
                duplicates[unit] += 1
                if drop_duplicates:
                    continue
            last_tick[unit] = tick
            row[unit] += 1
            overflowed += row[unit] == 0
    return overflowed > 0


@compiled
def count_by_unit(
    ticks: NDArray[np.int64],
    codes: NDArray[np.int32],
    column_of: NDArray[np.int32],
    edges: NDArray[np.int64],
    last_tick: NDArray[np.int64],
    duplicates: NDArray[np.int64],
    drop_duplicates: bool,
    counts: NDArray[Any],
) -> bool:
    """Count spikes that come unit by unit, each unit's in time order.

    The output is filled tile by tile, so that it is in cache while every unit adds its spikes; a spike's bin is
    guessed from the mean bin width and then put right against the edges. Parameters and result are those of
    `count_in_order`.
    """
    n_bins = counts.shape[0]
    cuts = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    position, stops = np.zeros(cuts.size + 1, np.int64), np.full(cuts.size + 1, codes.size)
    position[1:], stops[:-1] = cuts, cuts  # of each unit's spikes
    tile = max(1, BYTES_PER_TILE // max(1, counts.shape[1] * counts.itemsize))
    first_edge, bins_per_tick = edges[0], n_bins / (edges[n_bins] - edges[0])
    overflowed = 0
    for b0 in range(0, n_bins, tile):
        b1 = min(b0 + tile, n_bins)
        end = edges[b1]
        for k in range(b0, b1):
            counts[k, :] = 0
        for run in range(position.size):
            i, stop = position[run], stops[run]
            if i == stop:
                continue
            column = column_of[np.uint32(codes[i])]
            if column < 0:
                position[run] = stop
                continue
            unit = np.uint64(column)
            last = last_tick[unit]
            while i < stop:
                tick = ticks[i]
                if tick >= end:
                    break
                i += 1
                if tick == last:
                    duplicates[unit] += 1
                    if drop_duplicates:
                        continue
                last = tick
                b = np.uint64(min(np.int64((tick - first_edge) * bins_per_tick), n_bins - 1))
                while edges[b] > tick:
                    b -= np.uint64(1)
                while edges[b + np.uint64(1)] <= tick:
                    b += np.uint64(1)
                counts[b, unit] += 1
                overflowed += counts[b, unit] == 0
            last_tick[unit] = last
            position[run] = i
    return overflowed > 0
