"""Every stage leaves its exit status, a status file and a kept log, whatever happens in it."""

import json
import logging
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from alveus.cli.job import Job, run_stage, stage_options
from alveus.errors import AlveusError, QualityError, RecordingError, TemporaryError
from alveus.study.status import read_status

CASES = [
    (None, 0, "done", "done"),
    (RecordingError("a.nwb: 3 times are not finite"), 2, "failed", "3 times are not finite"),
    (QualityError("0 units are left"), 3, "failed", "0 units are left"),
    (TemporaryError("interrupted"), 75, "failed", "interrupted"),
    (KeyboardInterrupt(), 75, "failed", "interrupted"),
    (MemoryError("7 PiB"), 75, "failed", "more mem_mb"),
    (OSError(28, "No space left on device", "x.zarr"), 75, "failed", "the disk is full (x.zarr"),
    (AlveusError("odd"), 1, "failed", "odd"),
    (ZeroDivisionError("division by zero"), 1, "failed", "a bug in alveus"),
]


def job(tmp_path: Path, **changes) -> Job:
    values = {"stage": "bin", "settings": {"a": 1}, "tuning": {}, "code": "1", "threads": 1, "attempt": 1,
              "work": tmp_path / "work", "log": tmp_path / "logs" / "bin.log"} | changes  # fmt: skip
    return Job(**values)


def attempt(job: Job, error: BaseException | None) -> int:
    try:
        with run_stage(job):
            logging.getLogger("alveus").info("reading")
            if error is not None:
                raise error
    except SystemExit as stop:
        return int(stop.code)
    return 0


@pytest.mark.parametrize(("error", "exit_status", "state", "words"), CASES)
def test_each_outcome_has_its_exit_status_and_reason(tmp_path, error, exit_status, state, words, capsys):
    one = job(tmp_path)
    assert attempt(one, error) == exit_status
    status = read_status(one.work, "bin")
    assert (status.state, status.exit_status) == (state, exit_status)
    assert words in status.message
    assert one.log.read_text() == (one.work / "bin.1.log").read_text()
    assert "reading" in one.log.read_text()
    assert (words in capsys.readouterr().err) == bool(exit_status)


def test_a_bug_leaves_its_traceback_in_the_log(tmp_path):
    attempt(job(tmp_path), ZeroDivisionError("division by zero"))
    assert "Traceback" in job(tmp_path).log.read_text()


def test_a_retry_that_could_only_fail_again_exits_at_once(tmp_path):
    assert attempt(job(tmp_path), QualityError("too few units")) == 3
    again = job(tmp_path, attempt=2)
    assert attempt(again, None) == 3
    changed = job(tmp_path, attempt=2, settings={"a": 2})
    assert attempt(changed, None) == 0


def test_a_first_attempt_is_always_made(tmp_path):
    assert attempt(job(tmp_path), QualityError("too few units")) == 3
    assert attempt(job(tmp_path), None) == 0


def test_a_retry_after_a_temporary_failure_is_made(tmp_path):
    assert attempt(job(tmp_path), TemporaryError("interrupted")) == 75
    assert attempt(job(tmp_path, attempt=2), None) == 0


def test_logs_of_all_attempts_are_kept(tmp_path):
    for _ in range(3):
        attempt(job(tmp_path), TemporaryError("interrupted"))
    assert sorted(path.name for path in (tmp_path / "work").glob("*.log")) == [
        "bin.1.log",
        "bin.2.log",
        "bin.3.log",
    ]


def test_the_key_depends_on_settings_code_and_content_of_inputs_only(tmp_path):
    manifest = tmp_path / "dataset.json"
    manifest.write_text("{}")
    key = job(tmp_path).key(manifest)
    assert job(tmp_path, threads=8, attempt=5, tuning={"device": "cuda"}).key(manifest) == key
    assert job(tmp_path, code="2").key(manifest) != key
    assert job(tmp_path, settings={"a": 2}).key(manifest) != key
    manifest.write_text('{"digest": 1}')
    assert job(tmp_path).key(manifest) != key


def test_options_arrive_as_one_job(tmp_path):
    seen = []

    @click.command()
    @click.argument("name")
    @stage_options("fit")
    def command(job: Job, name: str) -> None:
        seen.append((job, name))

    settings = json.dumps({"seeds": 3})
    result = CliRunner().invoke(command, ["x", "--settings", settings, "--threads", "2", "--work", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert seen == [(Job("fit", {"seeds": 3}, {}, "", tmp_path, 2, 1, None), "x")]
