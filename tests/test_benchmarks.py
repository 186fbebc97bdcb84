"""Every benchmark still runs: at sizes that say nothing about speed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SMALL = {
    "binning": ["--scale", "0.001", "--repeats", "1"],
    "deconvolution": ["--cells", "2", "--frames", "2000", "--repeats", "1"],
    "fluorescence": ["--scale", "0.02", "--repeats", "1"],
    "imaging": ["--units", "3", "--frames", "900"],
    "storage": ["--hours", "0.01", "--bins", "60000", "--repeats", "1"],
    "training": ["--bins", "3000", "--units", "20", "--steps", "4", "--repeats", "1", "--threads", "1"],
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs_and_writes_its_numbers(name, tmp_path, monkeypatch):
    monkeypatch.delenv("ALVEUS_PEERS", raising=False)
    script = ROOT / "benchmarks" / f"bench_{name}.py"
    done = subprocess.run(
        [sys.executable, str(script), *SMALL[name], "--json", str(tmp_path / "numbers.json")],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert json.loads((tmp_path / "numbers.json").read_text())
