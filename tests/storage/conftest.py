"""A small prepared recording, built to the interface of preprocessing, and artefacts made of it."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alveus.preprocessing.tally import CountOverflow
from alveus.recording import Finding, Trials, Units
from alveus.storage import write_dataset, write_latents


@dataclass
class FakeBehavior:
    name: str
    kind: str
    values: np.ndarray
    period: float | None = None
    labels: tuple[str, ...] = ()
    unit: str = ""
    coverage: float = 1.0

    @property
    def n_components(self) -> int | None:
        return self.values.shape[1] if self.values.ndim == 2 else None

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.values[start:stop]


@dataclass
class FakeTruth:
    values: np.ndarray
    ceiling_values: np.ndarray | None
    ceiling_name: str = "MAP"

    def latents(self, start: int, stop: int) -> np.ndarray:
        return self.values[start:stop]

    @property
    def n_latents(self) -> int:
        return self.values.shape[1]

    @property
    def ceiling(self):
        values = self.ceiling_values
        return None if values is None else lambda start, stop: values[start:stop]


@dataclass
class FakePrepared:
    counts: np.ndarray
    units: Units
    held_out: np.ndarray
    bin_width: Fraction = Fraction(1, 50)
    modality: str = "spikes"
    quantity: str = "counts"
    behavior: tuple[FakeBehavior, ...] = ()
    trials: Trials | None = None
    truth: FakeTruth | None = None
    source: dict[str, str] = field(default_factory=lambda: {"reader": "fake"})
    facts: dict[str, Any] = field(default_factory=lambda: {"n_spikes": np.int64(7), "drift": float("nan")})

    @property
    def n_bins(self) -> int:
        return len(self.counts)

    @property
    def bin_size(self) -> float:
        return float(self.bin_width)

    def time(self, start: int, stop: int) -> np.ndarray:
        return (np.arange(start, stop) + 0.5) * self.bin_size

    def segment(self, start: int, stop: int) -> np.ndarray:
        return (np.arange(start, stop) // 500).astype(np.int32)

    def split(self, start: int, stop: int) -> np.ndarray:
        return (np.arange(start, stop) // 100 % 4 - 1).astype(np.int8)

    def activity(self, dtype: np.dtype, block_bins: int):
        for start in range(0, self.n_bins, block_bins):
            block = self.counts[start : start + block_bins]
            if dtype.kind == "u" and block.max() > np.iinfo(dtype).max:
                raise CountOverflow("too many")
            yield block.astype(dtype)

    def counted(self) -> dict[str, int]:
        return {"spikes_kept": int(self.counts.sum())}

    def findings_after(self) -> tuple[Finding, ...]:
        return (Finding("duplicate_spikes", 3, "3 of 10 spikes repeat a sample: dropped"),)


def make_prepared(n_bins: int = 2000, n_units: int = 12, seed: int = 0, rate: float = 0.2) -> FakePrepared:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate, (n_bins, n_units))
    counts[:, 3] = 0
    speed = rng.normal(size=n_bins).astype(np.float32)
    speed[:50] = np.nan
    columns = {
        "Depth (µm)": rng.normal(size=n_units),
        "depth-um": np.arange(n_units),
        "group": np.array(["good", "müa"] * (n_units // 2)),
        "position": rng.normal(size=(n_units, 3)),
    }
    return FakePrepared(
        counts,
        Units(tuple(f"u{i:02d}-é" for i in range(n_units)), columns),
        np.arange(n_units) % 5 == 0,
        behavior=(
            FakeBehavior("running speed", "continuous", speed, unit="seconds since the epoch", coverage=0.975),
            FakeBehavior("head/../direction", "circular", rng.uniform(0, 360, n_bins).astype(np.float32), 360.0),
            FakeBehavior("位置", "continuous", rng.normal(size=(n_bins, 2)).astype(np.float32), unit="cm"),
            FakeBehavior("état", "categorical", rng.integers(-1, 2, n_bins).astype(np.int32), labels=("a", "β")),
        ),
        trials=Trials(
            np.arange(0, 30, 3.0),
            np.arange(2, 32, 3.0),
            {"choice": np.array(["left", "droite é"] * 5), "reward": np.arange(10.0), "Start": np.zeros(10)},
        ),
        truth=FakeTruth(rng.normal(size=(n_bins, 2)).astype(np.float32), None),
    )


def publish_dataset(folder: Path, prepared: FakePrepared, **more: Any) -> Path:
    manifest = folder / "dataset.json"
    settings = {"bin_size": prepared.bin_size}
    names = {"session": "s1", "dataset": "d1", "fingerprint": "f00"}
    write_dataset(prepared, folder / "dataset.zarr", manifest, settings=settings, **(names | more))  # type: ignore[arg-type]
    return manifest


def publish_latents(folder: Path, seed: int = 0, n_bins: int = 300, **more: Any) -> Path:
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(3, n_bins, 4)).astype(np.float32)
    arrays = {
        "mean": mean,
        "scale": np.exp(mean),
        "held_in_mean": mean[0] + 1,
        "time": np.arange(n_bins) * 0.02,
        "log_likelihood": mean[..., 0] * 2,
        "kl": mean**2,
    }
    about = {
        "session": "s1",
        "dataset": "d1",
        "model": "vae",
        "settings": {"method": "vae"},
        "inputs": {"fit": "ab"},
    }
    write_latents(folder / "latents.zarr", folder / "latents.json", **(arrays | about | more))
    return folder / "latents.json"


@pytest.fixture
def prepared() -> FakePrepared:
    return make_prepared()


@pytest.fixture
def published(tmp_path: Path, prepared: FakePrepared) -> Path:
    return publish_dataset(tmp_path, prepared)
