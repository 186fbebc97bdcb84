"""What every stage's subcommand shares: options, threads, log, status file, exit status."""

import errno
import functools
import hashlib
import json
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from alveus.errors import AlveusError, TemporaryError
from alveus.study.status import Status, read_status, running, write_status

log = logging.getLogger("alveus")

REFUSED = (2, 3)
"""Exit statuses that the same inputs and settings would only give again."""


@dataclass(frozen=True)
class Job:
    """One attempt at one stage.

    Parameters
    ----------
    stage
        Name of the verb.
    settings, tuning
        What the result depends on, and what only tunes the run.
    code
        What stands for the code of the stage.
    work
        Folder for checkpoints, receipts, status and kept logs; None: keep none.
    threads
        For torch, BLAS and numba.
    attempt
        Counted from 1.
    """

    stage: str
    settings: dict[str, Any]
    tuning: dict[str, Any]
    code: str
    work: Path | None
    threads: int
    attempt: int
    log: Path | None

    def key(self, *inputs: Path) -> str:
        """Return a digest of all that the result depends on: settings, code, and the content of input files."""
        parts = [self.stage, json.dumps(self.settings, sort_keys=True), self.code]
        parts += [_content(path) for path in inputs]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _content(path: Path) -> str:
    """Return the digest of what a manifest describes: the versions that made it do not count."""
    try:
        content = path.read_bytes()
        return str(json.loads(content)["digest"])
    except OSError:
        return ""
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(content).hexdigest()


