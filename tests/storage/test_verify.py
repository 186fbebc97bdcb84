import json
import random
import shutil

import pytest

from alveus.errors import ArtefactError
from alveus.storage import open_dataset, open_latents
from alveus.storage.lock import writer_lock
from alveus.storage.manifest import hash_file, read_manifest, write_manifest
from alveus.storage.verify import verify

from .conftest import publish_dataset, publish_latents


def chunks(manifest):
    files = read_manifest(manifest)["files"]
    return [manifest.parent / name for name, (size, _) in sorted(files.items()) if "/c/" in name and size > 30]


def read_all(manifest):
    dataset = open_dataset(manifest)
    return [dataset.counts(), dataset.time, dataset.split, dataset.segment, dataset.unit_ids, dataset.held_out,
            dataset.unit_columns, dataset.behavior, dataset.trials, dataset.truth_latents]  # fmt: skip


def flip(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def test_intact_results_have_no_damage(tmp_path, prepared):
    publish_dataset(tmp_path / "d1/s1", prepared)
    publish_latents(tmp_path / "d1/s1/vae")
    assert verify(tmp_path, repair=True) == []
    assert (tmp_path / "d1/s1/dataset.json").exists()


def test_fifty_of_fifty_flipped_bits_are_found_by_verify(published):
    rng = random.Random(0)
    everything = [published.parent / name for name in read_manifest(published)["files"]]
    for _ in range(50):
        victim = rng.choice(everything)
        before = victim.read_bytes()
        flip(victim, rng)
        assert [damage.file for damage in verify(published.parent)] == [victim]
        victim.write_bytes(before)
    assert verify(published.parent) == []


def test_fifty_of_fifty_flipped_bits_in_chunks_are_errors_when_read_and_never_numbers(published):
    rng = random.Random(1)
    for _ in range(50):
        victim = rng.choice(chunks(published))
        before = victim.read_bytes()
        flip(victim, rng)
        with pytest.raises(ArtefactError, match="the files are damaged"):
            read_all(published)
        victim.write_bytes(before)
    read_all(published)


@pytest.mark.parametrize("name", ["activity/c/0/0", "time/c/0", "unit/c/0", "zarr.json", "time/zarr.json"])
def test_a_deleted_file_is_an_error_at_opening_and_found_by_verify(published, name):
    (published.parent / "dataset.zarr" / name).unlink()
    with pytest.raises(ArtefactError, match="cannot be opened"):
        open_dataset(published)
    assert [damage.problem for damage in verify(published)] == ["missing"]


def test_repair_drops_the_manifest_of_what_is_damaged_and_no_other(tmp_path, prepared):
    one, two = publish_dataset(tmp_path / "one", prepared), publish_dataset(tmp_path / "two", prepared)
    (tmp_path / "one/dataset.zarr/extra").touch()
    assert [damage.problem for damage in verify(tmp_path)] == ["extra"]
    assert one.exists()
    assert len(verify(tmp_path, repair=True)) == 1
    assert not one.exists()
    assert two.exists()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["dataset.zarr"]
    with pytest.raises(ArtefactError, match="there is no manifest"):
        open_dataset(tmp_path / "one/dataset.zarr")


def test_repair_leaves_alone_what_is_being_made_again(published):
    (published.parent / "dataset.zarr/extra").touch()
    with writer_lock(published.parent / "dataset.zarr"):
        assert verify(published.parent, repair=True) == []
    assert published.exists()


def test_a_torn_manifest_is_damage_too(published):
    published.write_text("{")
    assert [damage.problem for damage in verify(published.parent, repair=True)] == ["unreadable"]
    assert not published.exists()


def test_a_link_out_of_a_store_is_refused_and_found(tmp_path, published):
    victim = published.parent / "dataset.zarr/time/c/0"
    victim.rename(tmp_path / "elsewhere")
    victim.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtefactError, match="a link that leads out of the store"):
        open_dataset(published)
    assert [damage.problem for damage in verify(published)] == ["link"]


def test_changed_metadata_are_refused(published):
    metadata = published.parent / "dataset.zarr/zarr.json"
    metadata.write_text(metadata.read_text().replace('"running speed"', '"running sleep"'))
    with pytest.raises(ArtefactError, match="not the one the manifest describes"):
        open_dataset(published)


@pytest.mark.parametrize(
    "forge",
    [
        lambda node: node["shape"].__setitem__(0, 10**15),
        lambda node: (
            node["shape"].__setitem__(0, 10**15),
            node["chunk_grid"]["configuration"]["chunk_shape"].__setitem__(0, 10**15),
        ),
        lambda node: node["chunk_grid"]["configuration"]["chunk_shape"].__setitem__(0, 0),
        lambda node: node["chunk_grid"]["configuration"]["chunk_shape"].__setitem__(0, 2001),
        lambda node: node["shape"].append(3),
        lambda node: node.__setitem__("data_type", {"name": "fixed_length_utf32", "configuration": {}}),
    ],
)
def test_metadata_that_declare_more_than_the_files_hold_are_refused_before_allocation(published, forge):
    metadata = published.parent / "dataset.zarr/zarr.json"
    content = json.loads(metadata.read_text())
    node = content["consolidated_metadata"]["metadata"]["activity"]
    node["chunk_grid"]["configuration"]["chunk_shape"][0] = 1000  # even when manifest and store are forged alike
    forge(node)
    metadata.write_text(json.dumps(content))
    manifest = read_manifest(published)
    manifest["files"]["dataset.zarr/zarr.json"] = [metadata.stat().st_size, hash_file(metadata)]
    manifest["arrays"]["activity"]["shape"] = node["shape"]
    write_manifest(published, manifest)
    with pytest.raises(ArtefactError, match=r"declares|holds no metadata"):
        open_dataset(published)


def test_a_manifest_of_another_store_is_refused(tmp_path, published):
    shutil.copytree(published.parent / "dataset.zarr", tmp_path / "other.zarr")
    shutil.copy(published, tmp_path / "other.json")
    with pytest.raises(ArtefactError, match=r"describes dataset\.zarr instead"):
        open_dataset(tmp_path / "other.zarr")


def test_damaged_latents_are_an_error_when_read(tmp_path):
    manifest = publish_latents(tmp_path)
    victim = tmp_path / "latents.zarr/mean/c/1/0/0"
    content = bytearray(victim.read_bytes())
    content[100] ^= 1
    victim.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"latents\.zarr/mean: the values cannot be read"):
        _ = open_latents(manifest).mean
    assert open_latents(manifest).scale.shape == (3, 300, 4)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ArtefactError, match="no such folder"):
        verify(tmp_path / "none")
