"""`alveus check` names every problem, and tells what works and is rarely meant without refusing it."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from alveus.cli import main


@pytest.fixture
def check(tmp_path: Path):
    np.savez(tmp_path / "a.npz", spike_times=np.arange(10.0), spike_units=np.zeros(10, int))
    (tmp_path / "sessions.tsv").write_text("session\tformat\tpath\na\tnpz\ta.npz\n")

    def run(vae: str, more: str = ""):
        config = f"datasets: {{d: {{sessions: sessions.tsv}}}}\nmodels: {{v: {{method: vae, {vae}}}}}\n{more}"
        (tmp_path / "config.yaml").write_text(config)
        return CliRunner().invoke(main, ["check", str(tmp_path)])

    return run


def test_a_study_without_a_problem_says_so_and_how_many_models_a_sweep_makes(check):
    result = check("sweep: {beta: [1, 4], latents: [2, 3]}")
    assert result.exit_code == 0
    assert result.output == "No problem: 1 datasets, 1 sessions, 4 models to fit.\n"


def test_what_is_rarely_meant_is_a_warning_and_no_problem(check):
    result = check("encoder: window, decoder: skip, sweep: {beta: [1, 4]}")
    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert len(lines) == 4
    assert sum(line.startswith("warning: model 'v-beta4': encoder window") for line in lines) == 1
    assert sum(line.startswith("warning: model 'v-beta1': decoder skip") for line in lines) == 1
    assert result.stdout.startswith("No problem")


def test_contradictions_are_problems(check):
    result = check("prior: autoregressive, posterior: full, objective: total_correlation")
    assert result.exit_code == 2
    assert "models.v: posterior: an autoregressive prior has a closed KL divergence" in result.stderr
    assert "objective: total_correlation compares unrelated bins" in result.stderr


def test_a_warm_up_that_outlasts_training_is_a_problem(check):
    result = check("beta: {kind: warm_up, steps: 3000}", "training: {max_steps: 3000}\n")
    assert result.exit_code == 2
    assert (
        "datasets.d: model 'v' warms up for 3000 steps, but training.max_steps is 3000: it would never get there"
        in result.stderr
    )
