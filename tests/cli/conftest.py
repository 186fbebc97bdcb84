"""One short session, binned and fitted once, as the rules do it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from alveus.cli import main
from alveus.study.plan import Study

CONFIG = """
seeds: 2
datasets: {d: {sessions: sessions.tsv}}
models:
  pca: {method: pca, latents: 2}
  vae: {method: vae, latents: 2, rates: true, encoder: {hidden: [8]}, decoder: {hidden: [8]}}
  slow: {method: vae, latents: 2, prior: autoregressive, encoder: {hidden: [8]}, decoder: {hidden: [8]}}
  skip: {method: vae, latents: 2, encoder: {hidden: [8]}, decoder: {kind: skip, hidden: [8]}}
  parts:
    method: vae
    latents: 2
    prior: {kind: conditional, time_segments: 3}
    encoder: {hidden: [8]}
    decoder: {hidden: [8]}
preprocess: {bin_size: 0.05, start: 3.0}
training: {device: cpu, max_steps: 20, evaluate_every: 10, batch_size: 128}
"""
MODELS = ("pca", "vae", "slow", "skip", "parts")


class Fitted:
    """A study whose only session is binned, and to which every model is fitted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.results = folder, folder / "results/d/one"
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "sessions.tsv").write_text("session\tformat\tpath\none\tnpz\traw.npz\n")
        rng = np.random.default_rng(0)
        shared = rng.gamma(2.0, 0.3, (2000, 1))
        counts = rng.poisson(shared * np.linspace(0.2, 2, 8)).astype(np.uint8)
        units = np.array([f"cell {i}" for i in range(8)])
        np.savez(folder / "raw.npz", counts=counts, bin_size=0.05, start=3.0, segment=np.arange(2000) // 900,
                 unit_id=units)  # fmt: skip
        self.plan = Study(folder)
        self.stage("bin", self.dataset)
        for model in MODELS:
            self.stage("fit", self.dataset, self.model(model), model=model)

    @property
    def dataset(self) -> Path:
        return self.results / "dataset.json"

    def model(self, name: str, file: str = "fit.json") -> Path:
        return self.results / name / file

    def stage(self, stage: str, *paths: Path, model: str = "") -> None:
        """Run a rule's subcommand."""
        settings = json.loads(self.plan.stage_settings(stage, "d", "one", model))
        if stage == "bin":
            settings["path"] = str(self.folder / "raw.npz")
        ran = CliRunner().invoke(
            main,
            [stage, *map(str, paths), "--settings", json.dumps(settings),
             "--tuning", self.plan.stage_tuning(stage, "d", "one", model),
             "--code", self.plan.stage_code(stage), "--work", str(self.folder / "work" / model)],
        )  # fmt: skip
        assert ran.exit_code == 0, ran.output


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return Fitted(tmp_path_factory.mktemp("fitted"))
