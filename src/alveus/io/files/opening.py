"""A path to a file that can be read, or an error that says why not."""

import errno
import os
import re
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alveus.errors import RecordingError, TemporaryError

DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy, zipfile and h5py were seen to raise on files with changed bytes."""

_SIZES = re.compile(r"eof = (\d+).*stored_eof = (\d+)")


def check_path(path: Path) -> os.stat_result:
    """Return the status of a path that exists and may be read.

    Raises
    ------
    RecordingError
        When nothing is there, a link leads nowhere or round in a circle, or reading is not permitted.
    """
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, "Permission denied")
    except FileNotFoundError as error:
        if path.is_symlink():
            target = path.readlink()
            raise RecordingError(
                f"{path} is a symbolic link to {target}, which does not exist: restore it, or correct the path"
            ) from error
        above = next((folder for folder in path.parents if folder.exists()), None)
        hint = f"; {above} exists" if above is not None and above != path.parent else ""
        raise RecordingError(f"{path} does not exist{hint}: correct the path in the session table") from error
    except PermissionError as error:
        raise RecordingError(
            f"{path} may not be read: give this user permission to read it and its folder"
        ) from error
    except NotADirectoryError as error:
        raise RecordingError(f"{path} does not exist: a part of its path is a file, not a folder") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RecordingError(f"{path}: its symbolic links run in a circle: remove the loop") from error
        raise RecordingError(f"{path} cannot be reached: {error.strerror}") from error
    except ValueError as error:  # a null byte
        raise RecordingError(f"{str(path)!r} is no possible path: {error}") from error
    return status


def check_file(path: Path) -> os.stat_result:
    """Return the status of a regular file that may be read and is not empty.

    Raises
    ------
    RecordingError
        As `check_path`, and for folders, devices and files of 0 bytes.
    """
    status = check_path(path)
    if stat.S_ISDIR(status.st_mode):
        raise RecordingError(f"{path} is a folder: this format is a single file")
    if not stat.S_ISREG(status.st_mode):
        raise RecordingError(f"{path} is neither a file nor a folder: a recording must be a file")
    if status.st_size == 0:
        raise RecordingError(f"{path} is empty (0 bytes): its copy or export failed; write it again")
    return status


def check_folder(path: Path) -> None:
    """Pass for a folder that may be listed.

    Raises
    ------
    RecordingError
        As `check_path`, and for anything that is no folder.
    """
    status = check_path(path)
    if not stat.S_ISDIR(status.st_mode):
        raise RecordingError(f"{path} is a file: this format is a folder; give the folder it lies in")


class Watch:
    """Notices that a file changes while it is read.

    Parameters
    ----------
    path
        A file; its size and time of modification are noted now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = _state(check_file(path))

    @property
    def size(self) -> int:
        """Size of the file when the watch began [bytes]."""
        return self._before[0]

    def check(self) -> None:
        """Pass while the file is what it was.

        Raises
        ------
        TemporaryError
            When its size or time of modification is another.
        """
        try:
            now = _state(self.path.stat())
        except OSError as error:
            raise TemporaryError(
                f"{self.path.name} vanished while it was read: run again when it is back"
            ) from error
        if now != self._before:
            raise TemporaryError(
                f"{self.path.name} was changed while it was read ({self._before[0]} bytes, now {now[0]}): "
                "run again when nothing writes to it any more"
            )


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


@contextmanager
def reading(watch: Watch, kind: str) -> Iterator[None]:
    """Turn what a library raises on a damaged file into an error that names the file.

    Parameters
    ----------
    watch
        Of the file: if it has changed, that is the reason given.
    kind
        What the file should be, such as ``npz``.

    Raises
    ------
    RecordingError, TemporaryError
        Instead of any of `DAMAGE`.
    """
    try:
        yield
    except DAMAGE as error:
        watch.check()
        raise _explained(error, watch, kind) from error
    watch.check()


def _explained(error: BaseException, watch: Watch, kind: str) -> RecordingError | TemporaryError:
    name, text = watch.path.name, " ".join(str(error).split())
    sizes = _SIZES.search(text)
    if sizes:
        return RecordingError(
            f"{name} is truncated: it has {sizes[1]} of its {sizes[2]} bytes; copy it again from its source"
        )
    if "unable to lock file" in text:
        return TemporaryError(
            f"{name} is locked: another program is writing it, or its file system does not support locks; "
            "close that program, or set the environment variable HDF5_USE_FILE_LOCKING=FALSE, and run again"
        )
    if "file signature not found" in text:
        return RecordingError(f"{name} is no {kind} file: it has another type, or its beginning is damaged")
    if isinstance(error, PermissionError):
        return RecordingError(f"{watch.path} may not be read: give this user permission to read it")
    reason = f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
    return RecordingError(
        f"{name} ({watch.size} bytes) is damaged or no {kind} file ({reason}): copy or export it again"
    )
