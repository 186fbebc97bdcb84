"""Results to a list of what is missing, changed or too much in them, every file hashed again."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alveus.errors import ArtefactError, TemporaryError
from alveus.storage.lock import writer_lock
from alveus.storage.manifest import MANIFESTS, files_below, hash_file, read_manifest


@dataclass(frozen=True)
class Damage:
    """One thing that is not as its manifest says.

    Parameters
    ----------
    manifest
        Whose artefact it is.
    file
        What is damaged.
    problem
        ``missing``, ``changed``, ``extra``, ``link`` (leads out of the artefact) or ``unreadable``.
    message
        A sentence.
    """

    manifest: Path
    file: Path
    problem: Literal["missing", "changed", "extra", "link", "unreadable"]
    message: str

    def __str__(self) -> str:
        return self.message


def verify(results: Path, repair: bool = False) -> list[Damage]:
    """Hash every published file again and compare it with its manifest.

    Parameters
    ----------
    results
        Folder of results, or any folder or manifest in it.
    repair
        Remove the manifests of what is damaged: the next run makes just that again. Nothing else is touched.

    Raises
    ------
    ArtefactError
        When there is no such folder.
    """
    if not results.exists():
        raise ArtefactError(f"{results}: there is no such folder")
    damages = []
    for manifest in find_manifests(results):
        found = list(_compare(manifest))
        if found and repair:
            found = _repair(manifest)
        damages += found
    return damages


def _repair(manifest: Path) -> list[Damage]:
    """Remove a manifest if its artefact is still damaged once nobody else is writing it."""
    try:
        with writer_lock(_artefact_of(manifest)):
            found = list(_compare(manifest))
            if found:
                manifest.unlink(missing_ok=True)
            return found
    except TemporaryError:  # it is being made again at this moment
        return []


def _artefact_of(manifest: Path) -> Path:
    try:
        return manifest.with_name(read_manifest(manifest)["artefact"])
    except ArtefactError:  # nobody can tell, and nobody relies on it
        return manifest


def find_manifests(results: Path) -> Iterator[Path]:
    """Yield the manifests in a folder, sorted; stores are not searched."""
    if results.is_file():
        yield results
        return
    for folder, folders, names in os.walk(results):
        folders[:] = sorted(name for name in folders if ".zarr" not in name)
        for name in sorted(names):
            if name in MANIFESTS:
                yield Path(folder) / name


def _compare(path: Path) -> Iterator[Damage]:
    """Yield how an artefact differs from its manifest."""
    try:
        manifest = read_manifest(path)
    except ArtefactError as error:
        if path.exists():
            yield Damage(path, path, "unreadable", str(error))
        return
    root = path.parent / manifest["artefact"]
    for name, (size, digest) in manifest["files"].items():
        file = path.parent / name
        try:
            found = file.stat().st_size
            if not file.resolve().is_relative_to(root.resolve()):
                target = file.resolve()
                yield Damage(path, file, "link", f"{file}: is a link that leads out of the artefact, to {target}")
            elif found != size:
                yield Damage(path, file, "changed", f"{file}: has {found} bytes, the manifest says {size}")
            elif hash_file(file) != digest:
                yield Damage(path, file, "changed", f"{file}: has other content than the manifest says")
        except FileNotFoundError:
            yield Damage(path, file, "missing", f"{file}: is missing")
        except (OSError, RuntimeError) as error:
            yield Damage(path, file, "unreadable", f"{file}: cannot be read: {error}")
    for relative in files_below(root) if root.is_dir() else []:
        if f"{root.name}/{relative}" not in manifest["files"]:
            extra = root / relative
            yield Damage(path, extra, "extra", f"{extra}: is not in the manifest")
