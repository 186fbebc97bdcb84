"""Times spikes to counts in memory: 400 units, 1 h, 11.5 M spikes at 30 kHz, 5 ms bins, one thread.

The limit reads every spike once and fills the output once, and does nothing else. All contenders run in
interleaved order; medians are printed as a table and, with ``--json PATH``, written as JSON.
"""

import argparse
import importlib
import json
import logging
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numba import njit

from alveus.config.preprocess import Preprocess
from alveus.preprocessing import prepare
from alveus.preprocessing.kernels import count_by_unit, count_in_order
from alveus.recording import FlatSpikeTrains, Recording, Units

CLOCK, BIN_TICKS, BIN_SIZE = 30_000, 150, 0.005


@njit(nogil=True)
def read_once(ticks, codes):
    total = 0
    for i in range(ticks.size):
        total += ticks[i]
    for i in range(codes.size):
        total += codes[i]
    return total


def contenders(n_units: int, seconds: int, n_spikes: int) -> dict[str, tuple[Callable[[], object], int]]:
    """Return what is timed by name, with how many repeats it gets at the most."""
    rng = np.random.default_rng(0)
    ticks = np.sort(rng.integers(0, seconds * CLOCK, n_spikes))
    codes = rng.integers(0, n_units, n_spikes).astype(np.int32)
    n_bins = seconds * CLOCK // BIN_TICKS
    edges = np.arange(n_bins + 1) * BIN_TICKS
    columns = np.arange(n_units, dtype=np.int32)
    counts = np.zeros((n_bins, n_units), np.uint8)

    def kernel() -> None:
        last, repeats = np.full(n_units, -1), np.zeros(n_units, np.int64)
        assert not count_in_order(ticks, codes, columns, edges, last, repeats, True, counts)

    block = 80_000
    by_unit = []
    for start in range(0, n_bins, block):
        piece = slice(*np.searchsorted(ticks, edges[[start, min(start + block, n_bins)]]))
        order = np.argsort(codes[piece], kind="stable")
        by_unit.append((start, ticks[piece][order], codes[piece][order]))

    def unit_kernel() -> None:
        last, repeats = np.full(n_units, -1), np.zeros(n_units, np.int64)
        for start, t, c in by_unit:
            rows = counts[start : start + block]
            assert not count_by_unit(t, c, columns, edges[start : start + block + 1], last, repeats, True, rows)

    trains = FlatSpikeTrains(ticks, codes, n_units, Fraction(CLOCK))
    recording = Recording(trains, Units(tuple(map(str, range(n_units)))), 0.0, float(seconds))
    prepared = prepare(recording, Preprocess(bin_size=BIN_SIZE), session="bench")

    def stream() -> None:
        for _ in prepared.activity(np.uint8, block):
            pass

    def limit() -> None:
        read_once(ticks, codes)
        counts.fill(0)

    def add_at() -> None:
        counts.fill(0)
        np.add.at(counts.reshape(-1), ticks // BIN_TICKS * n_units + codes, np.uint8(1))

    times = [ticks[codes == unit] / CLOCK for unit in range(n_units)]

    def histograms() -> None:
        seconds_edges = edges / CLOCK
        for unit in range(n_units):
            counts[:, unit] = np.histogram(times[unit], seconds_edges)[0]

    timed: dict[str, tuple[Callable[[], object], int]] = {
        "limit": (limit, 99),
        "alveus, one call": (kernel, 99),
        "alveus, streamed": (stream, 99),
        "alveus, unit by unit": (unit_kernel, 99),
        "np.add.at": (add_at, 99),
        "np.histogram per unit": (histograms, 5),
    }
    if nap := optional("pynapple"):
        group = nap.TsGroup({u: nap.Ts(t) for u, t in enumerate(times)}, time_support=nap.IntervalSet(0, seconds))
        timed["pynapple"] = (lambda: group.count(BIN_SIZE), 5)
    if conversion := optional("elephant.conversion"):
        logging.disable(logging.WARNING)  # it reports every spike on an edge that it moves
        neo, pq = importlib.import_module("neo"), importlib.import_module("quantities")
        neo_trains = [neo.SpikeTrain(t, units="s", t_stop=seconds) for t in times]
        size = BIN_SIZE * pq.s
        timed["elephant"] = (lambda: conversion.BinnedSpikeTrain(neo_trains, bin_size=size), 5)
    return timed


def optional(name: str):
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} cannot be imported: left out")
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the hour, for a quick look")
    options = parser.parse_args()
    seconds = int(3600 * options.scale)
    timed = contenders(400, seconds, int(11.5e6 * options.scale))
    for run, _ in timed.values():
        run()  # compiled, and memory touched
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for repeat in range(options.repeats):
        for name, (run, most) in timed.items():
            if repeat < most:
                start = time.perf_counter()
                run()
                taken[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in taken.items()}
    print(f"{'':24}{'median':>12}{'of limit':>10}{'of alveus':>11}")
    for name, value in sorted(median.items(), key=lambda item: item[1]):
        of_limit, of_ours = value / median["limit"], value / median["alveus, one call"]
        print(f"{name:24}{value * 1e3:9.1f} ms{of_limit:10.2f}{of_ours:11.2f}")
    if options.json:
        rows = {name: {"seconds": value, "of_limit": value / median["limit"]} for name, value in median.items()}
        options.json.write_text(json.dumps({"binning in memory": rows}, indent=2))


if __name__ == "__main__":
    main()
