"""A draft to a published artefact: checked, swapped in by renames, its manifest written last.

The order, each step leaving something a later start can deal with:

1. lock the output, put back what a killed attempt had moved aside, remove dead drafts
2. build ``<name>.tmp-<host>-<pid>`` beside the final place (the caller's part)
3. hash every file, flush them to the disk
4. remove the old manifest: from here on nothing vouches for the old artefact
5. rename the old artefact to ``<name>.old-<host>-<pid>``, the draft to ``<name>``
6. write the receipt, write the manifest, remove the old artefact

A *receipt* is a copy of the manifest with the key of the inputs and settings that led to it. A workflow manager
deletes a stage's declared output, the manifest, before each job; with the receipt a stage whose artefact is still
the right one publishes it again without computing anything.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from alveus.errors import AlveusError, TemporaryError
from alveus.storage.lock import writer_lock
from alveus.storage.manifest import (
    SCHEMA_VERSION,
    FileTable,
    digest_of,
    file_table,
    sync_folders,
    to_json,
    write_atomically,
    write_manifest,
)

DISK_FULL = {errno.ENOSPC: "no space left", errno.EDQUOT: "quota exceeded"}


@dataclass
class Draft:
    """An artefact in the making.

    Attributes
    ----------
    path
        Where to build it: a file or a folder that does not exist yet.
    fields
        What its manifest shall say besides files, digest and schema; filled by the caller.
    content
        What the digest covers besides the files: metadata that matter, in JSON's types.
    volatile
        Files, relative to `path`, that the digest leaves out, since they also tell how it was made.
    manifest
        The manifest, once published.
    """

    path: Path
    fields: dict[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)


@contextmanager
def publish(
    final: Path, manifest: Path, kind: str, *, receipt: Path | None = None, key: str = ""
) -> Iterator[Draft]:
    """Publish what the body builds at ``draft.path``; when the body raises, all is as it was before.

    Parameters
    ----------
    final
        The artefact: a file or a folder.
    manifest
        Its manifest, in the same folder.
    kind
        What it is: ``dataset``, ``events``, ``fit``, ``latents`` or ``rates``.
    receipt
        Where to keep a copy of the manifest, if anywhere.
    key
        Digest of the inputs, settings and code that led here, for the receipt.

    Raises
    ------
    TemporaryError
        When another process is writing the same artefact, or the disk is full.
    """
    if final.parent != manifest.parent:
        raise AlveusError(f"{manifest}: a manifest lies in the folder of its artefact, {final}")
    with writer_lock(final):
        recover(final, manifest, receipt)
        draft = Draft(final.with_name(f"{final.name}.tmp-{_who()}"))
        try:
            with _telling_of_a_full_disk(final):
                yield draft
                _commit(draft, final, manifest, kind, receipt, key)
        except BaseException:
            _remove(draft.path)
            raise


def publish_file(
    write: Callable[[Path], None],
    final: Path,
    manifest: Path,
    kind: str,
    fields: Mapping[str, Any],
    *,
    content: Mapping[str, Any] | None = None,
    receipt: Path | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Publish a single file, such as a model; returns its manifest.

    Parameters
    ----------
    write
        Called with the path to write to.
    fields
        What the manifest shall say besides files, digest and schema.
    content
        What the digest shall cover in place of the file's bytes, where those also depend on how it was made; None:
        the bytes.
    final, manifest, kind, receipt, key
        As for `publish`.
    """
    with publish(final, manifest, kind, receipt=receipt, key=key) as draft:
        write(draft.path)
        draft.fields.update(fields)
        if content is not None:
            draft.content.update(content)
            draft.volatile = ("",)
    return draft.manifest


