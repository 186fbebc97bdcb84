"""`alveus deconvolve`, and `alveus bin` of its events: what goes in, what comes out, what is refused."""

import json
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

import alveus
from alveus.cli import main
from alveus.study.plan import Study

RATE, N_FRAMES, N_UNITS = 30.0, 3000, 5
CONFIG = """
datasets: {d: {sessions: sessions.tsv, models: []}}
preprocess: {bin_size: 0.1}
"""


class Imaging:
    """A study with one session of light, whose stages are called as the rules do."""

    def __init__(self, folder, table="session\tformat\tpath\ns\tnpz\traw.npz\n", config=CONFIG):
        self.folder, self.results = folder, folder / "results/d/s"
        (folder / "config.yaml").write_text(config)
        (folder / "sessions.tsv").write_text(table)

    def stage(self, stage, *paths, **changed):
        plan = Study(self.folder)
        settings = json.loads(plan.stage_settings(stage, "d", "s")) | changed
        if stage in ("deconvolve", "bin"):
            settings["path"] = str(self.folder / settings["path"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return CliRunner().invoke(
                main,
                [stage.replace("_", "-"), *map(str, paths), "--settings", json.dumps(settings),
                 "--tuning", plan.stage_tuning(stage, "d", "s"), "--work", str(self.folder / "work")],
            )  # fmt: skip

    def both(self):
        events, dataset = self.results / "events.json", self.results / "dataset.json"
        for stage, paths in (("deconvolve", (events,)), ("bin", (dataset, events))):
            ran = self.stage(stage, *paths)
            assert ran.exit_code == 0, ran.output
        return alveus.open_events(events), alveus.open_dataset(dataset)


def fluorescence(seed=0, noise=10.0):
    """Light of cells with known spikes, (n_frames, n_units), and the spikes of every frame."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.02, (N_FRAMES, N_UNITS))
    calcium = counts.astype(float)
    for frame in range(1, N_FRAMES):
        calcium[frame] += np.exp(-1 / (0.7 * RATE)) * calcium[frame - 1]
    return 500 + 100 * calcium + rng.normal(0, noise, calcium.shape), counts


def save(folder, **arrays):
    np.savez(folder / "raw.npz", sampling_rate=RATE, **arrays)


def test_the_rule_runs_for_light_only(tmp_path):
    light, _ = fluorescence()
    save(tmp_path, fluorescence=light)
    imaging = Imaging(tmp_path)
    assert Study(tmp_path).is_optical("d", "s")
    assert Study(tmp_path).session_results("d", "s") == ["events.json", "dataset.json", "scores.csv"]
    np.savez(tmp_path / "raw.npz", counts=np.ones((100, 2), np.uint8), bin_size=0.1)
    assert not Study(imaging.folder).is_optical("d", "s")


def test_what_a_session_holds_is_looked_up_once(tmp_path, monkeypatch):
    light, _ = fluorescence()
    save(tmp_path, fluorescence=light)
    Imaging(tmp_path)
    plan = Study(tmp_path)
    assert plan.modality("d", "s") == "calcium"
    plan.save_caches()
    monkeypatch.setattr("alveus.io.read.modality", lambda *_: 1 / 0)
    assert Study(tmp_path).modality("d", "s") == "calcium"
    (tmp_path / "work/modalities.json").write_text("{")  # a damaged cache counts as empty
    with pytest.raises(ZeroDivisionError):
        Study(tmp_path).modality("d", "s")


def test_events_are_where_the_spikes_were_and_are_conserved_by_binning(tmp_path):
    light, counts = fluorescence()
    save(tmp_path, fluorescence=light)
    events, data = Imaging(tmp_path).both()
    for unit in range(N_UNITS):
        inferred = data.counts()[:, unit]
        true = counts[:, unit].reshape(-1, 3).sum(1)
        assert np.corrcoef(inferred, true)[0, 1] > 0.9
    np.testing.assert_allclose(data.counts().sum(0), events.values()[:].sum(0), rtol=1e-5)
    assert (data.modality, data.quantity) == ("calcium", "events")
    assert set(data.unit_columns) >= {"noise_level", "snr", "tau", "status", "reason"}
    assert data.manifest["inputs"]["events"] == events.digest
    assert data.source["deconvolution"] == events.method
    assert data.counts().dtype == np.float32


def test_without_deconvolution_df_over_f_is_averaged(tmp_path):
    rng = np.random.default_rng(0)
    dff = rng.normal(0, 1, (N_FRAMES, N_UNITS)).astype(np.float32)
    save(tmp_path, dff=dff)
    imaging = Imaging(tmp_path, config=CONFIG.replace("0.1}", "0.1, deconvolution: none}"))
    events, data = imaging.both()
    assert (events.signal, data.quantity) == ("dff", "dff")
    np.testing.assert_array_equal(events.values()[:], dff)
    np.testing.assert_allclose(data.counts(), dff.reshape(-1, 3, N_UNITS).mean(1), rtol=1e-4, atol=1e-6)


def test_the_whole_recording_is_deconvolved_and_cut_when_it_is_binned(tmp_path):
    light, _ = fluorescence()
    save(tmp_path, fluorescence=light, start=10.0)
    table = "session\tformat\tpath\tstart\tduration\ns\tnpz\traw.npz\t20\t50\n"
    events, data = Imaging(tmp_path, table).both()
    assert events.n_frames == N_FRAMES
    assert (data.time[0], data.n_bins) == (pytest.approx(20.05), 500)
    np.testing.assert_allclose(
        data.counts().sum(0), events.values()[300:1800].sum(0), rtol=1e-5
    )  # frames from 10 s to 60 s after the begin


def test_the_tau_of_the_table_goes_before_that_of_the_settings_and_of_the_file(tmp_path):
    light, _ = fluorescence()
    light[:, 4] = np.random.default_rng(1).normal(500, 10, N_FRAMES)  # without any transient
    save(tmp_path, fluorescence=light, tau=1.5)
    events, _ = Imaging(tmp_path).both()
    assert events.columns["tau"][4] == 1.5
    assert (abs(np.log(events.columns["tau"][:4] / 0.7)) < np.log(1.7)).all()  # what the transients say
    assert "the time constant that the source states" in events.columns["reason"][4]
    given = CONFIG.replace("0.1}", "0.1, deconvolution: {kind: oasis, tau: 1.1}}")
    events, _ = Imaging(tmp_path, config=given).both()
    np.testing.assert_allclose(events.columns["tau"], 1.1)
    events, _ = Imaging(tmp_path, "session\tformat\tpath\ttau\ns\tnpz\traw.npz\t0.7\n", given).both()
    np.testing.assert_allclose(events.columns["tau"], 0.7)


def test_refused_units_are_left_out_of_the_dataset_and_named_with_the_reason(tmp_path):
    light, _ = fluorescence()
    light[:, 2] = 500.0
    save(tmp_path, fluorescence=light, unit_id=np.array([f"roi {i}" for i in range(N_UNITS)]))
    events, data = Imaging(tmp_path).both()
    assert list(events.refused) == ["roi 2"]
    assert "constant" in events.refused["roi 2"]
    assert data.unit_ids.tolist() == ["roi 0", "roi 1", "roi 3", "roi 4"]
    assert any("roi 2" in finding["message"] for finding in data.findings)


def test_spikes_have_nothing_to_deconvolve(tmp_path):
    np.savez(tmp_path / "raw.npz", counts=np.ones((100, 2), np.uint8), bin_size=0.1)
    ran = Imaging(tmp_path).stage("deconvolve", tmp_path / "results/d/s/events.json")
    assert ran.exit_code == 2
    assert "nothing to deconvolve" in ran.output


def test_events_of_another_recording_are_not_binned(tmp_path):
    light, _ = fluorescence()
    save(tmp_path, fluorescence=light)
    imaging = Imaging(tmp_path)
    events = imaging.results / "events.json"
    assert imaging.stage("deconvolve", events).exit_code == 0
    save(tmp_path, fluorescence=light[:-10])
    ran = imaging.stage("bin", imaging.results / "dataset.json", events)
    assert ran.exit_code == 2
    assert "of another recording" in ran.output
    assert not (imaging.results / "dataset.json").exists()


def test_a_file_that_changes_while_it_is_read_is_tried_again(tmp_path):
    light, _ = fluorescence()
    save(tmp_path, fluorescence=light)
    imaging = Imaging(tmp_path)
    ran = imaging.stage("deconvolve", imaging.results / "events.json", fingerprint="of before")
    assert ran.exit_code == 75
    assert "not what it was" in ran.output
    assert not (imaging.results / "events.json").exists()


def test_scratch_copies_are_removed(tmp_path):
    light, _ = fluorescence()
    save(tmp_path, fluorescence=light)
    (tmp_path / "work/events.zarr.scratch-killed").mkdir(parents=True)  # of an attempt that was killed
    Imaging(tmp_path).both()
    assert not list(tmp_path.rglob("*scratch*"))
