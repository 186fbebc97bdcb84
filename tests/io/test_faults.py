"""Each fault of an input file with the error it raises: the exit status and the words a user needs."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from alveus.errors import AlveusError, TemporaryError
from alveus.io import ReadOptions, read_recording
from alveus.io.files.npy import NpyColumn
from alveus.io.files.opening import Watch

TIMES = np.linspace(0.1, 9.0005, 40)
UNITS = np.repeat([1, 2], 20)


def cut(path: Path, n_bytes: int) -> Path:
    path.write_bytes(path.read_bytes()[:n_bytes])
    return path


def bomb(path: Path) -> Path:
    """Write 200 MB of zeros as counts, in 200 kB."""
    header = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (200000, 1000), }"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("counts.npy", "w", force_zip64=True) as f,
    ):
        f.write(header.ljust(127) + b"\n")
        f.write(bytes(200_000_000))
    return path


def liar(path: Path) -> Path:
    """Write a header that declares 7 PiB in an archive of 200 bytes."""
    header = (
        b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("spike_times.npy", header.ljust(127) + b"\n" + bytes(8))
        file.writestr("spike_units.npy", header.ljust(127) + b"\n" + bytes(8))
    return path


def pickled(path: Path) -> Path:
    np.savez(path, spike_times=TIMES, spike_units=np.array([{}] * 40, dtype=object))
    return path


def loop(path: Path) -> Path:
    path.symlink_to(path)
    return path


def link(path: Path) -> Path:
    path.symlink_to(path.with_name("gone.npz"))
    return path


def raw(content: bytes):
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


FILES = {
    "missing": (lambda path: path, "npz", 2, r"s\.npz does not exist: correct the path in the session table"),
    "missing folder": (lambda path: path / "a" / "b", "phy", 2, r"does not exist; .* exists"),
    "below a file": (lambda path: raw(b"x")(path) / "b", "npz", 2, "a part of its path is a file"),
    "empty": (raw(b""), "npz", 2, r"is empty \(0 bytes\)"),
    "empty nwb": (raw(b""), "nwb", 2, r"is empty \(0 bytes\)"),
    "text as npz": (raw(b"unit,time\n1,0.5\n"), "npz", 2, r"s\.npz \(16 bytes\) is damaged or no npz file"),
    "text as nwb": (raw(b"unit,time\n1,0.5\n"), "nwb", 2, r"is no NWB \(HDF5\) file: it has another type"),
    "file as folder": (raw(b"x"), "phy", 2, "is a file: this format is a folder"),
    "folder as file": (lambda path: path.parent, "npz", 2, "is a folder: this format is a single file"),
    "loop": (loop, "npz", 2, "symbolic links run in a circle"),
    "broken link": (link, "npz", 2, r"symbolic link to .*gone\.npz, which does not exist"),
    "null byte": (lambda path: path.with_name("a\0b"), "npz", 2, "is no possible path"),
    "device": (lambda _: Path("/dev/zero"), "npz", 2, "neither a file nor a folder"),
    "bomb": (bomb, "npz", 2, r"declares 0.2 GB of data, more than max_input_gb = 0.1"),
    "liar": (liar, "npz", 2, r"is truncated: \(1000000000000000,\) values of float64 need"),
    "pickle": (pickled, "npz", 2, r"spike_units holds Python objects, which are never unpickled"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(tmp_path, name):
    make, form, status, words = FILES[name]
    with pytest.raises(AlveusError, match=words) as caught:
        read_recording(form, make(tmp_path / "s.npz"), ReadOptions(max_input_gb=0.1))
    assert caught.value.exit_status == status


ARRAYS = {
    "no form": ({"spike_times": None, "other": [1]}, 2, "exactly one of spike_times, counts, .* other"),
    "two forms": ({"counts": np.ones((9, 2))}, 2, "it holds spike_times and counts"),
    "no units": ({"spike_units": None}, 2, "no spike_units"),
    "lengths": ({"spike_units": UNITS[:30]}, 2, "40 spike times but 30 units"),
    "not finite": ({"spike_times": np.where(np.arange(40) % 9, TIMES, np.nan)}, 2, r"5 of 40 .* 1: 3, 2: 2\)"),
    "infinite": ({"spike_times": np.append(TIMES[:-1], np.inf)}, 2, "1 of 40 spike times are NaN or infinite"),
    "samples": ({"spike_times": np.arange(40) * 3000}, 2, "all are whole numbers: they look like samples"),
    "whole floats": ({"spike_times": np.arange(40) * 3000.0}, 2, "must be in seconds"),
    "milliseconds": ({"spike_times": TIMES * 1e5}, 2, "would span 10.3 days"),
    "reset": ({"spike_times": np.r_[TIMES[:10] + 100, TIMES[:30]], "spike_units": np.zeros(40, int)}, 2,
              r"the times of unit 0 jump back by \d+\.?\d* s: the clock was reset"),
    "text times": ({"spike_times": TIMES.astype(str)}, 2, "it must be one column of numbers"),
    "fractional units": ({"spike_units": UNITS + 0.5}, 2, "some spike_units are no whole numbers"),
    "complex": ({"spike_times": TIMES + 1j}, 2, "has type complex128"),
    "negative duration": ({"duration": -1.0}, 2, "duration is -1 s: it must be positive"),
    "start vector": ({"start": [1.0, 2.0]}, 2, "start has shape .* must be one finite number"),
    "unit column": ({"unit_depth": [1.0, 2.0, 3.0]}, 2, None),
    "behaviour without time": ({"behavior_x": [1.0]}, 2, "behavior_x but no behavior_time"),
    "behaviour length": ({"behavior_time": [1.0, 2.0], "behavior_x": [1.0]}, 2, "behaviour 'x' has times"),
    "trials without stop": ({"trial_start": [1.0]}, 2, "trial_start but no trial_stop"),
    "trial column": ({"trial_start": [1.0], "trial_stop": [2.0], "trial_a": [1, 2]}, 2, "column 'a' has shape"),
    "truth without time": ({"truth_latents": np.ones((3, 1))}, 2, "no truth_time"),
    "truth units": ({"truth_spike_times": [1.0]}, 2, "2 units and truth_spike_times, but no truth_spike_units"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_contradict_themselves_are_refused_with_the_place(tmp_path, name):
    arrays, status, words = ARRAYS[name]
    whole = {"spike_times": TIMES, "spike_units": UNITS, **arrays}
    np.savez(tmp_path / "s.npz", **{key: value for key, value in whole.items() if value is not None})
    if words is None:  # a third unit without spikes is possible
        assert read_recording("npz", tmp_path / "s.npz").units.ids == ("0", "1", "2")
        return
    with pytest.raises(AlveusError, match=words) as caught:
        read_recording("npz", tmp_path / "s.npz")
    assert caught.value.exit_status == status
    assert "s.npz" in str(caught.value) or "trials" in str(caught.value) or "behaviour" in str(caught.value)


FRAMES = {
    "no bin size": ({"counts": np.ones((9, 2), int)}, "counts but no bin_size"),
    "no rate": ({"dff": np.ones((9, 2))}, "dff but no sampling_rate"),
    "flat": ({"counts": np.ones(9, int), "bin_size": 0.1}, r"shape \(9,\): it must be \(time, unit\)"),
    "bin size": ({"counts": np.ones((9, 2), int), "bin_size": 0.0}, "bin_size is 0"),
    "segment": (
        {"counts": np.ones((9, 2), int), "bin_size": 0.1, "segment": np.zeros(8, int)},
        "9 rows but segment 8",
    ),
    "neuropil": (
        {"fluorescence": np.ones((9, 2)), "neuropil": np.ones((9, 3)), "sampling_rate": 30.0},
        "must agree",
    ),
    "negative": ({"counts": np.array([[1, 2], [3, -4]]), "bin_size": 0.1}, "the first is -4 in row 1"),
    "fractions": ({"counts": np.array([[1, 2], [3, 0.5]]), "bin_size": 0.1}, "the first is 0.5 in row 1"),
    "no units": ({"counts": np.ones((9, 0), int), "bin_size": 0.1}, "has no units"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_contradict_themselves_are_refused(tmp_path, name):
    arrays, words = FRAMES[name]
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(AlveusError, match=words) as caught:
        np.asarray(read_recording("npz", tmp_path / "s.npz").activity.counts[0:2])
    assert caught.value.exit_status == (3 if name == "no units" else 2)


FOLDERS = {
    "no times": ({"spike_times_npy": None}, r"spike_times\.npy does not exist"),
    "no clusters": ({"spike_clusters_npy": None}, r"spike_clusters\.npy does not exist"),
    "lengths": ({"spike_clusters_npy": np.zeros(5, np.int32)}, r"has 11 spikes but spike_clusters\.npy 5"),
    "no rate": ({"params_py": None}, "neither params.py nor the session table says the sampling rate"),
    "bad rate": ({"params_py": "sample_rate = 'fast'\n"}, "sample_rate is 'fast': it must be a positive number"),
    "computed rate": ({"params_py": "sample_rate = 2 * 15000\n"}, "neither params.py nor the session table"),
    "syntax": ({"params_py": "sample_rate = = 3"}, "params.py cannot be parsed"),
    "nested": ({"params_py": "x = " + "(" * 30000}, "params.py cannot be parsed"),
    "huge": ({"params_py": "#" * 70000}, "params.py has 70000 bytes"),
    "unsigned": ({"spike_times_npy": np.full(11, 2**64 - 5, np.uint64)}, "correct the sampling rate"),
    "days": ({"spike_times_npy": np.arange(11) * 10**10}, "spikes span .* days at 20000 Hz"),
    "not finite": ({"spike_times_npy": np.append(np.arange(10.0), np.nan)}, "1 spike times are NaN or infinite"),
    "reset": ({"spike_times_npy": np.r_[np.arange(6) + 10**6, np.arange(5)].astype(np.uint64),
               "spike_clusters_npy": np.zeros(11, int)}, r"unit 0 jump back by 50\.\d+ s: the clock was reset"),
    "negative cluster": ({"spike_clusters_npy": np.full(11, -1)}, "cluster numbers outside"),
    "matrix": ({"spike_times_npy": np.ones((11, 2), int)}, r"shape \(11, 2\) .* one column of numbers"),
    "wide row": ({"cluster_group_tsv": "cluster_id\tgroup\n3\tgood\textra\n"}, "row 2: 3 cells but the header"),
    "bad npy": ({"spike_times_npy": b"not an array at all"}, r"spike_times\.npy \(19 bytes\) is damaged"),
    "object npy": ({"spike_times_npy": np.array([{}] * 11, dtype=object)}, "Python objects"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_a_phy_folder_that_contradicts_itself_is_refused(write_phy, name):
    files, words = FOLDERS[name]
    with pytest.raises(AlveusError, match=words) as caught:
        read_recording("phy", write_phy(**files))
    assert caught.value.exit_status == 2


def test_a_truncated_npy_names_both_sizes(write_phy):
    folder = write_phy()
    cut(folder / "spike_times.npy", 180)
    with pytest.raises(
        AlveusError, match=r"spike_times\.npy is truncated: \(11,\) values of uint64 need 216 bytes, 180"
    ):
        read_recording("phy", folder)


def test_a_truncated_npz_is_refused(write_npz):
    with pytest.raises(AlveusError, match=r"session\.npz \(\d+ bytes\) is damaged or no npz file"):
        read_recording("npz", cut(write_npz(), 300))


def test_a_truncated_nwb_names_both_sizes(write_nwb):
    path = write_nwb()
    size = path.stat().st_size
    with pytest.raises(
        AlveusError, match=rf"session\.nwb is truncated: it has 5000 of its {size} bytes"
    ) as caught:
        read_recording("nwb", cut(path, 5000))
    assert caught.value.exit_status == 2


def test_hdf5_that_is_no_nwb_is_refused(tmp_path):
    with h5py.File(tmp_path / "s.nwb", "w") as file:
        file["x"] = 1
    with pytest.raises(AlveusError, match="is HDF5 but no NWB file"):
        read_recording("nwb", tmp_path / "s.nwb")


NWB_DAMAGE = {
    "not finite": (lambda units: units["spike_times"].__setitem__(2, np.nan), r"1 of 11 .* 3: 1\)"),
    "index": (lambda units: units["spike_times_index"].__setitem__(0, 200), "does not cut 11 spikes into 3 units"),
    "no spikes": (lambda units: units.__delitem__("spike_times"), "has no spike_times"),
    "same ids": (lambda units: units["id"].__setitem__(slice(None), 4), "two units have the same id"),
}


@pytest.mark.parametrize("name", NWB_DAMAGE)
def test_an_nwb_file_that_contradicts_itself_is_refused(write_nwb, name):
    damage, words = NWB_DAMAGE[name]
    path = write_nwb()
    with h5py.File(path, "a") as file:
        damage(file["units"])
    with pytest.raises(AlveusError, match=words) as caught:
        read_recording("nwb", path)
    assert caught.value.exit_status == 2


def test_an_nwb_file_that_declares_petabytes_is_refused_before_reading(write_nwb):
    path = write_nwb()
    with h5py.File(path, "a") as file:
        del file["units/spike_times"]
        file["units"].create_dataset("spike_times", (10**15,), "f8", chunks=(1024,))
    with pytest.raises(
        AlveusError, match=r"/units/spike_times declares 8e\+06 GB of data, more than max_input_gb"
    ):
        read_recording("nwb", path)


def test_a_locked_nwb_is_tried_again_and_the_hint_names_the_variable(write_nwb):
    path = write_nwb()
    script = f"import h5py, sys; f = h5py.File({str(path)!r}, 'a'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline().strip() == b"open"
        with pytest.raises(TemporaryError, match="HDF5_USE_FILE_LOCKING=FALSE"):
            read_recording("nwb", path)
        writer.communicate()


def test_a_file_without_permission_says_so(tmp_path, monkeypatch):
    path = raw(b"x")(tmp_path / "s.npz")
    monkeypatch.setattr(os, "access", lambda *_: False)  # the administrator may read everything
    with pytest.raises(AlveusError, match="may not be read: give this user permission") as caught:
        read_recording("npz", path)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("how", ["longer", "shorter", "touched", "gone"])
def test_a_file_that_changes_while_it_is_read_is_tried_again(write_phy, how):
    column = NpyColumn(write_phy() / "spike_times.npy", 10**9)
    path = column.path
    match how:
        case "longer":
            path.write_bytes(path.read_bytes() + b"x")
        case "shorter":
            cut(path, 150)
        case "touched":
            os.utime(path, ns=(0, 0))
        case "gone":
            path.unlink()
    with pytest.raises(
        TemporaryError, match=r"spike_times\.npy (was changed|vanished) while it was read"
    ) as caught:
        column[0:11]
    assert caught.value.exit_status == 75


def test_watching_a_file_that_stays_raises_nothing(tmp_path):
    watch = Watch(raw(b"x")(tmp_path / "s"))
    time.sleep(0.01)
    watch.check()


def test_a_flipped_byte_in_an_archive_is_found_by_its_checksum(tmp_path):
    counts = np.random.default_rng(0).integers(0, 9, (4000, 20), dtype=np.uint8)
    path = tmp_path / "s.npz"
    np.savez(path, counts=counts, bin_size=0.1)
    content = bytearray(path.read_bytes())
    place = content.index(counts.tobytes()[:64]) + 40000
    content[place] ^= 4
    path.write_bytes(content)
    counts = read_recording("npz", path).activity.counts
    assert counts[0:10].shape == (10, 20)
    with pytest.raises(AlveusError, match="Bad CRC-32"):
        [counts[start : start + 500] for start in range(0, 4000, 500)]


def test_float32_times_late_in_a_recording_are_a_finding(tmp_path):
    times = np.linspace(0, 7200, 1000, dtype=np.float32)
    np.savez(tmp_path / "s.npz", spike_times=times, spike_units=np.zeros(1000, int))
    (finding,) = read_recording("npz", tmp_path / "s.npz").findings
    assert (finding.what, finding.count) == ("coarse_times", 1000)
    assert "0.49 ms" in finding.message


def test_an_unknown_format_is_refused():
    with pytest.raises(AlveusError, match="did you mean 'phy'") as caught:
        read_recording("phyy", Path("x"))
    assert caught.value.exit_status == 2
