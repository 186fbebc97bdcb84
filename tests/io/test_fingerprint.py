import json
import os
import subprocess
import sys
import time

import pytest

from alveus.io import fingerprint as module
from alveus.io.fingerprint import FingerprintCache, fingerprint

OLD = time.time_ns() - 10**12


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(OLD, OLD))
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "YOUNGEST", 0)
    return FingerprintCache(tmp_path / "work" / "fingerprints.json")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "phy" / "spike_times.npy", b"times")
    write(tmp_path / "phy" / "cluster_group.tsv", b"labels")
    return tmp_path / "phy"


def test_touching_and_copying_change_nothing(tmp_path, cache):
    file = write(tmp_path / "a.npz", b"content")
    before = fingerprint(file, cache)
    os.utime(file, ns=(OLD + 5, OLD + 5))
    assert fingerprint(file, cache) == before
    assert fingerprint(write(tmp_path / "b.npz", b"content"), cache) == before


def test_another_content_of_the_same_size_is_another_fingerprint(tmp_path, cache):
    file = write(tmp_path / "a.npz", b"content")
    before = fingerprint(file, cache)
    file.write_bytes(b"CONTENT")
    assert fingerprint(file, cache) != before


def test_curating_a_folder_again_changes_it_and_scratch_does_not(folder, cache):
    before = fingerprint(folder, cache)
    write(folder / ".phy" / "memcache" / "x.pkl", b"cache")
    write(folder / ".DS_Store", b"x")
    write(folder / "temp_wh.dat", b"whitened")
    assert fingerprint(folder, cache) == before
    write(folder / "cluster_group.tsv", b"LABELS")
    assert fingerprint(folder, cache) != before
    write(folder / "cluster_group.tsv", b"labels")
    assert fingerprint(folder, cache) == before
    (folder / "cluster_group.tsv").rename(folder / "cluster_KSLabel.tsv")
    assert fingerprint(folder, cache) != before


def test_raw_voltage_counts_by_its_size_only(folder):
    raw = write(folder / "recording.dat", b"0123")
    before = fingerprint(folder)
    write(raw, b"4567")
    assert fingerprint(folder) == before
    write(raw, b"45678")
    assert fingerprint(folder) != before


def test_large_files_are_sampled_from_begin_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WHOLE", 400)
    monkeypatch.setattr(module, "BLOCK", 100)
    content = bytearray(os.urandom(1000))
    before = fingerprint(write(tmp_path / "large", bytes(content)))
    for place in (0, 99, 300, 399, 600, 900, 999):
        changed = content.copy()
        changed[place] ^= 1
        assert fingerprint(write(tmp_path / "large", bytes(changed))) != before
    assert fingerprint(write(tmp_path / "large", bytes(content) + b"x")) != before


def test_an_alf_probe_includes_the_sessions_own_files(tmp_path):
    write(tmp_path / "s" / "alf" / "probe00" / "spikes.times.npy", b"times")
    trials = write(tmp_path / "s" / "alf" / "_ibl_trials.intervals.npy", b"trials")
    before = fingerprint(tmp_path / "s" / "alf" / "probe00")
    write(tmp_path / "s" / "alf" / "probe01" / "spikes.times.npy", b"times")
    assert fingerprint(tmp_path / "s" / "alf" / "probe00") == before
    write(trials, b"TRIALS")
    assert fingerprint(tmp_path / "s" / "alf" / "probe00") != before


def test_what_is_not_there_or_not_readable_has_a_word_instead(tmp_path, folder, monkeypatch):
    assert fingerprint(tmp_path / "none") == "missing"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert fingerprint(loop) == "unreadable"
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "back").symlink_to(folder)
    assert len(fingerprint(folder)) == 32
    assert fingerprint(tmp_path / "a\0b") == "unreadable"

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(module, "_digest", refuse)
    assert fingerprint(write(tmp_path / "secret", b"x")) == "unreadable"


def test_a_remembered_file_is_not_read_again(tmp_path, cache, monkeypatch):
    file = write(tmp_path / "a.npz", b"content")
    before = fingerprint(file, cache)
    cache.save()
    monkeypatch.setattr(module, "_digest", lambda *_: pytest.fail("read again"))
    assert fingerprint(file, FingerprintCache(cache.path)) == before


def test_a_young_file_is_not_remembered(tmp_path):
    file = write(tmp_path / "a.npz", b"content")
    cache = FingerprintCache(tmp_path / "cache.json")
    fingerprint(file, cache)
    cache.save()
    assert not cache.path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": 1}', b"\xff\xfe", b'{"x": [1, 2, 3]}'])
def test_a_damaged_cache_counts_as_empty(tmp_path, monkeypatch, content):
    monkeypatch.setattr(module, "YOUNGEST", 0)
    cache = FingerprintCache(write(tmp_path / "cache.json", content))
    file = write(tmp_path / "a.npz", b"content")
    assert fingerprint(file, cache) == fingerprint(file)
    cache.save()
    assert len(json.loads(cache.path.read_text())) == 1
    assert [p.name for p in tmp_path.iterdir() if "tmp" in p.name] == []


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "YOUNGEST", 0)
    cache = FingerprintCache(write(tmp_path / "file", b"x") / "fingerprints.json")
    fingerprint(write(tmp_path / "a.npz", b"content"), cache)
    cache.save()


def test_a_plan_needs_neither_numpy_nor_a_reader():
    script = (
        "import sys, alveus.io.fingerprint; "
        "print([m for m in ('numpy', 'h5py', 'pandas', 'alveus.io.read') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
