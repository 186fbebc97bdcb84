"""Simulated fields of view of growing size to events and to bins: time, peak memory and size on the disk.

``python benchmarks/bench_imaging.py [--units 100,1000,10000] [--frames 50000] [--threads 2] [--json FILE]``; every
stage in a process of its own, as the workflow runs it. Making up the fluorescence is part of reading it, and is
timed by itself too: what is left is the stage's own work.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from alveus.study.plan import Study

UNITS, FRAMES, RATE, BIN_SIZE = "100,300,1000,3000,10000", 50_000, 30, 0.1
READ_ALONE = """
import sys, numpy as np
from pathlib import Path
from alveus.io.read import read_recording
traces = read_recording("simulation", Path(sys.argv[1])).activity
for first in range(0, traces.values.shape[1], 64):
    traces.values.traces(slice(first, first + 64)), traces.neuropil.traces(slice(first, first + 64))
"""
WATCHED = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
"""
CLI = "from alveus.cli import main; main()"


def watched(folder: Path, code: str, *arguments: str) -> tuple[float, float]:
    """Run Python code in a process of its own; return its wall time [s] and its peak memory [MB]."""
    script, watcher = folder / "script.py", folder / "watch.py"
    script.write_text(code)
    watcher.write_text(WATCHED)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(watcher), str(script), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start, float(done.stderr.splitlines()[-1])


def measure(units: int, frames: int, threads: int) -> dict[str, float]:
    """Take one recording through both stages."""
    path = f"two_photon?seed=0&units={units}&minutes={frames / RATE / 60:.6f}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row = f"{{session: s, format: simulation, path: '{path}', tau: 1.7}}"
        (folder / "config.yaml").write_text(
            f"datasets: {{d: {{sessions: [{row}], models: []}}}}\npreprocess: {{bin_size: {BIN_SIZE}}}\n"
        )
        plan, results = Study(folder), folder / "results/d/s"
        found: dict[str, float] = {"units": units, "frames": frames}
        found["read [s]"], found["read [MB]"] = watched(folder, READ_ALONE, path)
        for stage, inputs in (("deconvolve", []), ("bin", [str(results / "events.json")])):
            manifest = results / ("events.json" if stage == "deconvolve" else "dataset.json")
            arguments = [stage, str(manifest), *inputs, "--settings", plan.stage_settings(stage, "d", "s")]
            arguments += ["--tuning", plan.stage_tuning(stage, "d", "s"), "--threads", str(threads)]
            found[f"{stage} [s]"], found[f"{stage} [MB]"] = watched(folder, CLI, *arguments)
        for store in ("events", "dataset"):
            files = [file for file in (results / f"{store}.zarr").rglob("*") if file.is_file()]
            found[f"{store} on disk [MB]"] = sum(file.stat().st_size for file in files) / 1e6
            found[f"{store} files"] = len(files)
        shutil.rmtree(results)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", default=UNITS)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for units in map(int, options.units.split(",")):
        rows.append(measure(units, options.frames, options.threads))
        if len(rows) == 1:
            print("  ".join(f"{name:>20}" for name in rows[0]))
        print("  ".join(f"{value:20.4g}" for value in rows[-1].values()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
