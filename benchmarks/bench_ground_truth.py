"""Scores ΔF/F to events against spikes recorded from the same cells: correlation at 25 Hz and at 100 ms.

Reads every npz file with ``dff``, ``sampling_rate`` and ``truth_spike_times`` of a folder: the argument, or
``gcamp6s-truth`` in the folder $ALVEUS_TEST_DATA. Prints each cell and the median over cells, of alveus with its
defaults, of oasis-deconv with its defaults where it can be imported, and of the floors: the rectified derivative
of ΔF/F and ΔF/F itself.
"""

import argparse
import importlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alveus.calcium.oasis import deconvolve

WIDTHS = (0.04, 0.1)  # s
Method = Callable[[np.ndarray, float], np.ndarray]


def read_cell(path: Path) -> tuple[np.ndarray, float, np.ndarray]:
    """Return ΔF/F, the frame rate, and spike times from the first frame on."""
    with np.load(path) as file:
        start = float(file["start"]) if "start" in file else 0.0
        return file["dff"].ravel().astype(float), float(file["sampling_rate"]), file["truth_spike_times"] - start


def correlation(events: np.ndarray, rate: float, times: np.ndarray, width: float) -> float:
    """Return the correlation with the spikes in bins of `width`, or of a frame where that is longer."""
    edges = np.arange(0, events.size / rate, max(width, 1 / rate))
    shared = np.interp(edges * rate, np.arange(events.size + 1), np.append(0.0, np.cumsum(events)))
    binned, spikes = np.diff(shared), np.histogram(times, edges)[0]
    return 0.0 if binned.std() == 0 or spikes.std() == 0 else float(np.corrcoef(binned, spikes)[0, 1])


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {"alveus": lambda y, rate: deconvolve(y[None], rate).events[0].astype(float)}
    try:
        theirs = importlib.import_module("oasis.functions").deconvolve
        found["oasis-deconv"] = lambda y, _: theirs(y).s
    except ImportError:
        print("oasis-deconv cannot be imported: left out")
    found["alveus, order 1"] = lambda y, rate: deconvolve(y[None], rate, order=1).events[0].astype(float)
    found["derivative"] = lambda y, _: np.maximum(np.diff(y, prepend=y[0]), 0.0)
    found["ΔF/F"] = lambda y, _: y
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="of npz files, a cell each")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    options = parser.parse_args()
    data = os.environ.get("ALVEUS_TEST_DATA")
    folder = options.folder or (Path(data) / "gcamp6s-truth" if data else None)
    if folder is None or not folder.is_dir():
        print("no recordings: give a folder, or set ALVEUS_TEST_DATA")
        return
    warnings.simplefilter("ignore", DeprecationWarning)
    paths = sorted(folder.glob("*.npz"))
    cells = [read_cell(path) for path in paths]
    rows = {}
    print(
        "columns: "
        + ", ".join(f"{p.stem} ({c[1]:.0f} Hz, {c[2].size} spikes)" for p, c in zip(paths, cells, strict=True))
    )
    for width in WIDTHS:
        print(
            f"bins of {width * 1e3:.0f} ms{'':8}" + "".join(f"{p.stem[-7:]:>8}" for p in paths) + f"{'median':>9}"
        )
        for name, method in methods().items():
            values = [correlation(method(y, rate), rate, times, width) for y, rate, times in cells]
            rows[f"{name}, {width:g} s"] = {"cells": values, "median": float(np.median(values))}
            print(f"{name:20}" + "".join(f"{v:8.3f}" for v in values) + f"{np.median(values):9.3f}")
    if options.json:
        options.json.write_text(json.dumps({"ground truth": rows}, indent=2))


if __name__ == "__main__":
    main()
