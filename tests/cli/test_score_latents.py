"""`alveus score-latents` gives latents of any program the scores that the program's own would have."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from alveus.cli import main
from alveus.storage import open_dataset, open_latents


def run(*arguments):
    return CliRunner().invoke(main, ["score-latents", *map(str, arguments)])


def table(path):
    return pd.read_csv(path, keep_default_na=False)


@pytest.fixture(scope="module")
def latents(fitted):
    found = fitted.model("pca", "latents.json")
    fitted.stage("encode", fitted.dataset, fitted.model("pca"), found, model="pca")
    return open_latents(found)


def test_exported_latents_score_what_they_score_inside(fitted, latents, tmp_path):
    inside = fitted.model("pca", "scores.csv")
    fitted.stage("score", fitted.dataset, fitted.model("pca", "latents.json"), inside, model="pca")
    settings = fitted.plan.stage_settings("score", "d", "one", "pca")
    time = open_dataset(fitted.dataset).time
    np.savez(tmp_path / "z.npz", time=time, latents=latents.mean)
    np.savez(tmp_path / "twin.npz", time=time, latents=latents.held_in_mean)
    out = tmp_path / "scores.csv"
    ran = run(fitted.dataset, tmp_path / "z.npz", out, "--held-in", tmp_path / "twin.npz", "--settings", settings)
    assert ran.exit_code == 0, ran.output
    ours, theirs = table(out), table(inside)
    measured = ["score", "target", "seed", "value", "low", "high", "floor", "status"]
    shared = theirs["status"] == "ok"
    assert shared.sum() >= 5
    assert "co_smoothing" in set(theirs["score"][shared])
    pd.testing.assert_frame_equal(
        ours.loc[ours["status"] == "ok", measured].reset_index(drop=True),
        theirs.loc[shared, measured].reset_index(drop=True),
    )
    assert set(ours["model"]) == {"elsewhere"}
    assert "2 seeds of 2 latents in 2000 of 2000 bins" in ran.output
    assert "co_smoothing" in ran.output


def test_each_table_is_a_seed_and_bins_without_latents_are_left_out(fitted, latents, tmp_path):
    time = open_dataset(fitted.dataset).time
    paths = []
    for seed, kept in enumerate((np.arange(2000) < 1700, np.arange(2000) >= 200)):
        frame = pd.DataFrame(latents.mean[seed], columns=["a", "b"]).assign(time=time)[kept]
        paths.append(tmp_path / f"{seed}.csv")
        frame.to_csv(paths[-1], index=False)
    ran = run(fitted.dataset, *paths, tmp_path / "scores.csv", "--name", "gpfa")
    assert ran.exit_code == 0, ran.output
    rows = table(tmp_path / "scores.csv")
    assert set(rows["model"]) == {"gpfa"}
    assert rows["note"].str.contains("1500 of 2000 bins have latents").all()
    assert rows.loc[rows["score"] == "bits_per_spike", "status"].tolist() == ["ok", "ok", "not defined"]
    assert rows.loc[rows["score"] == "co_smoothing", "status"].tolist() == ["not defined"]


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({"latents": np.zeros((1999, 2))}, (), "1999 samples without times, and the dataset 2000 bins"),
        (
            {"time": np.arange(2000) / 20 + 500, "latents": np.zeros((2000, 2))},
            (),
            "on the clock of the recording",
        ),
        ({"time": np.arange(10) / 20 + 3, "latents": np.zeros((10, 2))}, (), "only 10 of 2000 bins"),
        (
            {"latents_a": np.zeros((2000, 2)), "latents_b": np.zeros((2000, 3))},
            (),
            "latents_b 3; score each",
        ),
        ({"latents": np.zeros((2000, 2))}, ("--array", "latent"), "did you mean 'latents'?"),
    ],
)
def test_latents_that_do_not_fit_are_refused(fitted, tmp_path, arrays, options, words):
    np.savez(tmp_path / "z.npz", **arrays)
    ran = run(fitted.dataset, tmp_path / "z.npz", tmp_path / "scores.csv", *options)
    assert ran.exit_code == 2
    assert words in ran.output
    assert not (tmp_path / "scores.csv").exists()
