"""Times fluorescence to ΔF/F: 64 ROIs × 54 000 frames (30 min at 30 Hz), with neuropil, per kind of baseline.

The peers do the same with SciPy's filters: they guard nothing, and only the one named so measures quality (noise
level, SNR, skewness), as alveus always does. SciPy's rolling percentile gets few ROIs, and its time is scaled to
all of them. The limit copies fluorescence and neuropil once. All contenders run in interleaved order; medians are
printed as a table and, with ``--json PATH``, written as JSON. On a machine that others use, ``--cpu`` counts the
time of the processor instead of that of the clock; rows with threads mean nothing then.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy import ndimage, stats

from alveus.calcium.baseline import window_frames
from alveus.calcium.dff import to_dff
from alveus.calcium.missing import find_stretches
from alveus.config.calcium import ConstantBaseline, MaximinBaseline, PercentileBaseline
from alveus.config.preprocess import Preprocess

RATE, PART = 30.0, 0.7
FEW = 4  # ROIs for SciPy's rolling percentile: before 1.15 or so it takes seconds for each


def simulated(n_units: int, n_frames: int):
    """Return fluorescence and neuropil, (unit, frame) float32."""
    rng = np.random.default_rng(0)
    kernel = np.exp(-np.arange(100) / 21)
    F, around = np.empty((2, n_units, n_frames), np.float32)
    for unit in range(n_units):
        spikes = rng.random(n_frames) < 0.2 / RATE
        around[unit] = 300 + 10 * rng.standard_normal(n_frames)
        F[unit] = 500 * (1 + 0.3 * np.convolve(spikes, kernel)[:n_frames]) + 50 * rng.standard_normal(n_frames)
        F[unit] += PART * around[unit]
    return F, around


def contenders(n_units: int, n_frames: int) -> dict[str, tuple[Callable[[], object], int, float]]:
    """Return what is timed by name, with its repeats at the most, and the part of the ROIs that it does."""
    F, around = simulated(n_units, n_frames)
    out, copies = np.empty_like(F), (np.empty_like(F), np.empty_like(F))
    stretches = find_stretches(n_frames)
    width, deviation = window_frames(60, RATE), 0.33 * RATE

    def ours(settings: Preprocess) -> Callable[[], object]:
        return lambda: to_dff(F, "fluorescence", RATE, stretches, settings, neuropil=around, out=out)

    def two_threads() -> None:
        with ThreadPoolExecutor(2) as pool:
            for half in (slice(0, n_units // 2), slice(n_units // 2, n_units)):
                pool.submit(
                    to_dff, F[half], "fluorescence", RATE, stretches, Preprocess(), around[half], out[half]
                )

    def limit() -> None:
        for copy, source in zip(copies, (F, around), strict=True):
            np.copyto(copy, source)

    def scipy_maximin() -> None:
        own = F - np.float32(PART) * around
        rest = ndimage.gaussian_filter1d(own, deviation, axis=1)
        rest = ndimage.maximum_filter1d(ndimage.minimum_filter1d(rest, width, axis=1), width, axis=1)
        np.divide(own - rest, rest, out=out)

    def with_quality() -> None:
        scipy_maximin()
        np.median(np.abs(np.diff(out, axis=1)), axis=1)
        np.percentile(out, (50, 100 - 100 * RATE / n_frames), axis=1)
        stats.skew(out, axis=1)

    def scipy_percentile() -> None:
        own = F[:FEW] - np.float32(PART) * around[:FEW]
        rest = np.stack([ndimage.percentile_filter(trace, 8, size=width) for trace in own])
        np.divide(own - rest, rest, out=out[:FEW])

    def numpy_constant() -> None:
        own = F - np.float32(PART) * around
        rest = np.percentile(own, 8, axis=1, keepdims=True)
        np.divide(own - rest, rest, out=out)

    return {
        "limit": (limit, 99, 1.0),
        "alveus, maximin": (ours(Preprocess(baseline=MaximinBaseline())), 99, 1.0),
        "alveus, maximin, 2 threads": (two_threads, 99, 1.0),
        "alveus, percentile": (ours(Preprocess(baseline=PercentileBaseline())), 99, 1.0),
        "alveus, constant": (ours(Preprocess(baseline=ConstantBaseline())), 99, 1.0),
        "SciPy, maximin": (scipy_maximin, 99, 1.0),
        "SciPy, maximin, quality": (with_quality, 99, 1.0),
        "SciPy, percentile": (scipy_percentile, 3, FEW / n_units),
        "NumPy, constant": (numpy_constant, 99, 1.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the ROIs, for a quick look")
    parser.add_argument("--cpu", action="store_true", help="time of the processor, not of the clock")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    n_units, n_frames = max(2, int(64 * options.scale)), 54_000
    timed = contenders(n_units, n_frames)
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for run, most, _ in timed.values():
        if most >= options.repeats:
            run()  # compiled, and memory touched
    for repeat in range(options.repeats):
        for name, (run, most, part) in timed.items():
            if repeat < most:
                start = clock()
                run()
                taken[name].append((clock() - start) / part)
    median = {name: statistics.median(values) for name, values in taken.items()}
    rate = {name: n_units * n_frames / value / 1e6 for name, value in median.items()}
    print(f"{'':28}{'median':>12}{'M frames × cells/s':>20}{'of limit':>10}{'of maximin':>12}")
    for name, value in sorted(median.items(), key=lambda item: item[1]):
        of_limit, of_ours = value / median["limit"], value / median["alveus, maximin"]
        print(f"{name:28}{value * 1e3:9.1f} ms{rate[name]:20.2f}{of_limit:10.1f}{of_ours:12.2f}")
    if options.json:
        rows = {
            name: {"seconds": value, "of_limit": value / median["limit"], "million_per_second": rate[name]}
            for name, value in median.items()
        }
        options.json.write_text(json.dumps({"fluorescence to dF/F": rows}, indent=2))


if __name__ == "__main__":
    main()