def stage_options(stage: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a subcommand the options that all stages share; it receives them as one `Job`."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @click.option("--settings", default="{}", help="JSON: what the result depends on.")
        @click.option("--tuning", default="{}", help="JSON: settings that change no result.")
        @click.option("--code", default="", help="Version of the stage's code.")
        @click.option("--work", type=click.Path(path_type=Path), help="Folder for checkpoints and the status.")
        @click.option("--threads", default=1, show_default=True, help="Threads for torch, BLAS and numba.")
        @click.option("--attempt", default=1, show_default=True, help="Which attempt this is.")
        @click.option("--log", type=click.Path(path_type=Path), help="File for the log.")
        @functools.wraps(function)
        def command(
            settings: str,
            tuning: str,
            code: str,
            work: Path | None,
            threads: int,
            attempt: int,
            log: Path | None,
            **rest: Any,
        ) -> None:
            set_threads(threads)
            job = Job(stage, json.loads(settings), json.loads(tuning), code, work, threads, attempt, log)
            function(job=job, **rest)

        return command

    return decorate


def set_threads(threads: int) -> None:
    """Tie the threads of every library to the rule's; before they are imported, since most read this only once."""
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    # Threads that spin while they wait take the cores from whoever else runs there: on two busy cores a training
    # step on two threads took 165 to 235 ms spinning, 6 to 8 ms sleeping.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    writable_caches()


def writable_caches() -> None:
    """Point caches of numba and matplotlib at a folder that can be written, where home and package cannot."""
    for name, wanted in (("NUMBA_CACHE_DIR", _package_cache()), ("MPLCONFIGDIR", _home_cache())):
        if name not in os.environ and not wanted:
            folder = Path(tempfile.gettempdir()) / f"alveus-cache-{os.getuid()}"
            folder.mkdir(mode=0o700, exist_ok=True)
            os.environ[name] = str(folder)


def _package_cache() -> bool:
    folder = Path(__file__).parent.parent / "preprocessing" / "__pycache__"
    return os.access(folder if folder.exists() else folder.parent, os.W_OK)


def _home_cache() -> bool:
    home = Path(os.environ.get("XDG_CONFIG_HOME") or os.environ.get("HOME", "/nonexistent"))
    return home.is_dir() and os.access(home, os.W_OK)


def published_before(job: Job, final: Path, manifest: Path, key: str) -> bool:
    """Publish an artefact again if these inputs and settings have made it before and it is intact.

    A workflow manager deletes a stage's manifest before each job; what it describes is still there.
    """
    from alveus.storage.publish import receipt_path, republish

    if job.work is None or republish(final, manifest, receipt_path(job.work, final), key) is None:
        return False
    log.info("%s is already what these inputs and settings make: published again", final.name)
    return True


def refuse_changed(job: Job, raw: tuple[Path, ...], final: Path, manifest: Path) -> None:
    """Take back what was made of raw data that changed since the run was planned.

    Raises
    ------
    TemporaryError
        When they did: the next run plans with the new content.
    """
    from alveus.io.fingerprint import fingerprint
    from alveus.storage.publish import receipt_path

    settings = job.settings
    if settings["format"] == "simulation":
        return
    if "+".join(fingerprint(path, None) for path in raw) != settings["fingerprint"]:
        manifest.unlink(missing_ok=True)
        if job.work:
            receipt_path(job.work, final).unlink(missing_ok=True)
        raise TemporaryError(
            f"{settings['path']} is not what it was when the run was planned: run again, to use the new content"
        )


@contextmanager
def run_stage(job: Job, *inputs: Path) -> Iterator[str]:
    """Run the body as one attempt: log, status file and exit status are kept whatever happens.

    Parameters
    ----------
    job
        What to run.
    *inputs
        Manifests that the stage reads; their content is part of its key.

    Yields
    ------
    key
        Digest of all that the result depends on.

    Raises
    ------
    SystemExit
        With 2, 3 or 75 for errors raised on purpose, 1 for a bug.
    """
    key = job.key(*inputs)
    before = read_status(job.work, job.stage) if job.work else None
    if job.attempt > 1 and before and before.key == key and before.exit_status in REFUSED:
        click.echo(f"alveus {job.stage}: not tried again: {before.message}", err=True)
        sys.exit(before.exit_status)
    handlers = _open_logs(job)
    status = running(job.stage, job.attempt, key)
    if job.work:
        write_status(job.work, status)
    exit_status, message = 0, "done"
    try:
        yield key
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (the last line of defence: told, never hidden)
        exit_status, message = _explain(error, job)
    status = replace(
        status,
        state="failed" if exit_status else "done",
        exit_status=exit_status,
        message=message,
        seconds=round(time.time() - status.started, 3),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    _close(job, status, handlers)
    if exit_status:
        click.echo(f"alveus {job.stage}: {message}", err=True)
        sys.exit(exit_status)


def _explain(error: BaseException, job: Job) -> tuple[int, str]:
    """Turn whatever was raised into an exit status and a sentence."""
    if isinstance(error, AlveusError):
        log.error("%s", error)
        return error.exit_status, str(error)
    if isinstance(error, KeyboardInterrupt):
        return TemporaryError.exit_status, "interrupted"
    if isinstance(error, MemoryError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        message = f"out of memory at {peak:.0f} MB: give the job more mem_mb ({error})"
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(job.work or Path.cwd()).free / 1e6
        place = error.filename or job.work or Path.cwd()
        message = f"the disk is full ({place}; {free:.0f} MB free): nothing was published"
    else:
        log.error("%s", "".join(traceback.format_exception(error)))
        return 1, f"a bug in alveus, please report it with the log: {type(error).__name__}: {error}"
    log.error("%s", message)
    return TemporaryError.exit_status, message


def _open_logs(job: Job) -> list[logging.Handler]:
    """Log to the given file and to one that is kept per attempt: Snakemake removes its own before a job."""
    paths = [job.log] if job.log else []
    if job.work:
        paths.append(job.work / f"{job.stage}.{_attempts_kept(job) + 1}.log")
    handlers: list[logging.Handler] = []
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    if not paths:
        handlers.append(logging.StreamHandler())
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in handlers:
        handler.setFormatter(formatter)
        log.addHandler(handler)
    log.info("alveus %s, attempt %d, %d threads", job.stage, job.attempt, job.threads)
    return handlers


def _attempts_kept(job: Job) -> int:
    numbers = [
        int(path.name.split(".")[-2])
        for path in (job.work or Path()).glob(f"{job.stage}.*.log")
        if path.name.split(".")[-2].isdigit()
    ]
    return max(numbers, default=0)


def _close(job: Job, status: Status, handlers: list[logging.Handler]) -> None:
    log.info("%s after %.1f s, at most %.0f MB", status.message.splitlines()[0], status.seconds, status.peak_mb)
    if job.work:
        write_status(job.work, status)
    for handler in handlers:
        log.removeHandler(handler)
        handler.close()
