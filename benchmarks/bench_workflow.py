"""Time to find that nothing is to be done in 1000 sessions, against a bare five-rule workflow of the same size.

``python benchmarks/bench_workflow.py [--sessions 1000] [--json FILE]``. Both workflows are brought to "done" with
``--touch`` on files of the right names, so that only planning is measured; interleaved, median of five.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from alveus.cli.study import workflow_root

RUNS = 5
CONFIG = """
datasets: {many: {sessions: sessions.tsv}}
models: {pca: {method: pca, latents: 3}}
"""
BARE = """
SESSIONS = [f"s{i:05d}" for i in range(N)]
rule all:
    input: "r/report.html", expand("r/{s}/report.html", s=SESSIONS)
rule bin:
    output: "r/{s}/dataset.json"
    shell: "touch {output}"
rule fit:
    input: "r/{s}/dataset.json"
    output: "r/{s}/pca/fit.json"
    shell: "touch {output}"
rule encode:
    input: "r/{s}/dataset.json", "r/{s}/pca/fit.json"
    output: "r/{s}/pca/latents.json"
    shell: "touch {output}"
rule score:
    input: "r/{s}/dataset.json", "r/{s}/pca/latents.json"
    output: "r/{s}/pca/scores.csv"
    shell: "touch {output}"
rule report:
    input: "r/{s}/dataset.json", "r/{s}/pca/scores.csv"
    output: "r/{s}/report.html"
    shell: "touch {output}"
rule report_dataset:
    input: expand("r/{s}/report.html", s=SESSIONS)
    output: "r/report.html"
    shell: "touch {output}"
"""


def make_study(folder: Path, sessions: int) -> list[str]:
    """Write a study of simulations with every output present, and return snakemake's arguments for it."""
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    rows = "".join(f"s{i:05d}\tsimulation\tlinear?seed={i}\n" for i in range(sessions))
    (folder / "sessions.tsv").write_text("session\tformat\tpath\n" + rows)
    names = ["dataset.json", "scores.csv", "pca/fit.json", "pca/latents.json", "pca/scores.csv", "report.html"]
    _touch([folder / "results" / "many" / f"s{i:05d}" / name for i in range(sessions) for name in names])
    _touch([folder / "results" / "many" / name for name in ("report.html", "scores.csv")])
    root = workflow_root()
    return ["--snakefile", str(root / "Snakefile"), "--directory", str(folder),
            "--workflow-profile", str(root / "workflow" / "profiles" / "local")]  # fmt: skip


def make_bare(folder: Path, sessions: int) -> list[str]:
    """Write a five-rule workflow with no config, no tables and no settings."""
    folder.mkdir()
    (folder / "Snakefile").write_text(f"N = {sessions}\n{BARE}")
    names = ["dataset.json", "pca/fit.json", "pca/latents.json", "pca/scores.csv", "report.html"]
    _touch([folder / "r" / f"s{i:05d}" / name for i in range(sessions) for name in names])
    _touch([folder / "r" / "report.html"])
    return ["--snakefile", str(folder / "Snakefile"), "--directory", str(folder), "--cores", "2"]


def _touch(paths: list[Path]) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def snakemake(arguments: list[str]) -> tuple[float, str]:
    """Run snakemake; return the wall time and what it said."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - start, done.stdout + done.stderr


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        ours = make_study(Path(place) / "ours", options.sessions)
        bare = make_bare(Path(place) / "bare", options.sessions)
        one = "results/many/s00000/pca/scores.csv"
        rows = {
            "alveus, no-op": ours,
            "five bare rules, no-op": bare,
            "alveus, one session by target": [*ours, "--force", "-n", "--", one],
        }
        for arguments in (ours, bare):
            snakemake([*arguments, "--touch"])  # records what a finished run would have recorded
        times: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(RUNS):
            for name, arguments in rows.items():
                taken, said = snakemake(arguments)
                if "no-op" in name and "Nothing to be done" not in said:
                    sys.exit(f"{name}: not a no-op:\n{said}")
                times[name].append(taken)
    table = {name: statistics.median(values) for name, values in times.items()}
    reference = table["five bare rules, no-op"]
    print(f"{options.sessions} sessions: planning")
    for name, taken in table.items():
        print(f"{name:32} {taken:6.2f} s  {taken / reference:5.2f}×")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
