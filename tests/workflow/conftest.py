"""A small study of plain npz files, run once, and copied for every test that changes something."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from alveus.cli.study import workflow_root

CONFIG = """\
seeds: 2
datasets:
  d:
    sessions: sessions.tsv
models:
  pca: {method: pca, latents: 2}
  vae: {method: vae, latents: 2, encoder: {kind: mlp, hidden: [16]}, decoder: {kind: mlp, hidden: [16]}}
preprocess: {bin_size: 0.05}
training: {max_steps: 60, evaluate_every: 20, batch_size: 128}
scores: {shifts: 5, resamples: 50}
"""
TABLE = "session\tformat\tpath\nplain\tnpz\traw/plain.npz\nsorted\tphy\traw/sorted\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share the finished study in one process, where several run: it is made only once."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.xdist_group("workflow"))


@dataclass
class Ran:
    """What a command left: exit status, output, and the rules it ran or would run."""

    status: int
    said: str

    @property
    def jobs(self) -> dict[str, int]:
        """Count of jobs by rule, from snakemake's table of a dry run."""
        table = self.said.split("Job stats:")[-1].split("Reasons:")[0] if "Job stats:" in self.said else ""
        found = {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}
        found.pop("total", None)
        found.pop("all", None)
        return found


class Study:
    """A study in a folder, driven as a user drives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *arguments: str, timeout: float = 300, **environment: str) -> Ran:
        """Run alveus with these arguments."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, "-c", "from alveus.cli import main; main()", *arguments],
            capture_output=True, text=True, check=False, timeout=timeout,
            env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip
        return Ran(done.returncode, done.stdout + done.stderr)

    def run(self, *options: str) -> Ran:
        """Run the study."""
        return self.command("run", str(self.folder), "--cores", "2", *options)

    def plan(self, *options: str) -> dict[str, int]:
        """Return what a run would do, as a count of jobs by rule."""
        ran = self.run("-n", *options)
        assert ran.status == 0, ran.said
        return ran.jobs

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the study."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def spikes(seed: int, n_units: int = 8, seconds: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of units that share one slow rhythm: ascending times [s] on a 30 kHz clock, and units."""
    rng = np.random.default_rng(seed)
    times, units = [], []
    for unit in range(n_units):
        candidates = rng.uniform(0, seconds, rng.poisson(20 * seconds))
        rate = 0.5 + 0.5 * np.sin(2 * np.pi * (candidates / 5 + unit / n_units))
        kept = np.sort(candidates[rng.uniform(size=candidates.size) < rate])
        times.append(kept)
        units.append(np.full(kept.size, unit))
    order = np.argsort(np.concatenate(times), kind="stable")
    samples = np.round(np.concatenate(times)[order] * 30000).astype(np.int64)
    return samples / 30000, np.concatenate(units)[order]


def write_npz(path: Path, seed: int) -> None:
    """Write a session in the plain format."""
    times, units = spikes(seed)
    clock = np.arange(0, 60, 0.02)
    np.savez(
        path, spike_times=times, spike_units=units, start=0.0, duration=60.0,
        behavior_time=clock, behavior_phase=np.sin(2 * np.pi * clock / 5),
    )  # fmt: skip


def write_phy(folder: Path, seed: int) -> None:
    """Write a session as a phy folder."""
    folder.mkdir(parents=True)
    times, units = spikes(seed)
    np.save(folder / "spike_times.npy", np.round(times * 30000).astype(np.uint64))
    np.save(folder / "spike_clusters.npy", units.astype(np.int32))
    rows = "".join(f"{unit}\t{'noise' if unit == 7 else 'good'}\n" for unit in range(8))
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n" + rows)
    (folder / "params.py").write_text("sample_rate = 30000.0\nn_channels_dat = 4\n")


def write_fluorescence(path: Path, seed: int, n_units: int = 6, seconds: float = 60.0) -> None:
    """Write raw fluorescence of cells that share the rhythm of `spikes`, with their true spikes."""
    times, units = spikes(seed, n_units, seconds)
    rate, n_frames = 30.0, round(seconds * 30)
    counts = np.zeros((n_frames, n_units))
    np.add.at(counts, (np.floor(times * rate).astype(int), units), 1)
    calcium = counts.copy()
    for frame in range(1, n_frames):
        calcium[frame] += np.exp(-1 / (0.7 * rate)) * calcium[frame - 1]
    noise = np.random.default_rng(seed).normal(0, 20, calcium.shape)
    np.savez(
        path, fluorescence=500 + 100 * calcium + noise, sampling_rate=rate,
        truth_spike_times=times, truth_spike_units=units,
    )  # fmt: skip


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose every stage is done."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    (folder / "raw").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "sessions.tsv").write_text(TABLE)
    write_npz(folder / "raw" / "plain.npz", 0)
    write_phy(folder / "raw" / "sorted", 1)
    study = Study(folder)
    ran = study.run()
    assert ran.status == 0, ran.said
    return study


@pytest.fixture
def study(finished: Study, tmp_path: Path) -> Study:
    """A copy of the finished study, with its times, to change at will."""
    shutil.copytree(finished.folder, tmp_path / "study", symlinks=True)
    return Study(tmp_path / "study")


@pytest.fixture
def make_npz() -> Callable[[Path, int], None]:
    """Write a session in the plain format."""
    return write_npz


@pytest.fixture
def make_fluorescence() -> Callable[[Path, int], None]:
    """Write a session of raw fluorescence in the plain format."""
    return write_fluorescence


@pytest.fixture
def snakefile() -> Path:
    """The workflow's Snakefile."""
    return workflow_root() / "Snakefile"
