import hashlib
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from alveus.config.preprocess import Preprocess
from alveus.errors import ArtefactError, RecordingError
from alveus.preprocessing import prepare
from alveus.recording import Behavior, FlatSpikeTrains, Recording, Trials, Units
from alveus.storage import open_dataset
from alveus.storage.layout import rows_per_shard

from .conftest import FakeTruth, make_prepared, publish_dataset


def test_everything_that_was_prepared_is_read_back(prepared, published):
    dataset = open_dataset(published)
    every = (0, prepared.n_bins)
    np.testing.assert_array_equal(dataset.counts(), prepared.counts)
    np.testing.assert_array_equal(dataset.activity[37:91, 2:5], prepared.counts[37:91, 2:5])
    np.testing.assert_array_equal(dataset.time, prepared.time(*every))
    np.testing.assert_array_equal(dataset.segment, prepared.segment(*every))
    np.testing.assert_array_equal(dataset.split, prepared.split(*every))
    np.testing.assert_array_equal(dataset.held_out, prepared.held_out)
    assert tuple(dataset.unit_ids) == prepared.units.ids
    assert set(dataset.unit_columns) == set(prepared.units.columns)
    for name, column in prepared.units.columns.items():
        np.testing.assert_array_equal(dataset.unit_columns[name], column)
    for variable in prepared.behavior:
        stored = dataset.behavior[variable.name]
        np.testing.assert_array_equal(stored.values, variable.values)
        assert stored.values.dtype == variable.values.dtype
        assert (stored.kind, stored.period, stored.labels, stored.unit) == (
            variable.kind,
            variable.period,
            variable.labels,
            variable.unit,
        )
    assert set(dataset.trials) == {"start", "stop", *prepared.trials.columns}
    for name, column in prepared.trials.columns.items():
        np.testing.assert_array_equal(dataset.trials[name], column)
    np.testing.assert_array_equal(dataset.truth_latents, prepared.truth.values)
    assert dataset.truth_ceiling is None
    assert dataset.truth_ceiling_name is None
    assert dataset.findings[0]["count"] == 3
    assert (dataset.session, dataset.dataset, dataset.bin_size) == ("s1", "d1", 0.02)
    assert dataset.facts == {"n_spikes": 7, "drift": None, "spikes_kept": prepared.counts.sum()}


def test_the_ceiling_of_a_simulation_is_kept_with_its_name(tmp_path, prepared):
    values = prepared.truth.values
    publish_dataset(tmp_path, replace(prepared, truth=FakeTruth(values, values + 1, "exact posterior")))
    dataset = open_dataset(tmp_path / "dataset.zarr")
    np.testing.assert_array_equal(dataset.truth_ceiling, values + 1)
    assert dataset.truth_ceiling_name == "exact posterior"


def test_a_recording_of_spikes_only_has_no_trials_behaviour_or_truth(tmp_path, prepared):
    dataset = open_dataset(publish_dataset(tmp_path, replace(prepared, behavior=(), trials=None, truth=None)))
    assert dataset.behavior == {}
    assert dataset.trials is None
    assert dataset.truth_latents is None


@pytest.mark.parametrize(("largest", "dtype"), [(255, "uint8"), (256, "uint16"), (65536, "uint32")])
def test_counts_are_stored_in_the_narrowest_type_that_holds_them(tmp_path, prepared, largest, dtype):
    prepared.counts[1234, 5] = largest
    dataset = open_dataset(publish_dataset(tmp_path, prepared))
    np.testing.assert_array_equal(dataset.counts(), prepared.counts)
    assert dataset.activity.dtype == dtype


def test_a_count_beyond_32_bits_is_refused(tmp_path, prepared):
    prepared.counts[5, 5] = 2**32
    with pytest.raises(RecordingError, match="more than 4 294 967 295"):
        publish_dataset(tmp_path, prepared)
    assert list(tmp_path.iterdir()) == []


def test_events_are_stored_as_real_numbers_and_must_be_finite(tmp_path, prepared):
    events = np.random.default_rng(1).gamma(1.0, size=(700, 12)).astype(np.float32)
    calcium = replace(prepared, counts=events, quantity="events", modality="calcium", behavior=(), truth=None)
    dataset = open_dataset(publish_dataset(tmp_path, calcium))
    np.testing.assert_array_equal(dataset.counts(), events)
    assert dataset.quantity == "events"
    events[600, 7] = np.nan
    with pytest.raises(ArtefactError, match="first in bin 600 of unit 7"):
        publish_dataset(tmp_path, calcium)
    assert open_dataset(tmp_path / "dataset.json").digest == dataset.digest


def test_a_short_pass_over_the_activity_is_not_published(tmp_path, prepared, monkeypatch):
    monkeypatch.setattr(prepared, "activity", lambda dtype, _: iter([prepared.counts[:100].astype(dtype)]), False)
    with pytest.raises(ArtefactError, match="100 of 2000 bins"):
        publish_dataset(tmp_path, prepared)
    assert list(tmp_path.iterdir()) == []


def test_recordings_of_several_shards_and_incomplete_chunks_come_back(tmp_path, monkeypatch):
    n_units = 400
    monkeypatch.setattr("alveus.storage.layout.SHARD_BYTES", 1 << 21)
    n_bins = 2 * rows_per_shard(n_units) + 77
    prepared = make_prepared(n_bins, n_units, rate=0.01)
    dataset = open_dataset(publish_dataset(tmp_path, replace(prepared, behavior=(), truth=None)))
    np.testing.assert_array_equal(dataset.counts(), prepared.counts)
    assert len(list((tmp_path / "dataset.zarr/activity/c").rglob("0"))) == 3 + 1


