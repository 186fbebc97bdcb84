"""A run that is interrupted, by request or by force, ends with the weights of one that is not."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from alveus.config.models import Vae as ModelSettings
from alveus.errors import TemporaryError
from alveus.fit.checkpoints import Checkpoints
from alveus.fit.fit import fit
from alveus.fit.interrupt import Interruption
from alveus.fit.model_file import load_model
from alveus.models.vae import Vae

SCRIPT = """
import sys, pathlib, numpy as np
from alveus.config.models import Training, Vae
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.errors import AlveusError
from alveus.fit.data import FitData
from alveus.fit.fit import fit
from alveus.fit.model_file import save_model
folder, slow = pathlib.Path(sys.argv[1]), sys.argv[2] == "slow"
rng = np.random.default_rng(0)
counts = rng.poisson(1.0, (1200, 8)).astype(np.uint8)
split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [80, 20, 20]), 10)
data = FitData(counts, split, np.zeros(1200, np.int32), np.arange(8) > 5, 0.02, "d")
net = {"hidden": (16,)}
model = Vae(method="vae", latents=2, encoder=MlpEncoder(**net), decoder=MlpDecoder(**net))
training = Training(device="cpu", batch_size=64, max_steps=80, evaluate_every=20,
                    checkpoint_seconds=1e-9 if slow else 60.0)
def progress(row):
    (folder / f"{row['seed']}-{row['step']}").touch()
    if slow:
        import time
        time.sleep(0.05)
try:
    fitted = fit(data, model, training, n_seeds=2, checkpoint=folder / "checkpoints", progress=progress)
except AlveusError as error:
    print(error)
    raise SystemExit(error.exit_status)
save_model(fitted, folder / "model.pt")
"""


def start(folder: Path, pace: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), pace], stdout=subprocess.PIPE, text=True, env=environment
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, "ended before it was interrupted"
        assert time.monotonic() < until, f"{path.name} did not come in 60 s"
        time.sleep(0.002)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start(folder, "fast")
    process.communicate()
    assert process.returncode == 0
    return folder / "model.pt"


@pytest.mark.parametrize(
    ("number", "moment", "status"),
    [(signal.SIGTERM, "1-60", 75), (signal.SIGKILL, "twin-40", -signal.SIGKILL)],
)
def test_a_signalled_process_resumes_to_the_same_file(tmp_path, uninterrupted, number, moment, status):
    process = start(tmp_path, "slow")
    wait_for(tmp_path / moment, process)
    process.send_signal(number)
    said, _ = process.communicate()
    assert process.returncode == status
    if number == signal.SIGTERM:
        assert said.startswith("stopped by SIGTERM at step")
    for path in tmp_path.glob("*-*"):
        path.unlink()
    again = start(tmp_path, "fast")
    again.communicate()
    assert again.returncode == 0
    assert not (tmp_path / "0-0").exists()  # a finished seed is not trained again
    assert (tmp_path / "model.pt").read_bytes() == uninterrupted.read_bytes()
    assert len(load_model(tmp_path / "model.pt").history) == 3 * 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_every_signal_is_only_noted(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        signal.raise_signal(number)
        assert interruption.name == number.name
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_gets_out():
    with Interruption():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


EVERYTHING = ModelSettings(
    method="vae",
    latents=2,
    encoder={"kind": "window", "hidden": (16,), "seconds": 0.1},
    prior="autoregressive",
    decoder={
        "kind": "skip",
        "hidden": (16,),
        "gate": {"kind": "warm_up", "start": 1.0, "value": 0.0, "steps": 20},
    },
    beta={"kind": "cyclical", "steps": 6, "cycles": 4},
    gradients="score_function",
    measure_gradients=True,
    unit_dropout=0.2,
)
"""A model with all that a run has to remember: stretches, a running baseline, dropped units, two schedules."""


@pytest.mark.parametrize("chosen", [None, EVERYTHING], ids=["plain", "everything"])
def test_interrupted_at_every_step_it_still_ends_the_same(monkeypatch, tmp_path, data, model, training, chosen):
    """Also across the ends of epochs, evaluations and decays of the learning rate."""
    model = chosen or model
    short = training.model_copy(update={"max_steps": 40, "evaluate_every": 7, "patience": 1})
    whole = fit(data, model, short, n_seeds=1)
    honest = Vae.terms

    def interrupting(network, batch, noise):
        if torch.is_grad_enabled():
            signal.raise_signal(signal.SIGTERM)
        return honest(network, batch, noise)

    monkeypatch.setattr(Vae, "terms", interrupting)
    attempts = 0
    while True:
        attempts += 1
        try:
            pieced = fit(data, model, short, n_seeds=1, checkpoint=tmp_path)
            break
        except TemporaryError:
            assert attempts < 200
    assert attempts > 40
    assert pieced.history == whole.history
    assert pieced.notes == whole.notes
    for state, expected in zip((*pieced.seeds, pieced.twin), (*whole.seeds, whole.twin), strict=True):
        assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_a_checkpoint_of_other_settings_is_told_and_changes_nothing(
    tmp_path, data, model, training, caplog, monkeypatch
):
    monkeypatch.setattr(logging.getLogger("alveus"), "propagate", True)
    fit(data, model, training.model_copy(update={"max_steps": 40}), n_seeds=1, checkpoint=tmp_path)
    other = fit(data, model, training, n_seeds=1, checkpoint=tmp_path)
    told = {record.message for record in caplog.records}  # a set: pytest may see a record at two loggers
    assert sum("belongs to other data, settings or code" in message for message in told) == 2
    fresh = fit(data, model, training, n_seeds=1)
    assert other.notes == fresh.notes
    assert all(torch.equal(other.seeds[0][name], value) for name, value in fresh.seeds[0].items())


def test_settings_that_change_no_result_do_not_discard_a_checkpoint(tmp_path, data, model, training):
    fit(data, model, training, n_seeds=1, checkpoint=tmp_path)
    rows = []
    slower = training.model_copy(update={"checkpoint_seconds": 7.0})
    fit(data, model, slower, n_seeds=1, checkpoint=tmp_path, progress=rows.append)
    assert rows == []
    fit(data, model, slower, n_seeds=1, checkpoint=tmp_path, progress=rows.append, code="2")
    assert rows != []


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "header"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path, "key")
    checkpoints.save({"step": 1, "weights": torch.arange(3.0)})
    checkpoints.save({"step": 2, "weights": torch.arange(3.0)})
    content = bytearray(checkpoints.latest.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "empty":
        content = bytearray()
    else:
        content[0] ^= 1
    checkpoints.latest.write_bytes(content)
    state, notes = checkpoints.load()
    assert state is not None
    assert state["step"] == 1
    assert len(notes) == 1
    assert "damaged" in notes[0]


def test_two_checkpoints_are_kept_and_nothing_else(tmp_path):
    checkpoints = Checkpoints(tmp_path / "new", "key")
    for step in range(4):
        checkpoints.save({"step": step})
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["latest.ckpt", "previous.ckpt"]
    assert checkpoints.load() == ({"step": 3}, [])
    checkpoints.clear()
    assert checkpoints.load() == (None, [])
