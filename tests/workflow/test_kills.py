"""Jobs killed at any moment leave nothing half-made, and the same command ends as if nothing had happened."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from alveus.storage.verify import verify
from alveus.study.plan import Study
from alveus.study.status import read_status

pytestmark = pytest.mark.workflow

CONFIG = """\
seeds: 1
datasets: {d: {sessions: sessions.tsv}}
models: {vae: {method: vae, latents: 2, encoder: {hidden: [16]}, decoder: {hidden: [16]}}}
preprocess: {bin_size: BIN}
training: {device: cpu, max_steps: 100, evaluate_every: 25, batch_size: 128, checkpoint_seconds: SAVE}
"""
DATASET = "results/d/one/dataset.json"
MODEL = "results/d/one/vae/fit.json"
LATEST = "work/d/one/vae/checkpoints/latest.ckpt"
SAVING, NOT_SAVING = 1e-9, 3600.0  # seconds between checkpoints: after every step, or never


class Job:
    """One stage of a study in a folder, run as its rule runs it."""

    def __init__(self, folder: Path, stage: str, *, bin_size: float = 0.05, save: float = NOT_SAVING) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.stage = folder, stage
        (folder / "config.yaml").write_text(CONFIG.replace("BIN", str(bin_size)).replace("SAVE", str(save)))
        (folder / "sessions.tsv").write_text("session\tformat\tpath\none\tnpz\traw.npz\n")
        if not (folder / "raw.npz").exists():
            write_raw(folder / "raw.npz")
        study, of = Study(folder), {"dataset": "d", "session": "one", "model": "vae"}
        self.work = folder / ("work/d/one" if stage == "bin" else "work/d/one/vae")
        self.arguments = [
            stage, *([DATASET] if stage == "bin" else [DATASET, MODEL]),
            "--settings", study.stage_settings(stage, **of), "--tuning", study.stage_tuning(stage, **of),
            "--code", study.stage_code(stage), "--work", str(self.work.relative_to(folder)),
            "--threads", "1", "--log", f"logs/{stage}.log",
        ]  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from alveus.cli import main; main()", *self.arguments],
            cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def finish(self) -> None:
        job = self.start()
        said, _ = job.communicate(timeout=120)
        assert job.returncode == 0, said

    def interrupt(self, number: signal.Signals, moment: Callable[[], bool], delay: float = 0.0) -> int:
        """Send a signal a little after a moment has come; returns the exit status."""
        with self.start() as job:
            while job.poll() is None and not moment():
                time.sleep(1e-3)
            time.sleep(delay)
            job.send_signal(number)
            job.communicate(timeout=120)
            return job.returncode

    def draft_has(self, n_files: int) -> Callable[[], bool]:
        """A draft of the store with chunks in so many folders."""
        results = self.folder / "results/d/one"
        left = set(results.glob("*.tmp-*"))  # by jobs killed before this one

        def has() -> bool:
            drafts = set(results.glob("*.tmp-*")) - left
            return any(sum("0" in files for _, _, files in os.walk(draft)) >= n_files for draft in drafts)

        return has

    def is_there(self, pattern: str) -> Callable[[], bool]:
        return lambda: any(self.folder.glob(pattern))


def write_raw(path: Path) -> None:
    rng = np.random.default_rng(0)
    clock = np.arange(0, 300, 0.02)
    behavior = {f"behavior_{name}": np.sin(clock / k) for k, name in enumerate("abcdefghijkl", start=1)}
    np.savez(
        path, spike_times=np.sort(rng.integers(0, 300 * 30000, 60_000)) / 30000, duration=300.0, start=0.0,
        spike_units=rng.integers(0, 20, 60_000), behavior_time=clock, **behavior,
    )  # fmt: skip


def hashes(folder: Path) -> dict[str, str]:
    """Every file of the results: path → SHA-256."""
    files = [path for path in (folder / "results").rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def without_model(files: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if "/vae/" not in name}


def assert_nothing_is_half_made(folder: Path, complete: list[dict[str, str]]) -> None:
    """What has its final name is whole, with or without a manifest; what a manifest describes is intact."""
    if (folder / "results").exists():
        assert verify(folder / "results") == []
    found = hashes(folder)
    for name in ("dataset.zarr/", "dataset.json", "model.pt", "fit.json"):
        part = {path: digest for path, digest in found.items() if f"/{name}" in path}
        wholes = [{path: digest for path, digest in whole.items() if f"/{name}" in path} for whole in complete]
        assert part == {} or part in wholes


def assert_no_leftovers(folder: Path) -> None:
    left = [path for place in ("results", "work") for path in (folder / place).rglob("*")]
    assert [path for path in left if ".tmp-" in path.name or ".old-" in path.name or ".lock" in path.name] == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Studies whose jobs nobody disturbed: bins of 0.01 s, of 0.05 s, and a model of the latter."""
    folders = {name: tmp_path_factory.mktemp("undisturbed") / name for name in ("fine", "coarse")}
    Job(folders["fine"], "bin", bin_size=0.01).finish()
    Job(folders["coarse"], "bin").finish()
    Job(folders["coarse"], "fit").finish()
    return folders


