import numpy as np
import pytest

from alveus.errors import RecordingError
from alveus.io import read_recording


@pytest.mark.parametrize("uuid", ["", ".01234567-89ab-cdef-0123-456789abcdef"])
def test_a_probe_is_read_with_the_sessions_trials_and_wheel(write_alf, spikes, read_back, uuid):
    recording = read_recording("alf", write_alf(uuid))
    for times, expected in zip(read_back(recording.activity), spikes.values(), strict=True):
        np.testing.assert_array_equal(times, expected)
    assert recording.units.columns["group"].tolist() == ["good", "mua", "good"]
    np.testing.assert_array_equal(recording.units.columns["label"], [1, 0.5, np.nan])
    np.testing.assert_array_equal(recording.units.columns["depths"], [60.0, 140.0, 240.0])
    assert [b.name for b in recording.behavior] == ["wheel_position"]
    assert recording.trials.columns["choice"].tolist() == [-1, 1]


def test_the_folder_above_will_do_while_there_is_one_probe(write_alf):
    probe = write_alf()
    assert read_recording("alf", probe.parent).units.ids == ("3", "7", "12")
    second = probe.parent / "probe01"
    second.mkdir()
    for name in ("spikes.times.npy", "spikes.clusters.npy"):
        (second / name).write_bytes((probe / name).read_bytes())
    with pytest.raises(RecordingError, match=r"holds 2 sortings \(probe00, probe01\)"):
        read_recording("alf", probe.parent)
    assert read_recording("alf", second).source["probe"] == "probe01"


def test_a_parquet_table_without_pyarrow_is_a_finding(write_alf, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    probe = write_alf()
    (probe / "clusters.metrics.csv").unlink()
    (probe / "clusters.metrics.pqt").write_bytes(b"PAR1")
    recording = read_recording("alf", probe)
    assert [f.what for f in recording.findings] == ["unread_parquet"]
    assert set(recording.units.columns["group"]) == {"unlabelled"}


def test_missing_files_are_named(write_alf):
    probe = write_alf()
    (probe / "spikes.clusters.npy").unlink()
    with pytest.raises(RecordingError, match=r"must hold one spikes\.clusters\.npy; it holds none"):
        read_recording("alf", probe)
