"""An output to the right to write it: one writer at a time, on one machine or on a shared disk."""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alveus.errors import TemporaryError

log = logging.getLogger(__name__)

NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
"""What file systems without locks answer (Lustre mounted without ``flock``)."""

RACE_PAUSE = 0.01  # seconds between tries while another process removes the lock it just gave back
RACE_TRIES = 50


@contextmanager
def writer_lock(final: Path) -> Iterator[None]:
    """Hold the right to write an output; a killed holder gives it back by dying.

    The lock is a file ``.<name>.lock`` beside the output, gone again afterwards.

    Raises
    ------
    TemporaryError
        When another process is writing the same output.
    """
    path = final.with_name(f".{final.name}.lock")
    final.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(path, final)
    try:
        yield
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)  # while still held: who waits for it sees that it is gone
            os.close(descriptor)


def _acquire(path: Path, final: Path) -> int | None:
    """Return the descriptor that holds the lock; None where the file system has none."""
    for _ in range(RACE_TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 200).decode(errors="replace")
            os.close(descriptor)
            if error.errno in NO_LOCKS:
                log.warning("%s: this file system has no locks: two writers would not notice each other", path)
                path.unlink(missing_ok=True)
                return None
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise TemporaryError(
                    f"{final}: another process is writing it ({holder or 'unknown'}): wait for it, or end it"
                ) from None
            raise
        if _is_still_there(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.uname().nodename}, process {os.getpid()}".encode())
            return descriptor
        os.close(descriptor)
        time.sleep(RACE_PAUSE)
    raise TemporaryError(f"{final}: its lock changes hands too fast: try again")


def _is_still_there(descriptor: int, path: Path) -> bool:
    """Tell whether the file that was locked is still the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
