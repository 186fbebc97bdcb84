"""A made-up session and dataset, realistic enough to judge the pages by."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alveus.recording import Finding
from alveus.report.inputs import (
    ActivityWindow,
    DatasetReport,
    DrawnAgainstRecorded,
    Failure,
    LatentExcerpt,
    ModelReport,
    Provenance,
    SessionReport,
    SessionRow,
    Snippet,
    StageStatus,
)

COLUMNS = [
    "dataset", "session", "model", "seed", "score", "target", "value", "low", "high", "floor", "floor_name",
    "status", "note",
]  # fmt: skip
BIN = 0.1
SHIFTS = "circular shifts"


def score(model, name, value, low=None, high=None, floor=None, **other):
    """One row of scores.csv."""
    row = dict.fromkeys(COLUMNS) | {"dataset": "linear-track", "session": "rat7-day1", "status": "ok"}
    row |= {"model": model, "score": name, "value": value, "low": low, "high": high, "floor": floor}
    return row | ({"floor_name": SHIFTS} if floor is not None else {}) | other


def score_table(rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def co_smoothing(vae=(0.214, 0.197, 0.231), pca=(0.142, 0.127, 0.158), floor=0.011):
    """The rows that decide a verdict."""
    return [score("pca", "co_smoothing", *pca, floor), score("vae", "co_smoothing", *vae, floor)]


def _walk(rng, n):
    """Position on a track, running back and forth, and its direction."""
    phase = np.cumsum(np.abs(0.02 + 0.012 * rng.standard_normal(n)))
    position = 250 * np.abs((phase / np.pi) % 2 - 1)
    direction = np.where(np.r_[0, np.diff(position)] >= 0, 0, 1)
    return position, direction


def _behavior(rng, times):
    position, direction = _walk(rng, times.size)
    missing = position.copy()
    missing[: times.size // 12] = np.nan
    heading = np.mod(np.cumsum(rng.normal(0, 12, times.size)) + 180 * direction, 360)
    return (
        Snippet("position", "continuous", times, missing, unit="cm"),
        Snippet("heading", "circular", times, heading, period=360.0, unit="deg"),
        Snippet("direction", "categorical", times, direction, labels=("outbound", "inbound")),
    ), position, direction  # fmt: skip


def _latents(rng, position, direction, n_latents, noise):
    angle = 2 * np.pi * position / 250
    base = np.c_[np.cos(angle), np.sin(angle), direction - 0.5, np.cos(2 * angle)]
    extra = 0.15 * rng.standard_normal((position.size, max(0, n_latents - 4)))
    return np.c_[1.4 * base, extra][:, :n_latents] + noise * rng.standard_normal((position.size, n_latents))


def _excerpts(rng, n_latents, scale, noise):
    def excerpt(times):
        behavior, position, direction = _behavior(rng, times)
        mean = _latents(rng, position, direction, n_latents, noise).astype(np.float32)
        split = np.where((np.arange(times.size) // 90) % 4 == 3, 2, 0).astype(np.int8)
        spread = np.full_like(mean, scale) * (0.8 + 0.4 * rng.random(mean.shape)) if scale else None
        return LatentExcerpt(times, mean, split, spread, behavior)

    return excerpt(600 + BIN * np.arange(300)), excerpt(np.sort(rng.uniform(0, 1980, 4000)))


def _history(rng, seeds=5):
    rows = []
    for seed in [*range(seeds), "twin"]:
        start, end = 40 + rng.normal(), 21.4 + 0.08 * rng.standard_normal()
        for i in range(1, 90):
            step = 100 * i
            loss = end + (start - end) * np.exp(-i / 7)
            kl = 3.1 * (1 - np.exp(-i / 12)) + 0.03 * rng.standard_normal()
            rows.append({
                "step": step, "epoch": step / 34, "seed": seed,
                "train_loss": loss - 0.15 * (1 - np.exp(-i / 30)) + 0.05 * rng.standard_normal(),
                "validation_loss": loss + 0.04 * rng.standard_normal(), "reconstruction": kl - loss, "kl": kl,
                "beta": 1.0, "learning_rate": 2e-3 * 0.3 ** (i // 40),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _window(rng, n_units=31):
    times = 600 + BIN * np.arange(300)
    behavior, position, _ = _behavior(rng, times)
    centres, widths = rng.uniform(0, 250, n_units), rng.uniform(15, 60, n_units)
    peak = rng.lognormal(0.8, 1.0, n_units)
    rate = 0.1 + peak * np.exp(-0.5 * ((position[:, None] - centres) / widths) ** 2)
    return ActivityWindow(times, rng.poisson(rate * BIN * 5).astype(np.uint8), behavior)


def drawn_by_a_model(n_units=31):
    """A model whose draws have the right rates, and Fano factors that are too small."""
    rng = np.random.default_rng(11)
    n_pairs = n_units * (n_units - 1) // 2
    rate, fano = rng.lognormal(0.0, 1.3, n_units), 1 + rng.gamma(2.0, 0.3, n_units)
    pairs, silent = rng.normal(0.05, 0.08, n_pairs), rng.beta(4, 20, 20)

    def draws(middle, spread):
        return middle + spread * rng.standard_normal((39, middle.size))

    undefined = np.where(np.arange(n_units) == 3, np.nan, fano)
    return (
        DrawnAgainstRecorded("rate", rate, np.abs(draws(rate, 0.1 * rate))),
        DrawnAgainstRecorded("fano_factor", undefined, draws(1 + 0.2 * (fano - 1), 0.05)),
        DrawnAgainstRecorded("correlation", pairs, draws(pairs, 0.02)),
        DrawnAgainstRecorded("silent_bins", silent, draws(silent, 0.03)),
    )


def predictive_rows():
    """Rows of the same model."""
    name = "mean-rate Poisson model, units independent"
    rows = (("rate", 0.97, 0.84, 0.99, 0.9), ("fano_factor", 0.06, 0.02, 0.2, 0.03),
            ("correlation", 0.8, 0.77, 0.83, 0.4), ("silent_bins", 1.0, 0.84, 1.0, 1.0))  # fmt: skip
    return [
        score("vae", "predictive_check", *numbers, target=target, seed=0, floor_name=name)
        for target, *numbers in rows
    ]


def session_scores():
    seeds = []
    for seed in range(5):
        wobble = 0.01 * (seed - 2)
        seeds += [
            score("vae", "active_latents", 6 if seed else 5, seed=seed),
            score("vae", "elbo", -21.43 + wobble, -21.7 + wobble, -21.2 + wobble, seed=seed),
            score("vae", "log_likelihood", -18.36 + wobble, -18.5, -18.2, -20.9, seed=seed),
            score("vae", "bits_per_spike", 0.412 + wobble, 0.39, 0.43, 0.02, seed=seed),
            score("vae", "decoding_r2", 0.71 + wobble, 0.66, 0.75, 0.09, target="position", seed=seed),
            score("vae", "decoding_accuracy", 0.88 + wobble, 0.85, 0.91, 0.56, target="direction", seed=seed),
            *(score("vae", "kl_per_latent", max(0.0, 1.1 - 0.19 * d), target=str(d), seed=seed) for d in range(8)),
        ]
    return score_table([
        *(score(None, "fano_factor", 0.9 + 0.04 * u, target=f"unit {u}") for u in range(31)),
        score(None, "decoding_r2", 0.64, 0.59, 0.69, target="position from raw counts"),
        score(None, "decoding_r2", 0.51, 0.45, 0.56, target="position from 8 principal components of counts"),
        *co_smoothing(),
        score("pca", "elbo", None, status="not defined", note="PCA has no posterior"),
        score("pca", "log_likelihood", -19.12, -19.3, -18.9, -20.9),
        score("pca", "bits_per_spike", 0.288, 0.27, 0.31, 0.02),
        score("pca", "decoding_r2", 0.52, 0.46, 0.57, 0.09, target="position"),
        score("pca", "decoding_accuracy", 0.61, 0.55, 0.66, 0.56, target="direction"),
        *seeds,
        *predictive_rows(),
        score("vae", "decoding_r2", None, target="heading", status="not estimable",
              note="12 of 300 test bins have a value"),
    ])  # fmt: skip


def example_session():
    rng = np.random.default_rng(7)
    course, cloud = _excerpts(rng, 8, None, 0.5)
    pca = ModelReport("pca", "pca", 8, 1, {"method": "pca", "latents": 8}, None, course, cloud)
    course, cloud = _excerpts(rng, 8, 0.35, 0.12)
    vae = ModelReport(
        "vae", "vae", 8, 5, {"method": "vae", "latents": 8, "likelihood": {"kind": "poisson"}, "beta": 1.0},
        _history(rng), course, cloud, drawn_by_a_model(), ("no GPU was found: trained on the CPU",),
    )  # fmt: skip
    rates = rng.lognormal(0.0, 1.3, 31)
    return SessionReport(
        session="rat7-day1",
        dataset="linear-track",
        n_units=31,
        n_bins=19_800,
        bin_size=BIN,
        duration=1980.0,
        findings=(
            Finding("duplicate_spikes", 118, "118 of 204511 spikes repeat the sample of the one before: dropped"),
            Finding("noise_units", 1, "1 of 32 units is labelled noise: dropped"),
            Finding("missing_behavior", 1640, "position covers 91.7 % of the bins: 1640 are masked"),
        ),
        facts={"spikes kept": 204_393, "spikes_dropped": 118, "gap requested [s]": 1.0, "silent_units": 0},
        source={"reader": "npz", "file": "/data/lab/jane/rat7/day1.npz", "subject": "rat 7"},
        window=_window(rng),
        rates=rates,
        fano_factors=1 + 0.25 * np.log1p(rates) + 0.1 * rng.standard_normal(31),
        trials={"n_trials": 84, "median_duration [s]": 11.3, "columns": "direction, rewarded"},
        split={"train": 0.668, "validation": 0.094, "test": 0.189, "gap": 0.049},
        models=(pca, vae),
        scores=session_scores(),
        statuses=(
            StageStatus("bin", "done", seconds=1.8),
            StageStatus("fit vae", "done", "resumed from a checkpoint at step 3000", 2, 312.0),
            StageStatus("score vae", "done", seconds=21.0),
        ),
        provenance=Provenance(
            {"preprocess": {"bin_size": 0.1, "unit_filter": {"group": "!= noise"}}, "seeds": 5},
            {"alveus": "0.1.0", "python": "3.11.9", "torch": "2.4.1", "numpy": "2.1.0"},
            {"raw": "blake2b:9f31c2aa04", "dataset": "blake2b:51d0e7bb19", "vae": "blake2b:77aa1290fe"},
            "cpu (2 threads)",
            "snakemake --directory /home/jane/study -- results/linear-track/rat7-day1/report.html",
        ),
        private=("jane",),
    )  # fmt: skip


def example_failure():
    return SessionReport(
        session="rat7-day3",
        dataset="linear-track",
        failure=Failure(
            "bin",
            2,
            "3 of 204511 spikes come after the session ends at 1980 s, the first at 2411.2 s, in "
            "/home/jane/data/rat7/day3.npz: give the duration in seconds, or cut the recording",
            "12:01:03 reading /home/jane/data/rat7/day3.npz\n12:01:04 RecordingError: 3 of 204511 spikes …",
        ),
        statuses=(StageStatus("bin", "failed", "3 of 204511 spikes come after the session ends", 1, 0.9),),
        provenance=Provenance({"preprocess": {"bin_size": 0.1}}, {"alveus": "0.1.0"}),
        private=("jane",),
    )


def example_dataset():
    rng = np.random.default_rng(3)
    sessions, rows = [], []
    for i in range(9):
        name = f"rat{7 + i // 3}-day{i % 3 + 1}"
        if i == 2:
            sessions.append(SessionRow(name, "failed", "bin", example_failure().failure.message, n_warnings=0))
            continue
        if i == 5:
            text = "2 units are left after the unit filter, 3 are needed (min_units)"
            sessions.append(SessionRow(name, "refused", "bin", text, 2, None, None, 1200.0))
            continue
        sessions.append(
            SessionRow(
                name,
                "done",
                n_units=int(rng.integers(18, 60)),
                n_bins=19_800,
                bin_size=BIN,
                duration=1980.0,
                n_warnings=i % 2,
            )
        )
        base, gain = rng.uniform(0.02, 0.2), rng.uniform(-0.01, 0.09)
        for model, value in (("pca", base), ("vae", base + gain)):
            rows.append(score(model, "co_smoothing", value, value - 0.016, value + 0.017, 0.012, session=name))
            rows.append(
                score(
                    model,
                    "decoding_r2",
                    2.4 * value,
                    2.4 * value - 0.05,
                    2.4 * value + 0.04,
                    0.08,
                    target="position",
                    session=name,
                )
            )
            rows.append(score(model, "active_latents", int(rng.integers(4, 9)), session=name))
    return DatasetReport(
        "linear-track", tuple(sessions), (ModelReport("pca", "pca", 8), ModelReport("vae", "vae", 8, 5)),
        score_table(rows), example_session().provenance,
        ("the session table names rat9-day3 twice: the second row is left out",), ("jane",),
    )  # fmt: skip


@pytest.fixture(scope="session")
def session_report():
    return example_session()


@pytest.fixture(scope="session")
def dataset_report():
    return example_dataset()


@pytest.fixture(scope="session")
def failed_report():
    return example_failure()


@pytest.fixture(scope="session")
def session_html(session_report):
    from alveus.report.session import session_page

    return session_page(session_report)


@pytest.fixture(scope="session")
def dataset_html(dataset_report):
    from alveus.report.dataset import dataset_page

    return dataset_page(dataset_report)


@pytest.fixture
def with_scores(session_report):
    """The example session with other scores and no figures, which are slow."""

    def make(rows):
        bare = tuple(replace(m, history=None, course=None, cloud=None, drawn=()) for m in session_report.models)
        return replace(session_report, scores=score_table(rows), models=bare, window=None, rates=None)

    return make
