"""Activity that does not fit into memory is read from a file, and nothing else changes."""

import numpy as np
import pytest
import torch

from alveus.config.models import Pca
from alveus.encode.encode import encode
from alveus.fit.conditions import UNPACKED, reading
from alveus.fit.data import Activity
from alveus.fit.fit import fit


class Stored:
    """A dataset whose activity is read by slicing."""

    behavior, trials = {}, None

    def __init__(self, data, dtype):
        self.n_bins, self.n_units = data.counts.shape
        self.split, self.segment, self.held_out = data.split, data.segment, data.held_out
        self.bin_size, self.digest = data.bin_size, data.digest
        self.activity = data.counts.astype(dtype)

    def counts(self):
        return self.activity


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_fit_from_a_file_is_the_fit_from_memory_bit_by_bit(tmp_path, data, model, training, dtype):
    session = Stored(data, dtype)
    results = []
    for memory_gb in (1.0, 1e-6):
        with reading(session, model, memory_gb=memory_gb, work=tmp_path) as found:
            assert isinstance(found.counts, np.memmap) == (memory_gb < 1)
            assert (found.counts == data.counts).all()
            fitted = fit(found, model, training, n_seeds=1)
            results.append((fitted, encode(fitted, found, device="cpu")))
        assert not list(tmp_path.glob(f"{UNPACKED}*"))
    (here, in_memory), (there, from_file) = results
    for name, value in here.seeds[0].items():
        assert torch.equal(value, there.seeds[0][name])
    for name, value in here.twin.items():
        assert torch.equal(value, there.twin[name])
    assert np.array_equal(in_memory.mean, from_file.mean)
    assert np.array_equal(in_memory.held_in_mean, from_file.held_in_mean)


def test_baselines_read_files_too(tmp_path, data, training):
    model = Pca(method="pca", latents=2)
    with reading(Stored(data, np.uint8), model, memory_gb=1e-6, work=tmp_path) as found:
        fitted = fit(found, model, training, n_seeds=1)
        mean = encode(fitted, found).mean
    assert np.array_equal(mean, encode(fitted, data).mean)


def test_what_is_unpacked_goes_when_a_stage_fails(tmp_path, data, model):
    with pytest.raises(KeyError), reading(Stored(data, np.uint8), model, memory_gb=1e-6, work=tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_gathered_leaves_the_file(tmp_path):
    mapped = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (10, 3))
    mapped[:] = np.arange(30).reshape(10, 3)
    activity = Activity(mapped, None, torch.device("cpu"))
    assert activity.gather(torch.tensor([[9, 0]])).tolist() == [[[27, 28, 29], [0, 1, 2]]]