def already_published(final: Path, receipt: Path, key: str) -> dict[str, Any] | None:
    """Return the manifest of an artefact that these inputs and settings have made before, if it is intact.

    Parameters
    ----------
    final
        The artefact.
    receipt
        The copy of its manifest that `publish` kept.
    key
        Digest of the inputs, settings and code of now.

    Returns
    -------
    manifest
        None when the key is another one, or a file is missing, changed or too many.
    """
    try:
        kept = json.loads(receipt.read_text(encoding="utf-8"))
        manifest = kept["manifest"]
        if kept["key"] != key or manifest["artefact"] != final.name or not final.exists():
            return None
        intact = file_table(final, final.name) == manifest["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(manifest) if intact else None


def republish(final: Path, manifest: Path, receipt: Path, key: str) -> dict[str, Any] | None:
    """Write the manifest of an intact artefact again, where `already_published` knows it; else do nothing."""
    with writer_lock(final):
        recover(final, manifest, receipt)
        found = already_published(final, receipt, key)
        if found is not None:
            write_manifest(manifest, found)
    return found


def recover(final: Path, *written: Path | None) -> None:
    """Put back what a killed attempt had moved aside and remove its drafts; call only while holding the lock.

    Parameters
    ----------
    final
        The artefact.
    *written
        Files that are written together with it, whose drafts are removed too.
    """
    for path in written:
        for leftover in path.parent.glob(f"{escape(path.name)}.tmp-*") if path else ():
            _remove(leftover)
    if not final.parent.is_dir():
        return
    aside = sorted(final.parent.glob(f"{escape(final.name)}.old-*"))
    if aside and not os.path.lexists(final):
        aside.pop().rename(final)
    for leftover in (*aside, *final.parent.glob(f"{escape(final.name)}.tmp-*")):
        _remove(leftover)


def _commit(draft: Draft, final: Path, manifest: Path, kind: str, receipt: Path | None, key: str) -> None:
    files = file_table(draft.path, final.name)
    _flush(draft.path, final.name, files)
    draft.manifest = {
        **draft.fields,
        "kind": kind,
        "schema": SCHEMA_VERSION,
        "artefact": final.name,
        "files": files,
        "digest": _digest(draft, final.name, files),
    }
    content = json.loads(to_json(draft.manifest))
    manifest.unlink(missing_ok=True)
    aside = final.with_name(f"{final.name}.old-{_who()}")
    if os.path.lexists(final):
        final.rename(aside)
    draft.path.rename(final)
    sync_folders([final.parent])
    if receipt is not None:
        write_atomically(receipt, to_json({"key": key, "manifest": content}).encode())
    write_manifest(manifest, content)
    draft.manifest = content
    _remove(aside)


def _digest(draft: Draft, name: str, files: FileTable) -> str:
    volatile = {f"{name}/{path}" if path else name for path in draft.volatile}
    lasting = {path: row[1] for path, row in files.items() if path not in volatile}
    return digest_of({"content": draft.content, "files": lasting})


def _flush(root: Path, name: str, files: FileTable) -> None:
    """Make a draft survive a power cut before anything vouches for it."""
    paths = [root / path.removeprefix(name).lstrip("/") if path != name else root for path in files]
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folders({path.parent for path in paths})


@contextmanager
def _telling_of_a_full_disk(final: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = _full_disk(error)
        if reason is None:
            raise
        free = shutil.disk_usage(final.parent).free
        raise TemporaryError(
            f"{final}: {reason} ({free:,} bytes free on its disk): nothing was published; "
            "make room, or point the results somewhere else, and run again"
        ) from error


def _full_disk(error: BaseException | None) -> str | None:
    """Return why, when a full disk is behind an error; the Rust codecs tell it in words only."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return DISK_FULL[error.errno]
        for number, reason in DISK_FULL.items():
            if f"os error {number})" in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _who() -> str:
    return f"{os.uname().nodename}-{os.getpid()}"


def receipt_path(work: Path, final: Path) -> Path:
    """Return where the receipt of an artefact lies in a folder for work."""
    return work / f"{final.name}.receipt.json"
