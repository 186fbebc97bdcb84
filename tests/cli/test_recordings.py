"""`alveus bin` on real recordings, against whole-number arithmetic on the arrays of their files, cell by cell."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from click.testing import CliRunner

from alveus.cli import main
from alveus.storage import Dataset, open_dataset
from alveus.study.plan import Study

pytestmark = pytest.mark.recordings

ALM = "alm-nwb/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb"
A8604 = "a8604-nwb/A8604-211122.nwb"
BCI = ["beforeLearning", "afterLearning"]
RETINA = [
    "Demas2006_p12wt1",
    "Stafford2009_WT_37C_Dorsal_2008-02-08-0",
    "Stafford2009_WT_37C_Dorsal_2008-06-27-0",
]


@dataclass
class Spikes:
    """What a file holds: whole ticks, the unit of each, and the units' names in the order of the file."""

    ticks: np.ndarray
    codes: np.ndarray
    names: list[str]


def bin_session(
    folder: Path, kind: str, path: Path, bin_size: float, behavior: Path | None = None
) -> tuple[Dataset, dict[str, int]]:
    """Run the rule's subcommand on one session; returns its dataset and its findings' counts."""
    (folder / "config.yaml").write_text(
        f"datasets: {{real: {{sessions: sessions.tsv}}}}\npreprocess: {{bin_size: {bin_size}}}\n"
    )
    (folder / "sessions.tsv").write_text(
        f"session\tformat\tpath\tbehavior\none\t{kind}\t{path}\t{behavior or ''}\n"
    )
    study = Study(folder)
    manifest, of = folder / "results/real/one/dataset.json", {"dataset": "real", "session": "one"}
    ran = CliRunner().invoke(
        main,
        ["bin", str(manifest), "--settings", study.stage_settings("bin", **of),
         "--tuning", study.stage_tuning("bin", **of), "--work", str(folder / "work")],
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    dataset = open_dataset(manifest)
    check_opens_in_xarray(manifest.with_suffix(".zarr"), dataset)
    check_split(dataset)
    return dataset, {finding["what"]: finding["count"] for finding in dataset.findings}


def check_opens_in_xarray(store: Path, dataset: Dataset) -> None:
    with xarray.open_zarr(store) as opened:
        assert opened["activity"].dims == ("time", "unit")
        assert opened["split"].dims == opened["segment"].dims == ("time",)
        assert opened["held_out"].dims == ("unit",)
        assert [str(name) for name in opened["unit"].values] == list(dataset.unit_ids)
        np.testing.assert_array_equal(opened["activity"][:500].values, dataset.activity[:500])
    if dataset.behavior:
        with xarray.open_zarr(store, group="behavior") as opened:
            assert set(opened.data_vars) == set(dataset.behavior)
            assert {opened[name].dims[0] for name in opened} == {"time"}
    if dataset.trials is not None:
        with xarray.open_zarr(store, group="trial") as opened:
            assert opened["start"].dims == opened["observed"].dims == ("trial",)


def check_split(dataset: Dataset) -> None:
    """Of the bins that any part has, each part has about its share; the gaps are few."""
    parts = np.array([(dataset.split == part).sum() for part in (0, 1, 2)]) / (dataset.split >= 0).sum()
    np.testing.assert_allclose(parts, [0.7, 0.1, 0.2], atol=0.06)
    assert (dataset.split == -1).mean() < 0.2
    assert dataset.held_out.sum() == max(1, np.floor(0.2 * dataset.n_units + 0.5))


def check_every_cell(dataset: Dataset, spikes: Spikes, start: int, stop: int, ticks_per_bin: int) -> np.ndarray:
    """Compare all counts with whole-number division of ticks; returns the expected counts of all units."""
    n_bins = (stop - start) // ticks_per_bin
    ticks, codes = np.divmod(np.unique(spikes.ticks * 1000 + spikes.codes), 1000)  # a unit spikes once in a tick
    row = (ticks - start) // ticks_per_bin
    inside = (row >= 0) & (row < n_bins)
    cells = row[inside] * len(spikes.names) + codes[inside]
    wanted = np.bincount(cells, minlength=n_bins * len(spikes.names)).reshape(n_bins, -1)
    columns = [spikes.names.index(name) for name in dataset.unit_ids]
    np.testing.assert_array_equal(dataset.counts(), wanted[:, columns])
    kept = int(wanted[:, columns].sum())
    assert dataset.facts["spikes_kept"] == kept
    total = int(np.isin(spikes.codes, columns).sum())
    assert total == sum(value for name, value in dataset.facts.items() if name.startswith("spikes_"))
    return wanted


def nanoseconds(times: np.ndarray) -> np.ndarray:
    return np.rint(times.astype(np.longdouble) * 10**9).astype(np.int64)


def read_npz(path: Path) -> tuple[Spikes, dict[str, np.ndarray]]:
    with np.load(path) as file:
        data = dict(file)
    codes = data["spike_units"].astype(np.int64)
    names = [str(code) for code in range(codes.max() + 1)]
    return Spikes(nanoseconds(data["spike_times"]), codes, names), data


def read_nwb(path: Path) -> Spikes:
    with h5py.File(path) as file:
        times, ends = file["units/spike_times"][:], file["units/spike_times_index"][:].astype(np.int64)
        names = [str(name) for name in file["units/id"][:]]
    codes = np.repeat(np.arange(ends.size), np.diff(ends, prepend=0))
    return Spikes(nanoseconds(times), codes, names)


def with_spikes(spikes: Spikes) -> list[str]:
    return [spikes.names[code] for code in np.unique(spikes.codes)]


def test_linear_track_drops_and_counts_the_spikes_before_its_start(recordings, tmp_path):
    path = recordings / "linear-track/linear-track.npz"
    spikes, data = read_npz(path)
    dataset, found = bin_session(tmp_path, "npz", path, 0.1)
    start, duration = 4_397_031_700_000, 1_982_423_900_000
    np.testing.assert_allclose([data["start"], data["duration"]], [start / 1e9, duration / 1e9], rtol=1e-15)
    assert list(dataset.unit_ids) == with_spikes(spikes)
    check_every_cell(dataset, spikes, start, start + duration, 10**8)
    assert int((spikes.ticks < start).sum()) == 4
    assert dataset.facts["spikes_before_start"] == found["spikes_out_of_range"] == 4
    assert dataset.facts["spikes_after_end"] == 0
    assert dataset.behavior["position"].values.shape == (dataset.n_bins, 2)
    assert np.isfinite(dataset.behavior["position"].values).all(axis=1).mean() > 0.99


def test_w_maze_drops_and_counts_its_hash_cluster(recordings, tmp_path):
    folder = recordings / "w-maze"
    ticks, codes = (
        np.load(folder / f"spike_{name}.npy").ravel().astype(np.int64) for name in ("times", "clusters")
    )
    spikes = Spikes(ticks, codes, [str(code) for code in range(25)])
    dataset, found = bin_session(tmp_path, "phy", folder, 0.1, folder / "position.npz")
    assert list(dataset.unit_ids) == [name for name in spikes.names if name != "19"]
    assert found["units_filtered"] == 1
    assert next("(19)" in f["message"] for f in dataset.findings if f["what"] == "units_filtered")
    # the recording begins with the first spike of any cluster and ends with the last one
    check_every_cell(dataset, spikes, int(ticks.min()), int(ticks.max()) + 1, 3000)
    assert dataset.behavior["position"].values.shape == (dataset.n_bins, 2)


def test_alm_trials_before_the_first_spike_are_not_observed(recordings, tmp_path):
    spikes = read_nwb(recordings / ALM)
    dataset, found = bin_session(tmp_path, "nwb", recordings / ALM, 0.05)
    assert list(dataset.unit_ids) == spikes.names
    first, width = int(spikes.ticks.min()), 50_000_000
    check_every_cell(dataset, spikes, first, int(spikes.ticks.max()) + 1, width)
    with h5py.File(recordings / ALM) as file:
        start, stop = (file[f"intervals/trials/{name}_time"][:] for name in ("start", "stop"))
    last = first + dataset.n_bins * width
    observed = (nanoseconds(start) >= first) & (nanoseconds(stop) <= last)
    np.testing.assert_array_equal(dataset.trials["observed"], observed)
    assert np.flatnonzero(~observed).tolist() == [0, 1, 2, 410, 411]
    assert found["trials_unobserved"] == 5
    for begin, end in zip(start, stop, strict=True):
        parts = dataset.split[(dataset.time >= begin) & (dataset.time < end)]
        assert len(set(parts.tolist()) - {-1}) <= 1
    assert {0, 2} <= {int(part) for b in start[observed] for part in dataset.split[dataset.time >= b][:1]}


def test_a8604_counts_without_behaviour_or_trials(recordings, tmp_path):
    spikes = read_nwb(recordings / A8604)
    dataset, _ = bin_session(tmp_path, "nwb", recordings / A8604, 0.05)
    assert list(dataset.unit_ids) == spikes.names
    check_every_cell(dataset, spikes, int(spikes.ticks.min()), int(spikes.ticks.max()) + 1, 50_000_000)
    assert dataset.trials is None
    assert dataset.behavior == {}


@pytest.mark.parametrize("name", BCI)
def test_bci_counts_are_taken_as_they_are_and_every_target_is_trained_and_tested(recordings, tmp_path, name):
    path = recordings / f"bci-m1/{name}.npz"
    with np.load(path) as file:
        data = dict(file)
    dataset, _ = bin_session(tmp_path, "npz", path, 0.045)
    kept = np.flatnonzero(data["counts"].sum(axis=0))
    assert list(dataset.unit_ids) == [str(unit) for unit in kept]
    np.testing.assert_array_equal(dataset.counts(), data["counts"][:, kept])
    np.testing.assert_array_equal(dataset.segment, data["segment"] - data["segment"].min())
    target = dataset.behavior["target"]
    labels = np.array(target.labels)[target.values]
    np.testing.assert_array_equal(labels.astype(int), data["behavior_target"])
    for label in np.unique(labels):
        assert {0, 2} <= set(dataset.split[labels == label].tolist())


@pytest.mark.parametrize("name", RETINA)
def test_retinal_waves_are_counted_from_their_first_spike_to_their_last(recordings, tmp_path, name):
    path = recordings / f"retina/{name}.npz"
    spikes, data = read_npz(path)
    dataset, _ = bin_session(tmp_path, "npz", path, 0.1)
    assert list(dataset.unit_ids) == with_spikes(spikes)
    check_every_cell(dataset, spikes, int(spikes.ticks.min()), int(spikes.ticks.max()) + 1, 10**8)
    np.testing.assert_array_equal(dataset.unit_columns["position"], data["unit_position"])