@pytest.fixture
def binned(undisturbed: dict[str, Path], tmp_path: Path) -> Path:
    """A folder with a dataset and no model."""
    for name in without_model(hashes(undisturbed["coarse"])):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((undisturbed["coarse"] / name).read_bytes())
    return tmp_path


def test_binning_that_is_killed_while_it_writes_ends_the_same(tmp_path, undisturbed):
    complete = [hashes(undisturbed["fine"]), without_model(hashes(undisturbed["coarse"]))]
    moments = random.Random(1)
    job = Job(tmp_path, "bin", bin_size=0.01)
    killed = 0
    for n_files in sorted(moments.randrange(14) for _ in range(2)):
        killed += job.interrupt(signal.SIGKILL, job.draft_has(n_files), moments.uniform(0, 0.02)) != 0
        assert_nothing_is_half_made(tmp_path, complete)
    assert killed
    job.finish()
    assert hashes(tmp_path) == complete[0]
    assert_no_leftovers(tmp_path)

    job = Job(tmp_path, "bin", bin_size=0.05)  # now over what is published
    job.interrupt(signal.SIGKILL, job.is_there("results/d/one/*.old-*"))  # while one takes the other's place
    assert_nothing_is_half_made(tmp_path, complete)
    (tmp_path / DATASET).unlink(missing_ok=True)  # as Snakemake does before it repeats a job
    job.finish()
    assert hashes(tmp_path) == complete[1]
    assert_no_leftovers(tmp_path)


def test_fitting_that_is_stopped_or_killed_goes_on_from_its_checkpoint_and_ends_the_same(binned, undisturbed):
    complete, moments = hashes(undisturbed["coarse"]), random.Random(2)
    job = Job(binned, "fit", save=SAVING)
    assert job.interrupt(signal.SIGTERM, job.is_there(LATEST)) == 75
    status = read_status(job.work, "fit")
    assert (status.state, status.exit_status) == ("failed", 75)
    assert "stopped by SIGTERM at step" in status.message
    assert (binned / LATEST).is_file()
    assert not (binned / MODEL).exists()

    written = (binned / LATEST).stat().st_mtime_ns

    def went_on() -> bool:
        with suppress(FileNotFoundError):  # for a moment, while it takes the place of the one before
            return (binned / LATEST).stat().st_mtime_ns > written
        return False

    assert job.interrupt(signal.SIGKILL, went_on, moments.uniform(0, 0.2)) != 0
    assert read_status(job.work, "fit").state == "running"
    assert_nothing_is_half_made(binned, [complete])

    (job.work / "checkpoints/latest.ckpt.tmp-1").write_bytes(b"alv")  # a save that was killed
    job = Job(binned, "fit")
    job.interrupt(signal.SIGKILL, job.is_there(MODEL))  # published, but the job has not ended
    assert_nothing_is_half_made(binned, [complete])
    (binned / MODEL).unlink(missing_ok=True)  # as Snakemake does before it repeats a job
    job.finish()
    digests = [json.loads((folder / MODEL).read_text())["digest"] for folder in (binned, undisturbed["coarse"])]
    assert digests[0] == digests[1]
    assert hashes(binned) == complete
    assert_no_leftovers(binned)


def test_two_jobs_that_fit_the_same_model_at_once_do_no_damage(binned, undisturbed):
    job = Job(binned, "fit", save=SAVING)
    first, second = job.start(), job.start()
    said = [one.communicate(timeout=120)[0] for one in (first, second)]
    assert sorted([first.returncode, second.returncode]) in ([0, 0], [0, 75]), said
    if 75 in (first.returncode, second.returncode):
        assert "another process is writing it" in "".join(said)
    assert hashes(binned) == hashes(undisturbed["coarse"])
    assert_no_leftovers(binned)
