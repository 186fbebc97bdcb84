"""Times ΔF/F to events: cells × frames at 30 Hz, τ 0.7 s, on one thread and on two.

The limit copies the traces once. oasis-deconv is timed on a part of the cells, where it can be imported. All
contenders run in interleaved order; medians are printed as a table and, with ``--json PATH``, written as JSON.
"""

import argparse
import importlib
import json
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from alveus.calcium.ar1 import deconvolve_ar1
from alveus.calcium.ar2 import deconvolve_ar2
from alveus.calcium.oasis import deconvolve

RATE, DECAY, RISE, NOISE, PENALTY = 30.0, 0.7, 0.05, 0.3, 1.5
D, R = np.exp(-1 / (RATE * DECAY)), np.exp(-1 / (RATE * RISE))
PEER_CELLS = 10


def simulate(n_cells: int, n_frames: int, r: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    spikes = rng.poisson(0.5 / RATE, (n_cells, n_frames)).astype(np.float32)
    calcium = lfilter([1.0], [1.0, -D - r, D * r], spikes, axis=1)
    calcium /= lfilter([1.0], [1.0, -D - r, D * r], np.eye(1, 300)[0]).max()
    return spikes, (calcium + NOISE * rng.normal(size=calcium.shape)).astype(np.float32)


def kernel(traces: np.ndarray, order: int, threads: int) -> Callable[[], np.ndarray]:
    events, bounds = np.empty_like(traces), np.array([0, traces.shape[1]])

    def run_part(part: slice) -> None:
        n = len(traces[part])
        full = lambda value: np.full(n, value)  # noqa: E731
        rest = (full(PENALTY), full(0.0), full(NOISE), full(0.0), False, False, events[part])
        rest = (*rest, np.empty((n, 0), np.float32), np.zeros(n, np.int64))
        if order == 1:
            deconvolve_ar1(traces[part], bounds, full(D), *rest)
        else:
            deconvolve_ar2(traces[part], bounds, full(D), full(R), *rest)

    return lambda: spread(run_part, len(traces), threads, events)


def whole(traces: np.ndarray, threads: int, **settings: object) -> Callable[[], np.ndarray]:
    events = np.empty_like(traces)

    def run_part(part: slice) -> None:
        events[part] = deconvolve(traces[part], RATE, **settings).events

    return lambda: spread(run_part, len(traces), threads, events)


def spread(run_part: Callable[[slice], None], n_cells: int, threads: int, events: np.ndarray) -> np.ndarray:
    cuts = np.linspace(0, n_cells, threads + 1).astype(int)
    parts = [slice(a, b) for a, b in pairwise(cuts)]
    if threads == 1:
        run_part(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run_part, parts))
    return events


def contenders(n_cells: int, n_frames: int) -> dict[str, tuple[Callable[[], object], int, int, str]]:
    """Return what is timed by name: a call, how many cells it does, its order, and whom it is compared with."""
    traces = {1: simulate(n_cells, n_frames, 0.0)[1], 2: simulate(n_cells, n_frames, R)[1]}
    copy = np.empty_like(traces[1])
    first = {"order": 1, "baseline": "joint"}
    timed: dict[str, tuple[Callable[[], object], int, int, str]] = {
        "limit: copy": (lambda: np.copyto(copy, traces[1]), n_cells, 1, ""),
        "AR(1) given": (kernel(traces[1], 1, 1), n_cells, 1, "oasisAR1"),
        "AR(1) given, 2 threads": (kernel(traces[1], 1, 2), n_cells, 1, "oasisAR1"),
        "AR(1) estimated": (whole(traces[1], 1, **first), n_cells, 1, "deconvolve"),
        "AR(1) estimated, 2 threads": (whole(traces[1], 2, **first), n_cells, 1, "deconvolve"),
        "AR(2) given": (kernel(traces[2], 2, 1), n_cells, 2, "oasisAR2"),
        "AR(2) given, 2 threads": (kernel(traces[2], 2, 2), n_cells, 2, "oasisAR2"),
        "defaults": (whole(traces[2], 1), n_cells, 2, ""),
    }
    try:
        methods, functions = (
            importlib.import_module("oasis.oasis_methods"),
            importlib.import_module("oasis.functions"),
        )
    except ImportError:
        print("oasis-deconv cannot be imported: left out")
        return timed
    few = {order: y[:PEER_CELLS].astype(float) for order, y in traces.items()}
    n = len(few[1])
    timed["oasisAR1"] = (lambda: [methods.oasisAR1(y, D, lam=PENALTY)[1] for y in few[1]], n, 1, "")
    timed["deconvolve"] = (lambda: [functions.deconvolve(y).s for y in few[1]], n, 1, "")
    timed["oasisAR2"] = (lambda: [methods.oasisAR2(y, D + R, -D * R, lam=PENALTY)[1] for y in few[2]], n, 2, "")
    return timed


def median_correlation(events: object, spikes: np.ndarray) -> float:
    found = np.asarray(events)[:PEER_CELLS]
    n = found.shape[1] // 3 * 3
    a, b = (x[: len(found), :n].reshape(len(found), -1, 3).sum(axis=2) for x in (found, spikes))
    return float(np.median([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--frames", type=int, default=54_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)
    timed = contenders(options.cells, options.frames)
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for run, n_cells, _, _ in timed.values():
        if n_cells == options.cells:
            run()  # compiled, and memory touched
    for _ in range(options.repeats):
        for name, (run, *_) in timed.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    speed = {name: timed[name][1] * options.frames / statistics.median(t) / 1e6 for name, t in taken.items()}
    rows = {}
    truth = {1: simulate(options.cells, options.frames, 0.0)[0], 2: simulate(options.cells, options.frames, R)[0]}
    print(f"{'':28}{'M cell-frames/s':>16}{'of the peer':>13}{'correlation':>13}")
    for name, value in speed.items():
        run, _, order, peer = timed[name]
        ratio = value / speed[peer] if peer in speed else None
        correlation = None if name.startswith("limit") else median_correlation(run(), truth[order])
        rows[name] = {"million_per_second": value, "of_peer": ratio, "correlation": correlation}
        cells = "".join(f"{'' if x is None else format(x, '.3g'):>13}" for x in (ratio, correlation))
        print(f"{name:28}{value:16.2f}{cells}")
    for name in ("AR(1) given", "AR(1) estimated", "AR(2) given"):
        print(f"{name}: {speed[name + ', 2 threads'] / speed[name]:.2f}× from one thread to two")
    if options.json:
        options.json.write_text(json.dumps({"deconvolution": rows}, indent=2))


if __name__ == "__main__":
    main()
