"""Time from the call to the first line of work of every kind of job, against the imports it cannot avoid.

``python benchmarks/bench_start.py [--json FILE]``; each command in its own process, interleaved, median of seven.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "alveus --help": ["-c", "from alveus.cli import main; main(['--help'])"],
    "alveus bin (imports)": [
        "-c",
        "import alveus.io.read, alveus.preprocessing.prepare, alveus.storage.dataset, alveus.config",
    ],
    "alveus deconvolve (imports)": [
        "-c",
        "import alveus.io.read, alveus.calcium.deconvolve, alveus.storage.events, alveus.config",
    ],
    "alveus fit (imports)": [
        "-c",
        "import alveus.fit.fit, alveus.fit.model_file, alveus.storage.reading, alveus.config",
    ],
    "alveus encode (imports)": [
        "-c",
        "import alveus.encode.encode, alveus.fit.model_file, alveus.storage.latents",
    ],
    "plan of a study (imports)": ["-c", "import alveus.study.plan"],
    "import zarr": ["-c", "import zarr"],
    "import torch": ["-c", "import torch"],
    "import lightning": ["-c", "import lightning"],
    "import scvi": ["-c", "import scvi"],
}


def seconds(arguments: list[str]) -> float | None:
    """Wall time of one Python process; None when it fails, for want of a package."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    return time.perf_counter() - start if done.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS + 1):  # the first fills the disk cache
        for name, arguments in COMMANDS.items():
            once = seconds(arguments)
            if once is not None:
                times[name].append(once)
    table = {name: statistics.median(values[1:]) for name, values in times.items() if len(values) > 1}
    print(f"{'job start':28} {'s':>6} {'beyond bare Python':>20}")
    for name in COMMANDS:
        if name in table:
            print(f"{name:28} {table[name]:6.2f} {table[name] - table['python -c pass']:20.2f}")
        else:
            print(f"{name:28} {'not installed':>6}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
