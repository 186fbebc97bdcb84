"""Latents of other programs are read as they were written, or refused with the place of the fault."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pynwb
import pytest

from alveus.errors import RecordingError
from alveus.io.latents import read_latents

TIME = np.arange(50) * 0.02 + 3.01
Z = np.random.default_rng(0).standard_normal((50, 3))


def npz(folder, **arrays):
    np.savez(folder / "z.npz", **arrays)
    return folder / "z.npz"


def nwb(folder, **series):
    file = pynwb.NWBFile("latents", "z", datetime(2026, 1, 1, tzinfo=UTC))
    module = file.create_processing_module("latents", "of elsewhere")
    for name, arguments in series.items():
        module.add(pynwb.TimeSeries(name=name, unit="a.u.", **arguments))
    with pynwb.NWBHDF5IO(folder / "z.nwb", "w") as io:
        io.write(file)
    return folder / "z.nwb"


def same(found, latents=Z, time=TIME):
    np.testing.assert_allclose(found.values, latents)
    np.testing.assert_allclose(found.times, time)


def test_a_npz_with_an_array_or_an_axis_for_each_seed(tmp_path):
    (one,) = read_latents(npz(tmp_path, time=TIME, latents=Z))
    same(one)
    first, second = read_latents(npz(tmp_path, time=TIME, latents=np.stack([Z, -Z])))
    same(first)
    same(second, -Z)
    first, second = read_latents(npz(tmp_path, time=TIME, latents_0=Z, latents_1=-Z, counts=Z))
    same(second, -Z)
    (chosen,) = read_latents(npz(tmp_path, time=TIME, latents=Z, gpfa=2 * Z[:, 0]), ["gpfa"])
    same(chosen, 2 * Z[:, :1])
    (bare,) = read_latents(npz(tmp_path, latents=Z))
    assert bare.times is None


@pytest.mark.parametrize(("name", "separator"), [("z.csv", ","), ("z.tsv", "\t")])
def test_a_table_by_pandas(tmp_path, name, separator):
    frame = pd.DataFrame(Z, columns=["a", "b", "c"]).assign(time=TIME)
    frame.loc[[4, 9], ["a", "b", "c"]] = np.nan
    frame.to_csv(tmp_path / name, index=False, sep=separator)
    (found,) = read_latents(tmp_path / name)
    kept = np.delete(np.arange(50), [4, 9])
    same(found, Z[kept], TIME[kept])
    assert (found.names, found.n_empty) == (("a", "b", "c"), 2)


def test_time_series_of_a_nwb_file(tmp_path):
    path = nwb(
        tmp_path,
        latents_0={"data": Z, "timestamps": TIME},
        latents_1={"data": Z, "starting_time": 3.01, "rate": 50.0, "conversion": 2.0},
        speed={"data": Z[:, 0], "timestamps": TIME},
    )
    first, second = read_latents(path)
    same(first)
    same(second, 2 * Z)
    (chosen,) = read_latents(path, ["speed"])
    same(chosen, Z[:, :1])
    with pytest.raises(RecordingError, match=r"no time series 'lfads' in a processing module"):
        read_latents(path, ["lfads"])


def test_of_several_nameless_series_one_must_be_named(tmp_path):
    path = nwb(tmp_path, x={"data": Z, "timestamps": TIME}, y={"data": Z, "timestamps": TIME})
    with pytest.raises(RecordingError, match=r"2 time series .*latents/x, latents/y.*--array"):
        read_latents(path)


HOLE, SHUFFLED, NEVER = Z.copy(), TIME.copy(), TIME.copy()
HOLE[7, 1] = np.inf
SHUFFLED[[10, 11]] = SHUFFLED[[11, 10]]
NEVER[5] = np.nan


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"time": TIME, "embedding": Z}, r"holds time, embedding: no array's name begins with 'latents'"),
        ({"time": TIME[:-1], "latents": Z}, r"time has shape \(49,\).*there are 50 samples"),
        ({"time": TIME, "latents": Z.T}, r"there are 3 samples"),
        ({"time": SHUFFLED, "latents": Z}, r"1 do not; the first is sample 11 at 3.21 s after 3.23 s"),
        ({"time": NEVER, "latents": Z}, r"1 of 50 times are not finite, the first of sample 5"),
        ({"time": TIME, "latents": HOLE}, r"1 of 50 samples have latents .* first the sample at 3.15 s"),
        ({"time": TIME, "latents": Z * np.nan}, r"none of the 50 samples holds a number"),
        ({"time": TIME, "latents": np.zeros((50, 0))}, r"shape \(50, 0\)"),
        ({"time": TIME, "latents": np.zeros((50, 2000))}, r"1 to 1024 latents"),
        ({"time": TIME, "latents": Z.astype(str)}, r"latents are numbers"),
        ({"time": TIME, "latents": np.array([object()] * 50)}, r"never unpickled"),
    ],
)
def test_a_faulty_npz_is_refused_with_the_place_of_the_fault(tmp_path, arrays, words):
    with pytest.raises(RecordingError, match=words):
        read_latents(npz(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,z1\n0,1\n", "no column 'time'"),
        ("time,z1\n0,1\n0.1,one\n", "'one' in row 3 of column 'z1' is no number"),
        ("time,z1\n0,1,2\n", "row 2: 3 cells but the header has 2"),
        ("time\n0\n1\n", r"shape \(2, 0\)"),
        ("time,z1,z2\n0,1,2\n1,3,\n", "1 of 2 samples have latents that are not finite, first the sample at 1 s"),
        ("", "empty"),
    ],
)
def test_a_faulty_table_is_refused_with_the_place_of_the_fault(tmp_path, text, words):
    (tmp_path / "z.csv").write_text(text)
    with pytest.raises(RecordingError, match=words):
        read_latents(tmp_path / "z.csv")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "z.h5").write_bytes(b"x")
    (tmp_path / "z.npz").write_bytes(b"not a zip")
    with pytest.raises(RecordingError, match=r"latents are read from .npz, .csv, .tsv, .nwb"):
        read_latents(tmp_path / "z.h5")
    with pytest.raises(RecordingError, match="no npz file"):
        read_latents(tmp_path / "z.npz")
    with pytest.raises(RecordingError, match="does not exist"):
        read_latents(tmp_path / "none.csv")
