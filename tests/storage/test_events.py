"""Events are published trace by trace, and read frame by frame, as they were made."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import settings as trial
from hypothesis import strategies as st

from alveus.calcium.deconvolve import Deconvolution
from alveus.config import Preprocess
from alveus.errors import ArtefactError
from alveus.recording import ByUnit, Recording, Traces, Units
from alveus.storage import open_events, write_events
from alveus.storage.frames import Frames
from alveus.storage.layout import units_per_shard
from alveus.storage.verify import verify

RATE = 30.0


def recording(values, **more):
    units = Units(tuple(f"roi {i}" for i in range(values.shape[1])))
    traces = {name: more.pop(name) for name in ("segment", "missing", "delays") if name in more}
    return Recording(Traces(values, RATE, "events", **traces), units, 2.0, 2.0 + len(values) / RATE, **more)


def publish(folder, source, units=None, threads=1, **settings):
    places = np.arange(len(source.units.ids)) if units is None else np.asarray(units)
    deconvolution = Deconvolution(source, Preprocess(**settings), places, threads=threads)
    write_events(
        deconvolution,
        folder / "events.zarr",
        folder / "events.json",
        session="s",
        dataset="d",
        settings={"signal": "auto"},
        fingerprint="ab",
    )
    return folder / "events.json"


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    return (rng.gamma(0.5, 1.0, (70_000, 150)) * (rng.random((70_000, 150)) < 0.05)).astype(np.float32)


def test_events_are_read_back_as_they_were_given(tmp_path, events):
    assert units_per_shard(len(events)) < events.shape[1]  # several blocks, of which the last is not full
    found = open_events(publish(tmp_path, recording(events, delays=np.linspace(0, 0.03, 150)), threads=3))
    assert np.array_equal(found.values()[:], events)
    assert np.array_equal(found.values()[66_000:66_001], events[66_000:66_001])
    assert (found.signal, found.source_signal, found.sampling_rate, found.start) == ("events", "events", RATE, 2.0)
    assert found.unit_ids.tolist()[:2] == ["roi 0", "roi 1"]
    assert (found.segment == 0).all()
    np.testing.assert_array_equal(found.delays, np.linspace(0, 0.03, 150))
    assert found.manifest["unit"] == "arbitrary"
    assert verify(tmp_path) == []
    with xr.open_zarr(found.path) as opened:
        assert opened["events"].dims == ("time", "unit")
        np.testing.assert_allclose(opened["time"][:2], [2 + 0.5 / RATE, 2 + 1.5 / RATE])


def test_threads_and_order_in_the_source_make_no_difference(tmp_path, events):
    digests = set()
    for name, values, threads in (("one", events, 1), ("two", events, 4), ("by-unit", ByUnit(events.T.copy()), 2)):
        (tmp_path / name).mkdir()
        digests.add(open_events(publish(tmp_path / name, recording(values), threads=threads)).digest)
    assert len(digests) == 1


def test_refused_units_and_gaps_are_named(tmp_path, events):
    values = events[:2000, :5].copy()
    values[:, 1] = np.nan
    missing = np.zeros(2000, bool)
    missing[[100, 500, 501, 502]] = True
    values[missing] = np.nan
    found = open_events(publish(tmp_path, recording(values, missing=missing), units=[0, 1, 3, 4], max_missing=2))
    assert list(found.refused) == ["roi 1"]
    assert found.unit_ids.tolist() == ["roi 0", "roi 3", "roi 4"]
    assert found.values().shape == (2000, 3)
    assert np.flatnonzero(found.segment < 0).tolist() == [500, 501, 502]
    assert found.segment[[0, 100, 499, 503]].tolist() == [0, 0, 0, 1]
    between = (values[99, [0, 3, 4]] + values[101, [0, 3, 4]]) / 2
    np.testing.assert_allclose(found.values()[100:101][0], between, rtol=1e-6)
    messages = " ".join(finding["message"] for finding in found.findings)
    assert "1 frames without a signal are interpolated" in messages
    assert "3 frames without a signal are left out" in messages
    assert "roi 1" in messages
    assert set(found.columns) >= {"interpolated"}


def test_frames_in_which_no_unit_has_a_value_are_gaps_though_nobody_said_so(tmp_path, events):
    values = events[:2000, :70].copy()
    values[300:310] = np.nan
    found = open_events(publish(tmp_path, recording(values)))
    assert np.flatnonzero(found.segment < 0).tolist() == list(range(300, 310))
    assert found.refused == {}


def test_true_spikes_are_kept_for_the_units_that_are(tmp_path, events):
    trains = tuple(np.arange(i, dtype=float) + 2 for i in range(5))
    values = events[:2000, :5].copy()
    values[:, 2] = np.nan
    found = open_events(publish(tmp_path, recording(values, truth_spike_times=trains), units=[1, 2, 4]))
    assert [train.tolist() for train in found.true_spikes] == [[2.0], [2.0, 3.0, 4.0, 5.0]]


def test_events_cannot_be_negative(tmp_path, events):
    values = events[:2000, :5].copy()
    values[7, 3] = -0.5
    with pytest.raises(Exception, match=r"1 values are negative, the first -0.5: if this is ΔF/F"):
        publish(tmp_path, recording(values))
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_kept_says_how_to_keep_it(tmp_path, events):
    found = open_events(publish(tmp_path, recording(events[:2000, :5])))
    assert "dff" not in found
    with pytest.raises(ArtefactError, match="keep_dff"):
        found.values("dff")


@trial(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 900)), min_size=1, max_size=8))
def test_frames_give_what_the_array_holds_wherever_they_are_read(reads):
    values = np.random.default_rng(0).random((2500, 6)).astype(np.float32)
    frames = Frames(values, np.array([4, 0, 1]))
    for start, length in reads:
        assert np.array_equal(frames[start : start + length], values[start : start + length][:, [4, 0, 1]])
