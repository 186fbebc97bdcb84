"""Files with changed bytes: whatever is in them, the reader refuses with its own error or reads on."""

from contextlib import suppress

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


def consume(form, path):
    """Read everything a later stage would; any other error than alveus's own fails the test."""
    with suppress(AlveusError):
        recording = read_recording(form, path, OPTIONS)
        activity = recording.activity
        if hasattr(activity, "blocks"):
            for _ in activity.blocks([activity.last_tick // 2, activity.last_tick + 1]):
                pass
        else:
            np.asarray(activity.counts)


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
