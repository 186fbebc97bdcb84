"""`alveus sample` writes recordings that alveus reads like any other."""

import numpy as np
import pytest
from click.testing import CliRunner

from alveus.cli import main
from alveus.config import Preprocess
from alveus.encode.sample import sample
from alveus.fit.model_file import load_model
from alveus.io.options import ReadOptions
from alveus.io.read import read_recording
from alveus.preprocessing import prepare
from alveus.storage import open_dataset


def run(*arguments):
    return CliRunner().invoke(main, ["sample", *map(str, arguments)])


def read_back(path, bin_size=0.05):
    recording = read_recording("npz", path, ReadOptions())
    prepared = prepare(recording, Preprocess(bin_size=bin_size, silent_units="keep"), session="drawn")
    counts = np.concatenate(list(prepared.activity(np.dtype(np.uint16), 512)))
    return recording, prepared, counts


@pytest.mark.parametrize("name", ["vae", "slow"])
def test_a_drawn_recording_is_read_back_with_its_truth(fitted, tmp_path, name):
    out, data = tmp_path / "drawn.npz", open_dataset(fitted.dataset)
    ran = run(fitted.model(name), fitted.dataset, out, "--seed", "1", "--random-seed", "7")
    assert ran.exit_code == 0, ran.output
    assert ran.output.strip().endswith("2000 bins of 0.05 s, 8 units")
    expected = sample(load_model(fitted.model(name, "model.pt")), data.segment, seed=1, random_seed=7)
    recording, prepared, counts = read_back(out)
    assert np.array_equal(counts, expected.activity)
    assert recording.units.ids == tuple(data.unit_ids)
    assert recording.findings == ()
    assert np.array_equal(prepared.segment(0, 2000), data.segment)
    assert recording.start == 3.0
    np.testing.assert_allclose(prepared.time(0, 2000), data.time)
    np.testing.assert_allclose(prepared.truth.latents(0, 2000), expected.latents, atol=1e-6)


def test_a_drawn_recording_can_be_summed_to_wider_bins(fitted, tmp_path):
    out = tmp_path / "drawn.npz"
    assert run(fitted.model("vae"), fitted.dataset, out).exit_code == 0
    fine, coarse = read_back(out)[2], read_back(out, 0.1)[2]
    assert np.array_equal(fine.reshape(1000, 2, 8).sum(1), coarse)


def test_a_number_of_bins_is_one_stretch(fitted, tmp_path):
    out = tmp_path / "drawn.npz"
    assert run(fitted.model("slow"), fitted.dataset, out, "--bins", 2500).exit_code == 0
    _, prepared, counts = read_back(out)
    assert counts.shape == (2500, 8)
    assert not prepared.segment(0, 2500).any()
    assert "segment" not in np.load(out).files


def test_a_conditional_prior_is_given_the_conditions_of_the_session(fitted, tmp_path):
    out = tmp_path / "drawn.npz"
    assert run(fitted.model("parts"), fitted.dataset, out, "--bins", 1500).exit_code == 0
    assert read_back(out)[2].shape == (1500, 8)
    ran = run(fitted.model("parts"), fitted.dataset, tmp_path / "more.npz", "--bins", 2001)
    assert ran.exit_code == 2
    assert "the session has 2000: draw at most so many" in ran.output


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("pca", (), "pca is no generative model"),
        ("skip", (), "a skip decoder needs the activity"),
        ("vae", ("--seed", 2), "there is no seed 2: the model has the seeds 0 to 1"),
        ("none", (), "there is no manifest"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_reason(fitted, tmp_path, name, options, words):
    ran = run(fitted.model(name), fitted.dataset, tmp_path / "drawn.npz", *options)
    assert ran.exit_code == 2
    assert words in ran.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over_and_a_name_says_what_it_is(fitted, tmp_path):
    out = tmp_path / "mine.npz"
    out.write_bytes(b"precious")
    ran = run(fitted.model("vae"), fitted.dataset, out)
    assert ran.exit_code == 2
    assert "nothing is written over" in ran.output
    assert out.read_bytes() == b"precious"
    ran = run(fitted.model("vae"), fitted.dataset, tmp_path / "drawn.mat")
    assert ran.exit_code == 2
    assert "ends in .npz" in ran.output


def test_the_same_seeds_write_the_same_file(fitted, tmp_path):
    contents = set()
    for name in ("one", "two"):
        assert run(fitted.model("vae"), fitted.dataset, tmp_path / f"{name}.npz").exit_code == 0
        contents.add((tmp_path / f"{name}.npz").read_bytes())
    assert len(contents) == 1
