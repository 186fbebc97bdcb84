"""What reruns what: exactly the stages that a change touches."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

SESSION = {"bin": 1, "fit": 2, "encode": 2, "score": 2, "score_session": 1, "report": 1, "report_dataset": 1}
"""All jobs of one session with two models, and the dataset's page."""

FROM_FIT = {"fit": 4, "encode": 4, "score": 4, "report": 2, "report_dataset": 1}


def test_a_finished_study_has_nothing_to_do(study):
    assert study.plan() == {}


def test_a_new_session_runs_its_own_jobs_and_the_page_of_the_dataset(study, make_npz):
    make_npz(study / "raw/new.npz", 5)
    study.edit("sessions.tsv", "sorted\t", "new\tnpz\traw/new.npz\nsorted\t")
    assert study.plan() == SESSION


def test_a_removed_session_touches_only_the_page_of_the_dataset(study):
    study.edit("sessions.tsv", "sorted\tphy\traw/sorted\n", "")
    assert study.plan() == {"report_dataset": 1}


@pytest.mark.parametrize(
    ("old", "new", "jobs"),
    [
        ("bin_size: 0.05", "bin_size: 0.1", {name: 2 * n for name, n in SESSION.items()} | {"report_dataset": 1}),
        ("max_steps: 60", "max_steps: 80", {name: n // 2 if n == 4 else n for name, n in FROM_FIT.items()}),
        ("seeds: 2", "seeds: 3", FROM_FIT),
        ("pca, latents: 2", "pca, latents: 3", {name: n // 2 if n == 4 else n for name, n in FROM_FIT.items()}),
        ("shifts: 5", "shifts: 6", {"score": 4, "score_session": 2, "report": 2, "report_dataset": 1}),
        ("seeds: 2", "report: {raster_seconds: 10}\nseeds: 2", {"report": 2, "report_dataset": 1}),
        ("seeds: 2", "# a comment\nseeds: 2", {}),
        ("max_steps: 60, evaluate_every: 20", "evaluate_every: 20, max_steps: 60", {}),
        ("max_steps: 60", "device: cpu, checkpoint_seconds: 5, max_steps: 60", {}),
        ("bin_size: 0.05", "memory_mb: 64, max_input_gb: 1, bin_size: 0.05", {}),
        ("bin_size: 0.05", "bin_size: 5e-2", {}),
    ],
    ids=["bin", "training", "seeds", "model", "scores", "report", "comment", "order", "device", "memory", "same"],
)  # fmt: skip
def test_a_setting_reruns_the_stages_that_use_it(study, old, new, jobs):
    study.edit("config.yaml", old, new)
    assert study.plan() == jobs


def test_rates_are_made_where_they_are_asked_for_and_touch_nothing_else(study):
    study.edit("config.yaml", "vae, latents: 2", "vae, rates: true, latents: 2")
    assert study.plan() == {"rates": 2}
    assert study.run().status == 0
    assert study.plan() == {}
    (study / "results/d/plain/vae/rates.json").unlink()
    assert "not yet made: vae/rates.json" in study.command("status", str(study.folder)).said
    assert study.plan() == {"rates": 1}
    study.edit("config.yaml", "rates: true", "rates: false")
    assert study.plan() == {}


def test_a_column_of_the_table_reruns_that_session(study):
    study.edit("sessions.tsv", "path\nplain\tnpz\traw/plain.npz", "path\tmin_rate\nplain\tnpz\traw/plain.npz\t0.1")
    assert study.plan() == SESSION


def test_light_is_deconvolved_once_whatever_the_bins(study, make_fluorescence):
    make_fluorescence(study / "raw/light.npz", 3)
    study.edit("config.yaml", "models:\n", "  light: {sessions: light.tsv, models: []}\nmodels:\n")
    (study / "light.tsv").write_text("session\tformat\tpath\nlight\tnpz\traw/light.npz\n")
    after = {"bin": 1, "score_session": 1, "report": 1, "report_dataset": 1}
    assert study.plan() == {"deconvolve": 1, **after}
    ran = study.run()
    assert ran.status == 0, ran.said
    assert study.plan() == {}
    scores = (study / "results/light/light/scores.csv").read_text()
    assert "deconvolution_r,50 ms bins" in scores
    assert "true spikes" in (study / "results/light/light/report.html").read_text()
    events = (study / "results/light/light/events.json").read_bytes()
    study.edit("light.tsv", "path\nlight\tnpz\traw/light.npz", "path\tbin_size\nlight\tnpz\traw/light.npz\t0.1")
    assert study.plan() == after
    study.edit("light.tsv", "bin_size", "tau")
    study.edit("light.tsv", "0.1", "0.7")
    assert study.plan() == {"deconvolve": 1, **after}
    assert study.run().status == 0
    assert (study / "results/light/light/events.json").read_bytes() != events
    (study / "results/light/light/events.json").unlink()
    assert "not yet made: events.json" in study.command("status", str(study.folder)).said
    assert study.run().status == 0  # published again without deconvolving
    log = max((study / "work/light/light").glob("deconvolve.*.log"), key=lambda path: path.stat().st_mtime)
    assert "published again" in log.read_text()


def test_touched_files_rerun_nothing(study):
    for number, path in enumerate(sorted(study.folder.rglob("*"), reverse=True)):
        if ".snakemake" not in path.parts:
            os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))
    assert study.plan() == {}


def test_a_copy_with_new_times_has_nothing_to_do(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(study.folder)
    (tmp_path / "copy").rename(study.folder)
    assert study.plan() == {}


def test_a_study_that_moved_has_nothing_to_do(study, tmp_path):
    study.folder = study.folder.rename(tmp_path / "elsewhere")
    assert study.plan() == {}


def test_changed_content_of_a_raw_file_reruns_its_session(study, make_npz):
    make_npz(study / "raw/plain.npz", 7)
    assert study.plan() == SESSION


def test_a_phy_folder_curated_again_reruns_its_session(study):
    study.edit("raw/sorted/cluster_group.tsv", "6\tgood", "6\tnoise")
    assert study.plan() == SESSION


@pytest.mark.parametrize(
    ("stage", "jobs"),
    [
        ("bin", {name: 2 * n for name, n in SESSION.items()} | {"report_dataset": 1}),
        ("encode", {"encode": 4, "score": 4, "report": 2, "report_dataset": 1}),
        ("report_dataset", {"report_dataset": 1}),
    ],
)
def test_a_raised_stage_version_reruns_that_stage_and_what_follows(study, snakefile, stage, jobs):
    code = (
        "import sys; from alveus.study import versions; "
        f"versions.STAGES[{stage!r}] += 1; from snakemake.cli import main; main(sys.argv[1:])"
    )
    profile = snakefile.parent / "workflow" / "profiles" / "local"
    done = subprocess.run(
        [sys.executable, "-c", code, "--snakefile", str(snakefile), "--directory", str(study.folder),
         "--workflow-profile", str(profile), "-n"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    from_table = type(study.run("-n"))(0, done.stdout + done.stderr)
    assert from_table.jobs == jobs


def test_a_single_result_can_be_asked_for(study, make_npz):
    make_npz(study / "raw/plain.npz", 7)
    assert study.plan("--", "results/d/plain/pca/fit.json") == {"bin": 1, "fit": 1}


def test_plain_snakemake_does_the_same(study, snakefile):
    profile = snakefile.parent / "workflow" / "profiles" / "local"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--directory", str(study.folder),
         "--workflow-profile", str(profile), "-n"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_the_results_hold_no_path_of_the_machine(finished):
    for path in finished.folder.glob("results/**/*"):
        if path.suffix in {".json", ".csv", ".html"}:
            assert str(Path(finished.folder).parent) not in path.read_text(), path
