"""Results of every computing stage against those pinned beside its number in alveus.study.versions.STAGES.

Where results were meant to move, raise the number of their stage there, then pin them with `PIN_AGAIN`.
Only what a raised number allows to move is pinned anew.
"""

import csv
import hashlib
import json
import os
from collections.abc import Mapping
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from alveus.cli import main
from alveus.config.document import METHODS
from alveus.fit.model_file import load_model
from alveus.preprocessing.grid import Grid
from alveus.storage import open_dataset, open_events, open_latents, open_rates
from alveus.study.plan import Study
from alveus.study.versions import STAGES

pytestmark = pytest.mark.workflow

MODELS = (*METHODS, "slow")
DENOISING = ("vae", "slow")
"""Those that give rates."""

PIN_AGAIN = "ALVEUS_PIN=1 pytest tests/workflow/test_pinned.py"
PINNED = Path(__file__).with_name("pinned.json")
BEFORE = {
    "deconvolve": (),
    "bin": (),
    "fit": ("bin",),
    "encode": ("bin", "fit"),
    "rates": ("bin", "fit"),
    "score": ("bin", "fit", "encode"),
    "score_session": ("bin",),
}
"""Stage → the stages it builds on: when one of them moves, so may it."""

DIGITS = 4  # significant ones that are pinned
RELATIVE, ABSOLUTE = (
    3e-3,
    1e-3,
)  # what other processors, and other versions of torch and BLAS, may make of a number

CONFIG = """\
seeds: 1
datasets:
  d: {sessions: sessions.tsv}
  light:
    sessions: [{session: one, format: simulation, path: "two_photon?seed=0&units=5&minutes=1&dropped=0.01"}]
models:
  pca: {method: pca, latents: 2}
  factor_analysis: {method: factor_analysis, latents: 2}
  ica: {method: ica, latents: 2}
  nmf: {method: nmf, latents: 2}
  autoencoder: {method: autoencoder, latents: 2, encoder: {hidden: [16]}, decoder: {hidden: [16]}}
  vae: {method: vae, latents: 2, encoder: {hidden: [16]}, decoder: {hidden: [16]}}
  slow:
    method: vae
    latents: 2
    likelihood: negative_binomial
    prior: autoregressive
    encoder: {kind: window, hidden: [16], seconds: 0.1}
    decoder: {kind: film, hidden: [16]}
    beta: {kind: warm_up, steps: 10}
preprocess: {bin_size: 0.05}
training: {device: cpu, max_steps: 30, evaluate_every: 10, batch_size: 128}
scores: {shifts: 5, resamples: 50}
"""


def write_raw(path: Path) -> None:
    """Write spikes that follow a zigzag: made of whole numbers, so that every machine makes the same ones."""
    rng = np.random.default_rng(0)
    samples = np.sort(rng.integers(0, 60 * 30_000, 16_000))
    units = rng.integers(0, 8, samples.size)
    phase = (samples + units * 18_750) % 150_000  # a period of 5 s; units follow one another
    kept = np.abs(phase - 75_000) > rng.integers(0, 75_000, samples.size)
    clock = np.arange(3000)
    np.savez(
        path, spike_times=samples[kept] / 30_000, spike_units=units[kept], start=0.0, duration=60.0,
        behavior_time=clock / 50, behavior_zigzag=np.abs(clock % 250 - 125) / 125,
    )  # fmt: skip


