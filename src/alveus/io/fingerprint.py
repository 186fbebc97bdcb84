"""A raw file or folder to a digest of its content, remembered by size and time of modification.

Imports neither NumPy nor a reader: the plan of a study asks for thousands of digests.
"""

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from alveus.io.formats.layout import is_shared_name, shared_folders

MISSING, UNREADABLE = "missing", "unreadable"
"""Instead of a digest, where there is nothing, or nothing that may be read."""

WHOLE = 64 * 2**20  # bytes; files up to here are hashed whole, and as much is read of larger ones
BLOCK = 2**20
RAW_VOLTAGE = (".dat", ".bin", ".cbin", ".ap", ".lf", ".mda", ".raw")
"""Endings of files that no reader looks into: only their size counts."""

SCRATCH = ("temp_wh.dat",)  # Kilosort's whitened copy; deleting it changes nothing
ENTRY = 5  # size, three facts of its inode, digest
YOUNGEST = 2_000_000_000  # ns; a file changed this recently may change again within its clock's resolution


class FingerprintCache:
    """Digests of files by path, size, times and inode, kept in a JSON file.

    Parameters
    ----------
    path
        The JSON file; it is read when first needed, and a damaged one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, list[Any]] | None = None
        self._changed = False

    def _load(self) -> dict[str, list[Any]]:
        if self._entries is None:
            try:
                loaded = json.loads(self.path.read_text(encoding="utf-8"))
                entries = loaded.items() if isinstance(loaded, dict) else ()
                self._entries = {
                    key: value for key, value in entries if isinstance(value, list) and len(value) == ENTRY
                }
            except (OSError, ValueError, RecursionError):
                self._entries = {}
        return self._entries

    def get(self, path: str, status: os.stat_result) -> str | None:
        """Return the digest of a file that is as it was, else None."""
        entry = self._load().get(path)
        return str(entry[-1]) if entry is not None and entry[:-1] == _state(status) else None

    def put(self, path: str, status: os.stat_result, digest: str) -> None:
        """Remember a digest, unless the file is so young that it may change unnoticed."""
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < YOUNGEST:
            return
        self._load()[path] = [*_state(status), digest]
        self._changed = True

    def save(self) -> None:
        """Write what is new, atomically; a folder that cannot be written to costs time, not the plan."""
        if not self._changed:
            return
        beside = self.path.with_name(f"{self.path.name}.tmp-{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(self._entries, separators=(",", ":")), encoding="utf-8")
            beside.replace(self.path)
            self._changed = False
        except OSError:
            with suppress(OSError):
                beside.unlink()


def fingerprint(path: Path, cache: FingerprintCache | None = None) -> str:
    """Return a digest of what a path holds.

    A file up to 64 MB counts whole; of a larger one its size and blocks from begin to end. A folder counts with
    the names and contents of its files, without hidden ones; for an ALF probe with the session's files above it.

    Returns
    -------
    digest
        32 hexadecimal digits, or ``missing`` or ``unreadable``.
    """
    place = os.fspath(path)
    try:
        status = os.stat(place)  # noqa: PTH116 (half the time of Path.stat)
        if stat.S_ISDIR(status.st_mode):
            return _of_folder(Path(path), cache)
        return _of_file(place, status, cache)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (OSError, ValueError):
        return UNREADABLE


def _of_folder(folder: Path, cache: FingerprintCache | None) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, place in _members(folder):
        try:
            found = _of_file(place, os.stat(place), cache)  # noqa: PTH116
        except FileNotFoundError:
            found = MISSING
        except OSError:
            found = UNREADABLE
        digest.update(f"{name}\0{found}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _members(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and place of every file that counts, in a fixed order."""
    inside = sorted(_walk(os.fspath(folder), "", set()))
    yield from inside
    for level, shared in enumerate(shared_folders(folder.absolute()), start=1):
        for name in sorted(os.listdir(shared)):  # noqa: PTH208 (names only)
            if is_shared_name(name):
                yield "../" * level + name, os.path.join(shared, name)  # noqa: PTH118


def _walk(folder: str, prefix: str, above: set[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    status = os.stat(folder)  # noqa: PTH116
    here = (status.st_dev, status.st_ino)
    if here in above:  # a link back up
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in SCRATCH:
                continue
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                yield from _walk(entry.path, f"{name}/", above | {here})
            else:
                yield name, entry.path


def _of_file(place: str, status: os.stat_result, cache: FingerprintCache | None) -> str:
    if not stat.S_ISREG(status.st_mode):
        return UNREADABLE
    if place.endswith(RAW_VOLTAGE):
        return f"{status.st_size} bytes"
    key = os.path.abspath(place)  # noqa: PTH100
    known = cache.get(key, status) if cache is not None else None
    if known is not None:
        return known
    digest = _digest(place, status.st_size)
    if cache is not None and _state(os.stat(place)) == _state(status):  # noqa: PTH116
        cache.put(key, status, digest)
    return digest


def _digest(place: str, size: int) -> str:
    """Hash a file whole, or its size and blocks spread evenly from its first byte to its last."""
    digest = hashlib.blake2b(digest_size=16)
    with open(place, "rb") as file:  # noqa: PTH123
        if size <= WHOLE:
            while block := file.read(BLOCK):
                digest.update(block)
        else:
            digest.update(f"{size}\n".encode())
            n_blocks = WHOLE // BLOCK
            for place_in_file in range(n_blocks):
                file.seek((size - BLOCK) * place_in_file // (n_blocks - 1))
                digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _state(status: os.stat_result) -> list[int]:
    """Return what changes with a file's content, even where a copy keeps the time of modification."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