def test_the_same_recording_gives_the_same_bytes(tmp_path, prepared):
    digests = []
    for name in ("a", "b", "c"):
        manifest = publish_dataset(tmp_path / name, prepared)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        digests.append(
            [(p.relative_to(tmp_path / name), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]
        )
        assert manifest.is_file()
    assert digests[0] == digests[1] == digests[2]


def test_the_digest_follows_the_content(tmp_path, prepared):
    before = open_dataset(publish_dataset(tmp_path, prepared)).digest
    assert open_dataset(publish_dataset(tmp_path, prepared, session="other")).digest == before
    prepared.counts[0, 0] += 1
    assert open_dataset(publish_dataset(tmp_path, prepared)).digest != before


def test_xarray_opens_every_part_with_its_dimensions_named(published, prepared):
    store = published.with_name("dataset.zarr")
    with xr.open_zarr(store, consolidated=True) as root:
        assert root["activity"].dims == ("time", "unit")
        assert root["split"].dims == root["segment"].dims == ("time",)
        assert root["unit_position"].dims == ("unit", "unit_position_component")
        np.testing.assert_array_equal(root["activity"], prepared.counts)
        assert list(root["unit"].values) == list(prepared.units.ids)
    with xr.open_zarr(store, group="behavior", consolidated=True) as behavior:
        assert set(behavior) == {"running_speed", "head_direction", "unnamed", "etat"}
        assert behavior["unnamed"].attrs["long_name"] == "位置"
        assert behavior["unnamed"].dims == ("time", "unnamed_component")
    with xr.open_zarr(store, group="trial", consolidated=True) as trial:
        assert set(trial) == {"start", "stop", "choice", "reward", "start_2"}
        assert all(array.dims == ("trial",) for array in trial.values())
    with xr.open_zarr(store, group="truth", consolidated=True) as truth:
        assert truth["latents"].dims == ("time", "truth_latent")


def test_every_array_is_checksummed_compressed_and_never_pickled(published):
    store = published.with_name("dataset.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays = [node for _, node in zarr.open_group(store, mode="r").members(max_depth=None)]
    arrays = [node for node in arrays if isinstance(node, zarr.Array)]
    assert len(arrays) > 15
    for array in arrays:
        assert "crc32c" in str(array.metadata.to_dict()["codecs"])
        assert "object" not in str(array.metadata.data_type).lower()


def test_a_silent_unit_does_not_look_like_a_lost_chunk(tmp_path, prepared):
    prepared.counts[:] = 0
    dataset = open_dataset(publish_dataset(tmp_path, prepared))
    assert (dataset.counts() == 0).all()
    assert Path(tmp_path / "dataset.zarr/activity/c/0/0").is_file()


def test_few_files_hold_many_values(tmp_path):
    prepared = replace(make_prepared(40_000, 400, rate=0.03), truth=None, trials=None)
    publish_dataset(tmp_path, prepared)
    files = [p for p in (tmp_path / "dataset.zarr/activity").rglob("*") if p.is_file()]
    assert len(files) == 3
    assert prepared.counts.size / sum(p.stat().st_size for p in files) > 15


def test_a_recording_goes_through_preprocessing_into_a_dataset(tmp_path):
    rng = np.random.default_rng(3)
    ticks = np.sort(rng.integers(0, 60_000, 5000))
    codes = rng.integers(0, 8, 5000).astype(np.int32)
    spikes = FlatSpikeTrains(ticks, codes, 8, Fraction(1000))
    units = Units(tuple("abcdefgh"), {"group": np.array(["good"] * 8)})
    seconds = np.arange(0, 60, 0.05)
    speed = Behavior("speed", seconds, np.sin(seconds), unit="cm/s")
    lick = Behavior("lick", seconds, np.arange(seconds.size) % 2, kind="categorical", labels=("no", "yes"))
    trials = Trials(np.arange(0, 60, 6.0), np.arange(5, 65, 6.0), {"side": np.array(["left", "right"] * 5)})
    recording = Recording(spikes, units, 0.0, 60.0, behavior=(speed, lick), trials=trials)
    prepared = prepare(recording, Preprocess(bin_size=0.02, duplicates="keep"), session="s")
    dataset = open_dataset(publish_dataset(tmp_path, prepared))
    expected = np.zeros((3000, 8), int)
    np.add.at(expected, (ticks // 20, codes), 1)
    np.testing.assert_array_equal(dataset.counts(), expected)
    np.testing.assert_allclose(dataset.time, 0.01 + 0.02 * np.arange(3000))
    inside = dataset.time < seconds[-1]
    np.testing.assert_allclose(dataset.behavior["speed"].values[inside], np.sin(dataset.time[inside]), atol=1e-3)
    assert set(dataset.behavior["lick"].values) <= {-1, 0, 1}
    assert list(dataset.trials["side"][:2]) == ["left", "right"]
    assert set(dataset.split) == {-1, 0, 1, 2}
    assert dataset.facts["spikes_kept"] == 5000
    assert sum(dataset.manifest["split"].values()) == 3000