class Stages:
    """Runs stages of a small study in a folder, as the rules do, and says what came out in a few numbers."""

    def __init__(self, folder: Path) -> None:
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "sessions.tsv").write_text("session\tformat\tpath\none\tnpz\traw.npz\n")
        write_raw(folder / "raw.npz")
        self.folder = folder
        self.results = folder / "results/d/one"
        self.plan = Study(folder)

    def call(self, stage: str, *paths: Path, model: str = "", dataset: str = "d") -> None:
        settings = json.loads(self.plan.stage_settings(stage, dataset, "one", model))
        if stage == "bin":
            settings["path"] = str(self.folder / "raw.npz")
        tuning = self.plan.stage_tuning(stage, dataset, "one", model)
        arguments = [stage.replace("_", "-"), *map(str, paths)]
        ran = CliRunner().invoke(main, [*arguments, "--settings", json.dumps(settings), "--tuning", tuning])
        assert ran.exit_code == 0, ran.output

    def bin(self) -> dict[str, Any]:
        self.call("bin", self.results / "dataset.json")
        data = open_dataset(self.results / "dataset.json")
        exact = hashlib.sha256()
        for values in (data.counts(), data.segment, data.split, data.held_out, np.array(data.unit_ids, "S")):
            exact.update(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes())
        return {
            "values": exact.hexdigest(),
            "time": size_of(data.time),
            "zigzag": size_of(data.behavior["zigzag"].values),
            "digest": {versions_of(self.results / "dataset.json"): data.digest},
        }

    def deconvolve(self) -> dict[str, Any]:
        manifest = self.folder / "results/light/one/events.json"
        self.call("deconvolve", manifest, dataset="light")
        found = open_events(manifest)
        numbers = {name: size_of(values) for name, values in found.columns.items() if values.dtype.kind == "f"}
        arrays = {name: size_of(found.values(name)[:]) for name in ("events", "dff")}
        return {"segment": int(found.segment.sum()), "findings": len(found.findings), **arrays, **numbers}

    def fit(self, model: str) -> dict[str, Any]:
        self.call("fit", self.results / "dataset.json", self.results / model / "fit.json", model=model)
        fitted = load_model(self.results / model / "model.pt")
        states = {"seed": fitted.seeds[0], "twin": fitted.twin}
        weights = {
            f"{which} {name}": size_of(v.numpy()) for which, one in states.items() for name, v in one.items()
        }
        return weights | {f"loss {r['seed']} {r['step']}": rounded(r["validation_loss"]) for r in fitted.history}

    def encode(self, model: str) -> dict[str, Any]:
        folder = self.results / model
        self.call(
            "encode", self.results / "dataset.json", folder / "fit.json", folder / "latents.json", model=model
        )
        found = open_latents(folder / "latents.json")
        arrays = {
            name: getattr(found, name)
            for name in ("mean", "scale", "held_in_mean", "log_likelihood", "kl", "log_evidence")
        }
        if found.predictive is not None:
            drawn = vars(found.predictive.drawn)
            arrays |= {f"drawn {name}": np.nan_to_num(values) for name, values in drawn.items()}
        return {name: size_of(values) for name, values in arrays.items() if values is not None}

    def rates(self, model: str) -> dict[str, Any]:
        folder = self.results / model
        self.call("rates", self.results / "dataset.json", folder / "fit.json", folder / "rates.json", model=model)
        return {"rate": size_of(open_rates(folder / "rates.json").rate[:])}

    def score(self, model: str) -> dict[str, Any]:
        folder = self.results / model
        self.call(
            "score", self.results / "dataset.json", folder / "latents.json", folder / "scores.csv", model=model
        )
        return table(folder / "scores.csv")

    def score_session(self) -> dict[str, Any]:
        self.call("score_session", self.results / "dataset.json", self.results / "scores.csv")
        return table(self.results / "scores.csv")


def rounded(number: float) -> float:
    return float(f"{number:.{DIGITS - 1}e}")


def size_of(values: Any) -> float:
    """Root mean square: the same for latents whose sign is arbitrary."""
    return rounded(float(np.sqrt(np.mean(np.square(np.asarray(values, np.float64))))))


def versions_of(manifest: Path) -> str:
    """What compresses: other versions may pack the same values in other bytes."""
    software = json.loads(manifest.read_text())["software"]
    return f"numcodecs {software['numcodecs']}, zarr {software['zarr']}"


def table(path: Path) -> dict[str, Any]:
    """Values and floors of a table of scores."""
    found: dict[str, Any] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            name = " ".join(filter(None, (row["score"], row["target"], row["seed"])))
            if row["score"] == "predictive_check":  # a share of few units jumps where rounding moves one of them
                found[name] = row["status"]
                continue
            found[name] = row["status"] if row["status"] != "ok" else number_or_text(row["value"])
            if row["floor"]:
                found[f"{name}: floor"] = number_or_text(row["floor"])
    return found


def number_or_text(text: str) -> float | str:
    try:
        return rounded(float(text))
    except ValueError:
        return text


