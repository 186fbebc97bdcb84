"""Events from a file to their scores, their page and a recording drawn anew: all that a session goes through."""

import csv
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from alveus.cli import main
from alveus.study.plan import Study

CONFIG = """
seeds: 1
datasets: {d: {sessions: sessions.tsv}}
models:
  pca: {method: pca, latents: 2}
  autoencoder: {method: autoencoder, latents: 2, encoder: {hidden: [16]}, decoder: {hidden: [16]}}
  gaussian: {method: vae, latents: 2, likelihood: gaussian, encoder: {hidden: [16]}, decoder: {hidden: [16]}}
  zig: {method: vae, latents: 2, likelihood: zero_inflated_gamma, encoder: {hidden: [16]}, decoder: {hidden: [16]}}
preprocess: {bin_size: 0.1}
training: {device: cpu, max_steps: 400, evaluate_every: 50, batch_size: 128, learning_rate: 0.01}
scores: {shifts: 5, resamples: 50}
"""
MODELS = ("pca", "autoencoder", "gaussian", "zig")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "sessions.tsv").write_text("session\tformat\tpath\na\tnpz\ta.npz\n")
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(3000, 2))
    drive = latents @ rng.normal(size=(2, 20))
    amount = 0.3 + rng.gamma(2.0, 0.5 * np.exp(0.5 * drive))
    events = np.where(rng.random(drive.shape) < 1 / (1 + np.exp(1 - drive)), amount, 0) * np.geomspace(
        1e-3, 1e3, 20
    )
    time = (np.arange(3000) + 0.5) / 10
    np.savez(
        folder / "a.npz",
        events=events.astype(np.float32),
        sampling_rate=10.0,
        truth_time=time,
        truth_latents=latents,
    )
    plan, results = Study(folder), folder / "results/d/a"

    def stage(name, *paths, model=""):
        settings = json.loads(plan.stage_settings(name.replace("-", "_"), "d", "a", model))
        if name == "bin":
            settings["path"] = str(folder / "a.npz")
        given = ["--settings", json.dumps(settings), "--code", "1", "--work", str(folder / "work" / model)]
        if name in ("fit", "encode"):
            given += ["--tuning", plan.stage_tuning(name, "d", "a", model)]
        ran = CliRunner().invoke(main, [name, *map(str, paths), *given])
        assert ran.exit_code == 0, ran.output

    dataset = results / "dataset.json"
    stage("bin", dataset)
    stage("score-session", dataset, results / "scores.csv")
    for model in MODELS:
        fitted, latents_of = (results / model / name for name in ("fit.json", "latents.json"))
        stage("fit", dataset, fitted, model=model)
        stage("encode", dataset, fitted, latents_of, model=model)
        stage("score", dataset, latents_of, results / model / "scores.csv", model=model)
    stage("report", results, results / "report.html")
    return folder


def rows(folder, model):
    with (folder / "results/d/a" / model / "scores.csv").open() as file:
        return {(row["score"], row["target"]): row for row in csv.DictReader(file)}


def test_every_score_of_events_has_a_value_its_interval_and_its_floor(folder):
    expected = {("co_smoothing_r2", "held-out units"), ("r2", "readout"), ("log_likelihood", "readout")}
    decoder = {("r2", "decoder")}
    likelihood = {("log_likelihood", "decoder"), ("log_evidence", "")}
    for model, more in zip(MODELS, (set(), decoder, decoder | likelihood, decoder | likelihood), strict=True):
        found = rows(folder, model)
        for key in expected | more:
            assert found[key]["status"] == "ok", (model, key, found[key])
            low, value, high, floor = (float(found[key][name]) for name in ("low", "value", "high", "floor"))
            assert low <= value <= high
            assert low > floor, (model, key)
        assert found["co_smoothing", "held-out units"]["status"] == "not defined"
    with (folder / "results/d/a/scores.csv").open() as file:
        fano = [row for row in csv.DictReader(file) if row["score"] == "fano_factor"]
    assert {row["status"] for row in fano} == {"not defined"}


def test_the_likelihood_that_made_the_events_finds_most_of_what_drove_them(folder):
    def truth(model):
        return next(float(row["value"]) for (score, _), row in rows(folder, model).items() if score == "truth_r2")

    assert truth("zig") > max(truth("pca"), truth("gaussian")) + 0.03


def test_the_page_speaks_of_no_spikes(folder):
    page = (folder / "results/d/a/report.html").read_text()
    text = re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    verdict = text[: text.index("All scores")] + text[text.index("Models") : text.index("Training of")]
    assert "co-smoothing R²" in verdict
    for word in ("spike", "Hz", "Poisson"):
        assert word not in verdict


def test_events_are_drawn_as_events(folder):
    out = folder / "drawn.npz"
    results = folder / "results/d/a"
    ran = CliRunner().invoke(
        main, ["sample", *map(str, (results / "zig/fit.json", results / "dataset.json", out))]
    )
    assert ran.exit_code == 0, ran.output
    with np.load(out) as drawn, np.load(folder / "a.npz") as recorded:
        for statistic in (lambda x: (x == 0).mean(0), lambda x: x.mean(0)):
            assert np.median(statistic(drawn["events"]) / statistic(recorded["events"])) == pytest.approx(
                1, abs=0.1
            )
