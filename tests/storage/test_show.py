import pytest

from alveus.errors import ArtefactError
from alveus.storage import describe, publish_file

from .conftest import publish_latents


def test_a_dataset_is_described_by_its_sizes_split_behaviour_and_findings(published):
    text = describe(published)
    assert describe(published.with_name("dataset.zarr")) == text
    for word in ("activity", "2000 x 12", "uint8", "time, unit", "0.02 s", "running speed", "97.5% of bins",
                 "period 360", "train", "500 bins", "25.0%", "3 of 10 spikes repeat a sample"):  # fmt: skip
        assert word in text


def test_latents_are_described(tmp_path):
    text = describe(publish_latents(tmp_path, notes=["stopped early"]))
    for word in ("latents", "3 x 300 x 4", "seed, time, latent", "method", "vae", "stopped early"):
        assert word in text


def test_a_model_is_described_without_being_loaded(tmp_path):
    publish_file(
        lambda path: path.write_bytes(b"weights") and None,
        tmp_path / "model.pt",
        tmp_path / "fit.json",
        "fit",
        {"settings": {"method": "vae", "encoder": {"hidden": [128, 64]}}, "n_seeds": 5},
    )
    text = describe(tmp_path / "model.pt")
    assert "encoder.hidden  128, 64" in text
    assert "n_seeds" in text


def test_scores_are_described_by_their_median_over_seeds(tmp_path):
    (tmp_path / "scores.csv").write_text(
        "dataset,session,model,seed,score,target,value,low,high,floor,floor_name,status,note\n"
        "d,s,vae,0,r2,,0.1,,,0.01,shift,ok,\n"
        "d,s,vae,1,r2,,0.5,,,0.01,shift,ok,\n"
        "d,s,vae,2,r2,,0.4,,,0.01,shift,ok,\n"
        "d,s,vae,,verdict,,unique,,,,,ok,\n"
        "d,s,vae,,mig,,,,,,,not defined,no factors\n"
    )
    text = describe(tmp_path / "scores.csv")
    rows = [line.split() for line in text.splitlines()]
    assert ["s", "vae", "r2", "0.4", "0.01", "3", "ok"] in rows
    assert ["s", "vae", "verdict", "unique", "1", "ok"] in rows
    assert ["s", "vae", "mig", "1", "not", "defined"] in rows


def test_names_cannot_steer_the_terminal(tmp_path):
    publish_latents(tmp_path, session="\x1b[2Jgone")
    assert "\x1b" not in describe(tmp_path / "latents.json")


@pytest.mark.parametrize("name", ["none.json", "none.zarr", "none.csv", "."])
def test_what_alveus_has_not_published_is_not_described(tmp_path, name):
    with pytest.raises(ArtefactError):
        describe(tmp_path / name)


def test_another_table_is_not_described(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ArtefactError, match="no columns score"):
        describe(tmp_path / "t.csv")