def moved(pinned: Any, found: Any, name: str = "") -> list[str]:
    """Name what differs by more than rounding."""
    if isinstance(pinned, Mapping) and isinstance(found, Mapping):
        if name.endswith("/digest") and not set(pinned) & set(found):
            return []  # compressed by other versions: the values themselves are compared
        names = [*pinned, *(key for key in found if key not in pinned)]
        return [line for key in names for line in moved(pinned.get(key), found.get(key), f"{name}/{key}")]
    if isinstance(pinned, float) and isinstance(found, float):
        same = isclose(pinned, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    else:
        same = pinned == found
    return [] if same else [f"{name[1:]}: {pinned} → {found}"]


def numbers_of(stage: str, numbers: Mapping[str, int]) -> dict[str, int]:
    return {name: numbers[name] for name in (*BEFORE[stage], stage)}


def judge(stage: str, pinned: Mapping[str, Any], found: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    """Return what is wrong with the results of a stage, or nothing."""
    if stage not in pinned or pinned[stage]["numbers"] != numbers_of(stage, numbers):
        return f"the numbers that stage {stage} depends on are not the pinned ones: run {PIN_AGAIN}"
    lines = moved(pinned[stage]["results"], found)
    if not lines:
        return ""
    return (
        f"results of stage {stage} moved but its number in src/alveus/study/versions.py did not: "
        f"raise it, then run {PIN_AGAIN}\n" + "\n".join(lines)
    )


def pin(
    stage: str, pinned: Mapping[str, Any], found: Mapping[str, Any], numbers: Mapping[str, int]
) -> dict[str, Any]:
    """Return the pins with those of a stage made anew, if a raised number allows it."""
    if stage in pinned and pinned[stage]["numbers"] == numbers_of(stage, numbers):
        return dict(pinned)
    return {**pinned, stage: {"numbers": numbers_of(stage, numbers), "results": found}}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What every stage makes now; pinned where that is asked for."""
    run = Stages(tmp_path_factory.mktemp("pinned"))
    results = {"deconvolve": run.deconvolve(), "bin": run.bin(), "score_session": run.score_session()}
    for stage in ("fit", "encode", "score"):
        results[stage] = {model: getattr(run, stage)(model) for model in MODELS}
    results["rates"] = {model: run.rates(model) for model in DENOISING}
    if os.environ.get("ALVEUS_PIN"):
        pins = read_pins()
        for stage in BEFORE:
            pins = pin(stage, pins, results[stage], STAGES)
        PINNED.write_text(
            json.dumps({stage: pins[stage] for stage in BEFORE}, indent=1, ensure_ascii=False) + "\n"
        )
    return results


def read_pins() -> dict[str, Any]:
    return dict(json.loads(PINNED.read_text())) if PINNED.exists() else {}


@pytest.mark.parametrize("stage", BEFORE)
def test_results_move_only_together_with_the_number_of_their_stage(found, stage):
    complaint = judge(stage, read_pins(), found[stage], STAGES)
    assert not complaint, complaint


def test_every_stage_that_computes_is_pinned():
    pages = {"report", "report_dataset"}  # drawn by matplotlib; what they say is pinned with the scores
    assert set(BEFORE) == set(STAGES) - pages


def test_a_change_of_code_is_noticed(found, tmp_path, monkeypatch):
    edges = Grid.edges
    monkeypatch.setattr(Grid, "edges", lambda self, first, stop: edges(self, first, stop) + 1_000_000)  # by 1 ms
    changed = Stages(tmp_path).bin()
    pins = {"bin": {"numbers": {"bin": 1}, "results": found["bin"]}}
    assert "results of stage bin moved but its number" in judge("bin", pins, changed, {"bin": 1})
    assert judge("bin", pins, found["bin"], {"bin": 1}) == ""


def test_moved_results_are_pinned_once_a_number_is_raised():
    old, new = (
        {"loss": 41.25, "mean": 0.5, "verdict": "use PCA"},
        {"loss": 41.75, "mean": 0.5, "verdict": "use PCA"},
    )
    pins = {"fit": {"numbers": {"bin": 1, "fit": 1}, "results": old}}
    same, raised = {"bin": 1, "fit": 1}, {"bin": 1, "fit": 2}
    assert judge("fit", pins, new, same).endswith("loss: 41.25 → 41.75")
    assert pin("fit", pins, new, same) == pins  # asking for pins is no way around the number
    assert "ALVEUS_PIN=1" in judge("fit", pins, new, raised)
    again = pin("fit", pins, new, raised)
    assert judge("fit", again, new, raised) == ""
    assert "moved" in judge("fit", again, old, raised)


def test_what_follows_may_move_with_a_stage_before_it():
    pins = {"fit": {"numbers": {"bin": 1, "fit": 1}, "results": {"loss": 41.25}}}
    raised = {"bin": 2, "fit": 1}
    assert judge("fit", pin("fit", pins, {"loss": 40.0}, raised), {"loss": 40.0}, raised) == ""


@pytest.mark.parametrize(
    ("pinned", "now", "same"),
    [
        ({"a": 1.234}, {"a": 1.235}, True),
        ({"a": 1.234}, {"a": 1.244}, False),
        ({"a": "ok"}, {"a": "collapsed"}, False),
        ({"a": 1.0}, {"a": "not estimable"}, False),
        ({"a": 1.0}, {"a": 1.0, "b": 1.0}, False),
        ({"a": 1.0, "b": 1.0}, {"a": 1.0}, False),
        ({"digest": {"zarr 3.1": "x"}}, {"digest": {"zarr 3.2": "y"}}, True),
        ({"digest": {"zarr 3.1": "x"}}, {"digest": {"zarr 3.1": "y"}}, False),
    ],
)
def test_rounding_is_no_move_and_everything_else_is(pinned, now, same):
    assert (moved(pinned, now) == []) == same
