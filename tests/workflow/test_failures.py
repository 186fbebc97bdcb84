"""One bad session never stops another, nothing published is lost, and what failed stays due."""

import csv
import json
import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.workflow


def test_a_broken_session_is_named_on_the_page_and_the_others_finish(study):
    (study / "raw/broken.npz").write_bytes(b"no archive")
    study.edit("sessions.tsv", "sorted\t", "broken\tnpz\traw/broken.npz\nlost\tnwb\traw/lost.nwb\nsorted\t")
    for _ in range(2):
        ran = study.run()
        assert ran.status != 0
        assert "lost: raw/lost.nwb" in ran.said
        page = (study / "results/d/report.html").read_text()
        assert "broken" in page
        assert "broken.npz" in page
        assert "lost.nwb" in page
        assert (study / "results/d/broken/report.html").is_file()
        assert not (study / "results/d/broken/dataset.json").exists()
        rows = csv.DictReader((study / "results/d/scores.csv").read_text().splitlines())
        sessions = {row["session"] for row in rows}
        assert sessions == {"plain", "sorted"}
        done = (study / "results/d/plain/report.html").read_text().partition("<caption>Stages")[2]
        assert '<td class="">done</td>' in done
        assert "running" not in done.partition("</table>")[0]  # not even the making of the page itself
    said = study.command("status", str(study.folder)).said
    assert "d/broken\tfailed\tbin: " in said
    assert "d/plain\tdone" in said


def test_a_recording_refused_by_a_quality_rule_has_a_page_that_says_so(study):
    np.savez(
        study / "raw/empty.npz", spike_times=np.zeros(0), spike_units=np.zeros(0, int), start=0.0, duration=60.0
    )
    study.edit("sessions.tsv", "sorted\t", "empty\tnpz\traw/empty.npz\nsorted\t")
    assert study.run().status != 0
    status = json.loads((study / "work/d/empty/bin.status.json").read_text())
    assert status["exit_status"] == 3
    assert status["message"].split("\n")[0][:20] in (study / "results/d/empty/report.html").read_text()
    assert "d/empty\trefused" in study.command("status", str(study.folder)).said


def test_a_refit_that_fails_leaves_the_previous_model_and_stays_due(study):
    before = (study / "results/d/plain/pca/model.pt").read_bytes()
    study.edit("config.yaml", "pca, latents: 2", "pca, latents: 7")
    ran = study.run()
    assert ran.status != 0
    assert "latents" in ran.said
    assert (study / "results/d/plain/pca/model.pt").read_bytes() == before
    assert study.plan()["fit"] == 2
    study.edit("config.yaml", "pca, latents: 7", "pca, latents: 2")
    assert study.run().status == 0
    assert (study / "results/d/plain/pca/model.pt").read_bytes() == before


def test_a_damaged_store_is_found_and_only_it_is_rebuilt(study):
    files = [
        path for path in (study / "results/d/plain/dataset.zarr").rglob("*") if path.name == "0" and path.is_file()
    ]
    data = bytearray(files[0].read_bytes())
    data[len(data) // 2] ^= 1
    files[0].write_bytes(data)
    model = study / "results/d/plain/vae/model.pt"
    written = model.stat().st_mtime_ns
    ran = study.command("verify", str(study.folder))
    assert ran.status == 1
    assert "plain" in ran.said
    assert study.plan()["bin"] == 1
    assert study.run().status == 0
    assert study.command("verify", str(study.folder)).status == 0
    assert model.stat().st_mtime_ns == written  # the dataset came out the same: nothing was trained again
    assert study.plan() == {}


def test_a_deleted_store_is_due_after_verify(study):
    shutil.rmtree(study / "results/d/sorted/pca/latents.zarr")
    assert study.command("verify", str(study.folder)).status == 1
    assert study.plan()["encode"] == 1


def test_a_wrong_config_runs_nothing_and_names_every_problem(study):
    study.edit("config.yaml", "seeds: 2", "seeds: 0\nsede: 1")
    ran = study.run()
    assert ran.status == 2
    assert "seeds" in ran.said
    assert "sede: unknown key" in ran.said
