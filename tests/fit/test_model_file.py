import functools
import os
import pickle

import pytest
import torch

from alveus.errors import ArtefactError
from alveus.fit.fitted import FittedModel
from alveus.fit.model_file import load_model, save_model


@pytest.fixture
def fitted() -> FittedModel:
    return FittedModel(
        method="pca",
        settings={"method": "pca", "latents": 1},
        n_units=3,
        n_latents=1,
        seeds=({"mean": torch.arange(3.0)}, {"mean": torch.ones(3)}),
        twin={"mean": torch.zeros(2)},
        history=[{"seed": "0", "step": 1, "train_loss": 0.5, "best": True}],
        notes=["a note"],
        versions={"torch": "2"},
    )


def test_a_model_comes_back_as_it_was_and_is_written_the_same_twice(tmp_path, fitted):
    save_model(fitted, tmp_path / "a.pt")
    back = load_model(tmp_path / "a.pt")
    assert back.settings == fitted.settings
    assert back.history == fitted.history
    assert all(torch.equal(a["mean"], b["mean"]) for a, b in zip(back.seeds, fitted.seeds, strict=True))
    save_model(back, tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_file_with_code_in_it_is_refused_and_nothing_runs(tmp_path, how):
    trace = tmp_path / "it-ran"
    with (tmp_path / "model.pt").open("wb") as file:
        write = torch.save if how == "torch" else functools.partial(pickle.dump, protocol=2)
        write({"format": 2, "seeds": Bomb(trace)}, file)
    with pytest.raises(ArtefactError, match=r"model\.pt is refused"):
        load_model(tmp_path / "model.pt")
    assert not trace.exists()


def test_missing_damaged_and_foreign_files_are_refused(tmp_path, fitted):
    path = tmp_path / "model.pt"
    with pytest.raises(ArtefactError, match="does not exist"):
        load_model(path)
    save_model(fitted, path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtefactError, match=r"damaged|refused"):
            load_model(path)
    torch.save({"format": 99}, path)
    with pytest.raises(ArtefactError, match="not a model of format 2"):
        load_model(path)
    torch.save({"format": 2, "method": "pca"}, path)
    with pytest.raises(ArtefactError, match="lacks part of what a model holds"):
        load_model(path)
