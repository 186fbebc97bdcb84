"""How each stage of a study went: written by every verb, read by pages and by `alveus status`."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from alveus.study.layout import STATUS_SUFFIX

State = Literal["running", "done", "failed"]


@dataclass(frozen=True)
class Status:
    """How one stage of one session or model went.

    Parameters
    ----------
    stage
        Name of the verb.
    state
        ``running`` stays behind when a job is killed.
    exit_status
        0 done, 2 bad input or setting, 3 refused, 75 try again, anything else is a bug; −1 while running.
    message
        The last line of the log, in plain words.
    attempt
        Counted from 1 by the workflow.
    key
        Digest of the inputs and settings that led here.
    started, seconds
        Time since the epoch [s], and how long it took [s].
    peak_mb
        Largest memory of the process [MB].
    host, pid
        Where it ran.
    """

    stage: str
    state: State
    exit_status: int
    message: str
    attempt: int
    key: str
    started: float
    seconds: float
    peak_mb: float
    host: str
    pid: int


def running(stage: str, attempt: int, key: str) -> Status:
    """Return the status of a stage that begins now in this process."""
    return Status(stage, "running", -1, "", attempt, key, time.time(), 0.0, 0.0, socket.gethostname(), os.getpid())


def status_path(work: Path, stage: str) -> Path:
    """Return where a stage keeps its status."""
    return work / f"{stage}{STATUS_SUFFIX}"


def write_status(work: Path, status: Status) -> None:
    """Write a status, atomically."""
    path = status_path(work, status.stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    temporary.write_text(json.dumps(asdict(status), indent=1, sort_keys=True))
    temporary.replace(path)


def read_status(work: Path, stage: str) -> Status | None:
    """Read a stage's status; None when there is none that can be read."""
    with suppress(OSError, ValueError, TypeError):
        return Status(**json.loads(status_path(work, stage).read_text()))
    return None


def read_statuses(work: Path) -> Iterator[Status]:
    """Read the statuses of all stages kept in one folder."""
    if not work.is_dir():
        return
    for path in sorted(work.glob(f"*{STATUS_SUFFIX}")):
        status = read_status(work, path.name.removesuffix(STATUS_SUFFIX))
        if status is not None:
            yield status
