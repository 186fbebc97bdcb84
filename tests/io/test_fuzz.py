"""Files with changed bytes: whatever is in them, the reader refuses with its own error or reads on."""

import datetime as dt
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveus.errors import AlveusError
from alveus.io import ReadOptions, read_recording

OPTIONS = ReadOptions(max_input_gb=0.01, sampling_rate=20000)
bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def mutations(draw):
    """Return some changed bytes as (relative place, value), and where to cut the file."""
    changes = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
    return changes, draw(st.one_of(st.just(1.0), st.floats(0.05, 1)))


def damage(content: bytes, mutation) -> bytes:
    changes, end = mutation
    data = bytearray(content)
    for place, value in changes:
        data[min(int(place * len(data)), len(data) - 1)] = value
    return bytes(data[: max(1, int(end * len(data)))])


def consume(form, path, options=OPTIONS):
    """Read everything a later stage would; any other error than alveus's own fails the test."""
    with suppress(AlveusError):
        recording = read_recording(form, path, options)
        activity = recording.activity
        if hasattr(activity, "blocks"):
            for _ in activity.blocks([activity.last_tick // 2, activity.last_tick + 1]):
                pass
        elif hasattr(activity, "counts"):
            np.asarray(activity.counts)
        else:
            for values in (activity.values, activity.neuropil):
                if values is not None:
                    values[0 : min(1000, values.shape[0])]
            if hasattr(activity.values, "traces"):
                activity.values.traces(slice(0, 2))


@bounded
@given(mutation=mutations())
def test_npz(write_npz, mutation):
    path = write_npz(
        behavior_time=np.arange(9.0), behavior_x=np.arange(9), unit_id=[3, 7, 12], unit_group=["a", "b", "c"]
    )
    path.write_bytes(damage(path.read_bytes(), mutation))
    consume("npz", path)


@bounded
@given(mutation=mutations())
def test_npz_of_counts_that_is_stored_plainly(tmp_path, mutation):
    path = tmp_path / "s.npz"
    np.savez(path, counts=np.arange(60).reshape(20, 3), bin_size=0.1, start=2.0)
    path.write_bytes(damage(path.read_bytes(), mutation))
    consume("npz", path)


@bounded
@given(
    name=st.sampled_from(["spike_times.npy", "spike_clusters.npy", "cluster_group.tsv", "params.py"]),
    mutation=mutations(),
)
def test_phy(tmp_path_factory, name, mutation):
    folder = tmp_path_factory.mktemp("phy")
    np.save(folder / "spike_times.npy", np.arange(0, 4000, 100, dtype=np.uint64))
    np.save(folder / "spike_clusters.npy", np.arange(40, dtype=np.int32) % 3)
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n0\tgood\n1\tmua\n2\tnoise\n")
    (folder / "params.py").write_text("dat_path = 'x.dat'\nn_channels_dat = 4\nsample_rate = 20000.0\n")
    (folder / name).write_bytes(damage((folder / name).read_bytes(), mutation))
    consume("phy", folder)


@pytest.fixture(scope="module")
def nwb(tmp_path_factory):
    """A file with what the reader looks at, small, so that changes hit it."""
    path = tmp_path_factory.mktemp("nwb") / "s.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        file["units/id"] = np.array([4, 5])
        file["units/spike_times"] = np.array([0.1, 0.5, 1.5, 0.2, 0.9])
        file["units/spike_times_index"] = np.array([3, 5])
        file["units/obs_intervals"] = np.array([[0.0, 2.0], [0.0, 2.0]])
        file["units/obs_intervals_index"] = np.array([1, 2])
        file["units/quality"] = ["good", "mua"]
        file["intervals/trials/start_time"] = np.array([0.0, 1.0])
        file["intervals/trials/stop_time"] = np.array([0.5, 1.5])
        file["intervals/trials/side"] = ["left", "right"]
        file["processing/behavior/x/data"] = np.arange(8)
        file["processing/behavior/x/timestamps"] = np.arange(8) / 4
        file["processing/behavior/x/data"].attrs["conversion"] = 0.5
    return path


@bounded
@given(mutation=mutations())
def test_nwb(nwb, tmp_path, mutation):
    path = tmp_path / "s.nwb"
    path.write_bytes(damage(nwb.read_bytes(), mutation))
    consume("nwb", path)


STATED = ReadOptions(max_input_gb=0.01)  # the files themselves must say the rate


@bounded
@given(mutation=mutations())
def test_npz_of_traces(tmp_path, mutation):
    path = tmp_path / "s.npz"
    values = np.arange(60.0).reshape(20, 3)
    np.savez(
        path, fluorescence=values, neuropil=values, dff=values, missing=values[:, 0] > 40, tau=0.5, sampling_rate=9
    )
    path.write_bytes(damage(path.read_bytes(), mutation))
    consume("npz", path, STATED)


@settings(bounded, max_examples=200)
@given(
    name=st.sampled_from(["F.npy", "Fneu.npy", "iscell.npy", "ops.npy", "settings.npy", "reg_outputs.npy"]),
    mutation=mutations(),
)
def test_suite2p(tmp_path_factory, name, mutation):
    folder = tmp_path_factory.mktemp("suite2p") / "plane0"
    folder.mkdir()
    np.save(folder / "F.npy", np.arange(60.0, dtype=np.float32).reshape(3, 20))
    np.save(folder / "Fneu.npy", np.asfortranarray(np.arange(60.0).reshape(3, 20)))
    np.save(folder / "iscell.npy", np.ones((3, 2)))
    plain = {"fs": 30.0, "tau": np.float64(0.7), "nplanes": 2, "files": ["a", "b"], "path": Path("/a/b")}
    np.save(folder / "ops.npy", {**plain, "badframes": np.arange(20) > 17, "when": dt.datetime(2024, 1, 1)})  # noqa: DTZ001
    np.save(folder / "settings.npy", {"fs": 15.0, "run": {"size": np.arange(3)}})
    np.save(folder / "reg_outputs.npy", {"badframes": np.arange(20) > 15, "yoff": np.arange(20, dtype=np.int32)})
    (folder / name).write_bytes(damage((folder / name).read_bytes(), mutation))
    consume("suite2p", folder.parent, STATED)
    consume("suite2p", folder, OPTIONS)


@pytest.fixture(scope="module")
def ophys(tmp_path_factory):
    """A file with what the reader of traces looks at."""
    path = tmp_path_factory.mktemp("nwb") / "s.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        table = file.create_group("processing/ophys/ImageSegmentation/plane")
        table["id"] = np.array([4, 5, 6])
        table["Accepted"] = np.array([1, 0, 1])
        table["ROICentroids"] = np.ones((3, 2))
        file["general/optophysiology/deep/imaging_rate"] = 10.0
        file["general/optophysiology/deep/indicator"] = "GCaMP8m"
        table["imaging_plane"] = h5py.SoftLink("/general/optophysiology/deep")
        for name in ("RoiResponseSeries", "Neuropil"):
            series = file.create_group(f"processing/ophys/Fluorescence/{name}")
            series.attrs["neurodata_type"] = "RoiResponseSeries"
            series["data"] = np.arange(60.0).reshape(20, 3)
            series["data"].attrs["conversion"] = 0.5
            series["timestamps"] = np.delete(np.arange(21), 7) / 10
            series["rois"] = np.arange(3)
            series["rois"].attrs["table"] = table.ref
    return path


@settings(bounded, max_examples=200)
@given(mutation=mutations())
def test_nwb_of_traces(ophys, tmp_path, mutation):
    assert read_recording("nwb", ophys).activity.neuropil is not None
    path = tmp_path / "s.nwb"
    path.write_bytes(damage(ophys.read_bytes(), mutation))
    consume("nwb", path, STATED)


@pytest.fixture(scope="module")
def caiman(tmp_path_factory):
    path = tmp_path_factory.mktemp("caiman") / "s.hdf5"
    with h5py.File(path, "w") as file:
        for name in ("C", "YrA", "S"):
            file[f"estimates/{name}"] = np.arange(60.0).reshape(3, 20)
        file["estimates/F_dff"] = "NoneType"
        file["estimates/idx_components"] = np.array([0, 2])
        file["estimates/A/shape"] = np.array([100, 3])
        file["params/data/fr"], file["params/data/decay_time"] = 15.0, 0.4
    return path


@bounded
@given(mutation=mutations())
def test_caiman(caiman, tmp_path, mutation):
    path = tmp_path / "s.hdf5"
    path.write_bytes(damage(caiman.read_bytes(), mutation))
    consume("caiman", path, STATED)


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02)" + b"q\x00h\x00\x86" * 60 + b"}q\x01h\x00K\x01s.",  # a key whose hash would take for ever
        b"\x80\x02]q\x00h\x00a.",  # a list in itself
        b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",  # a terabyte of bytes
        b"\x80\x02}r\xff\xff\xff\xff.",  # the four thousand millionth place of the memo
        b"\x80\x02" + b"]" * 100,
        b"\x80\x02Pname\n.",
        b"\x80\x02\x82\x01.",
        b"(" * 50_000 + b".",
        b"0.",
        b"",
    ],
)
def test_pickles_that_are_made_to_exhaust_a_reader(tmp_path, program):
    folder = tmp_path / "plane0"
    folder.mkdir()
    np.save(folder / "F.npy", np.zeros((3, 20), np.float32))
    with (folder / "ops.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(program)
    with pytest.raises(AlveusError):
        read_recording("suite2p", folder, STATED)
