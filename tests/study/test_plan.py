"""A plan tells what each stage depends on, what it needs, and how far it got."""

import json
from pathlib import Path

import numpy as np
import pytest

from alveus.study.advice import advice
from alveus.study.plan import Study
from alveus.study.progress import session_progress
from alveus.study.resources import memory_mb, minutes
from alveus.study.status import running, write_status

CONFIG = """
gpus: 1
datasets: {d: {sessions: sessions.tsv}}
models: {pca: {method: pca, latents: 3}, vae: {method: vae, latents: 3}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "sessions.tsv").write_text("session\tformat\tpath\na\tnpz\ta.npz\nb\tnpz\tb.npz\n")
    np.savez(tmp_path / "a.npz", spike_times=np.arange(10.0), spike_units=np.zeros(10, int))
    return tmp_path


def test_missing_raw_data_are_named_before_anything_runs(folder):
    study = Study(folder)
    assert study.missing == [("d", "b", "b.npz")]
    assert study.raw_fingerprint("d", "b") == "missing"


def test_settings_are_one_canonical_text_that_holds_what_the_stage_reads(folder):
    before = Study(folder).stage_settings("fit", "d", "a", "vae")
    (folder / "config.yaml").write_text(CONFIG + "training: {device: cpu}\nreport: {max_points: 200}\n")
    assert Study(folder).stage_settings("fit", "d", "a", "vae") == before
    (folder / "config.yaml").write_text(CONFIG + "training: {batch_size: 64}\n")
    assert Study(folder).stage_settings("fit", "d", "a", "vae") != before


def test_only_methods_trained_with_gradients_ask_for_a_gpu_and_depend_on_training(folder):
    study = Study(folder)
    assert (study.needs_gpu("d", "vae"), study.needs_gpu("d", "pca")) == (1, 0)
    assert json.loads(study.stage_settings("fit", "d", "a", "pca"))["training"] == {}


@pytest.mark.parametrize("stage", ["bin", "fit", "encode", "score", "score_session", "report"])
def test_requests_grow_with_the_recording_and_with_each_attempt(stage):
    small, large = (20_000, 50), (2_000_000, 1000)
    assert memory_mb(stage, large, seeds=5) >= memory_mb(stage, small, seeds=5)
    assert minutes(stage, large, seeds=5) >= minutes(stage, small, seeds=5)
    assert memory_mb(stage, small, 2) == pytest.approx(1.5 * memory_mb(stage, small, 1), abs=1)


def test_a_dataset_that_exists_is_held_against_the_models(folder):
    study = Study(folder)
    assert advice(study) == []
    manifest = folder / "results" / "d" / "a" / "dataset.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"n_units": 4, "n_held_out": 1, "quantity": "counts", "behavior": []}))
    found = advice(study)
    assert len(found) == 2
    assert "only 3 units are left" in found[0]


def test_progress_tells_what_is_due_running_failed_or_refused(folder):
    study = Study(folder)
    assert session_progress(study, "d", "a").state == "due"
    status = running("bin", 1, "key")
    work = folder / "work" / "d" / "a"
    write_status(work, status)
    assert session_progress(study, "d", "a").state == "running"
    for exit_status, state in ((2, "failed"), (3, "refused"), (1, "failed")):
        failed = {**vars(status), "state": "failed", "exit_status": exit_status, "message": "no units"}
        write_status(work, type(status)(**failed))
        found = session_progress(study, "d", "a")
        assert (found.state, found.reason) == (state, "bin: no units")


def test_a_likelihood_of_counts_is_held_against_a_session_without_spikes_before_it_is_binned(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "datasets: {d: {sessions: s.tsv}}\n"
        "models: {p: {method: vae, latents: 3}, g: {method: vae, latents: 3, likelihood: gaussian}, "
        "z: {method: vae, latents: 3, likelihood: zero_inflated_gamma}}\n"
    )
    (tmp_path / "s.tsv").write_text(
        "session\tformat\tpath\tmodality\nspikes\tsimulation\tlinear\t\nsources\tsimulation\tivae\t\n"
        "said\tnpz\tlost.npz\tcalcium\nlost\tnpz\tlost.npz\t\n"
    )
    found = advice(Study(tmp_path))
    assert [line.split(": ")[0] for line in found] == ["d/spikes", "d/sources", "d/said"]
    assert "model 'z' has likelihood zero_inflated_gamma" in found[0]
    assert "choose poisson or negative_binomial" in found[0]
    for line in found[1:]:
        assert "model 'p' has likelihood poisson" in line
        assert "choose gaussian, or for events zero_inflated_gamma" in line


REFUSED = {
    "counts": {"z": "choose poisson or negative_binomial"},
    "events": dict.fromkeys(("p", "b"), "choose gaussian, or for events zero_inflated_gamma"),
    "dff": {"p": "choose gaussian", "b": "choose gaussian", "z": "choose gaussian", "n": "use `method: pca`"},
}


@pytest.mark.parametrize("quantity", REFUSED)
def test_every_model_is_held_against_what_the_activity_is(tmp_path, quantity):
    likelihoods = {"p": "poisson", "b": "negative_binomial", "g": "gaussian", "z": "zero_inflated_gamma"}
    models = {name: {"method": "vae", "likelihood": kind} for name, kind in likelihoods.items()}
    models |= {"n": {"method": "nmf"}, "c": {"method": "pca"}}
    config = {"datasets": {"d": {"sessions": "s.tsv"}}, "models": models}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    (tmp_path / "s.tsv").write_text("session\tformat\tpath\na\tnpz\ta.npz\n")
    manifest = tmp_path / "results" / "d" / "a" / "dataset.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"n_units": 40, "n_held_out": 8, "quantity": quantity, "behavior": []}))
    found = {line.split("model '")[1][0]: line for line in advice(Study(tmp_path))}
    assert found.keys() == REFUSED[quantity].keys()
    assert all(found[name].endswith(remedy) or remedy in found[name] for name, remedy in REFUSED[quantity].items())
