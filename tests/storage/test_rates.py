"""Rates are published whole, in order, and read as they were written."""

import json

import numpy as np
import pytest
import xarray as xr

from alveus.errors import ArtefactError
from alveus.storage import open_latents, open_rates, write_rates
from alveus.storage.verify import verify

N_BINS, N_UNITS = 70_000, 150
"""Of more than one shard, whose last one is not full."""


def values():
    return np.random.default_rng(0).gamma(2.0, 3.0, (N_BINS, N_UNITS)).astype(np.float32)


def publish(folder, blocks, **more):
    about = {
        "time": (np.arange(N_BINS) + 0.5) * 0.02,
        "units": [f"u{i}-é" for i in range(N_UNITS)],
        "unit_of_rate": "Hz",
        "seed": 0,
        "session": "s1",
        "dataset": "d1",
        "model": "vae",
        "settings": {"method": "vae"},
        "inputs": {"fit": "ab"},
    }
    write_rates(folder / "rates.zarr", folder / "rates.json", blocks=blocks, **(about | more))
    return folder / "rates.json"


def blocks_of(rates, *sizes):
    start = 0
    while start < len(rates):
        for size in sizes:
            yield rates[start : start + size]
            start += size


@pytest.mark.parametrize("sizes", [(2048,), (100, 7, 3000), (N_BINS,)], ids=["even", "odd", "whole"])
def test_rates_are_read_back_whatever_the_blocks(tmp_path, sizes):
    rates = values()
    found = open_rates(publish(tmp_path, blocks_of(rates, *sizes)))
    assert found.rate.shape == (N_BINS, N_UNITS)
    assert found.rate.dtype == np.float32
    assert np.array_equal(found.rate[:], rates)
    assert np.array_equal(found.rate[12_345:12_400, 3], rates[12_345:12_400, 3])
    np.testing.assert_array_equal(found.time, (np.arange(N_BINS) + 0.5) * 0.02)
    assert found.unit_ids.tolist()[:2] == ["u0-é", "u1-é"]
    assert (found.n_bins, found.n_units, found.seed, found.model) == (N_BINS, N_UNITS, 0, "vae")


def test_blocks_make_no_difference_to_the_digest(tmp_path):
    digests = set()
    for name, sizes in (("one", (2048,)), ("two", (999,))):
        (tmp_path / name).mkdir()
        digests.add(open_rates(publish(tmp_path / name, blocks_of(values(), *sizes))).digest)
    assert len(digests) == 1


def test_xarray_opens_rates_with_their_dimensions_named(tmp_path):
    publish(tmp_path, blocks_of(values(), 2048))
    with xr.open_zarr(tmp_path / "rates.zarr", consolidated=True) as root:
        assert root["rate"].dims == ("time", "unit")
        assert root["rate"].attrs["unit"] == "Hz"
        assert root["time"].dims == ("time",)
        assert root["unit"].values[0] == "u0-é"


def test_files_are_few(tmp_path):
    publish(tmp_path, blocks_of(values(), 2048))
    files = [path for path in (tmp_path / "rates.zarr" / "rate" / "c").rglob("*") if path.is_file()]
    assert len(files) == 5  # of 42 MB


def test_missing_bins_publish_nothing(tmp_path):
    with pytest.raises(ArtefactError, match="given for 69999 of 70000 bins"):
        publish(tmp_path, blocks_of(values()[:-1], 2048))
    with pytest.raises(ArtefactError, match="do not fit"):
        publish(tmp_path, blocks_of(np.concatenate([values(), values()[:1]]), 2048))
    assert list(tmp_path.iterdir()) == []


def test_a_diverged_fit_is_never_published(tmp_path):
    rates = values()
    rates[50_000, 7] = np.nan
    with pytest.raises(ArtefactError, match="1 rates are not finite, the first in bin 50000 of unit 7"):
        publish(tmp_path, blocks_of(rates, 2048))
    assert list(tmp_path.iterdir()) == []


def test_verify_finds_damaged_rates(tmp_path):
    publish(tmp_path, blocks_of(values(), 2048))
    assert verify(tmp_path) == []
    shard = next(path for path in (tmp_path / "rates.zarr" / "rate").rglob("*") if path.stat().st_size > 100_000)
    content = bytearray(shard.read_bytes())
    content[5000] ^= 1
    shard.write_bytes(content)
    assert [damage.problem for damage in verify(tmp_path, repair=True)] == ["changed"]
    assert not (tmp_path / "rates.json").exists()


def test_rates_are_no_latents(tmp_path):
    manifest = publish(tmp_path, blocks_of(values(), 2048))
    assert json.loads(manifest.read_text())["arrays"]["rate"]["shape"] == [N_BINS, N_UNITS]
    with pytest.raises(ArtefactError, match="describes a rates, where a latents is wanted"):
        open_latents(manifest)
