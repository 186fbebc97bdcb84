"""What was published to a small JSON that says so: shapes, settings, and a hash of every file.

A manifest holds no times of day and no names of hosts: the same result has the same manifest, byte for byte, and a
workflow manager that compares checksums sees that nothing changed. It is read while a workflow is planned, so this
module imports neither zarr nor numpy.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from glob import escape
from pathlib import Path
from typing import Any

from alveus.errors import ArtefactError

SCHEMA_VERSION = 1
"""Raised when a manifest or a store changes in a way that older readers would misread."""

MANIFESTS = {
    "dataset.json": "dataset",
    "events.json": "events",
    "fit.json": "fit",
    "latents.json": "latents",
    "rates.json": "rates",
}
"""File name of each manifest → its kind."""

READ_BYTES = 1 << 20  # per step of hashing: large enough for the disk, small enough for any memory

FileTable = dict[str, list[Any]]
"""Path relative to the manifest's folder → [size in bytes, SHA-256]."""


def to_json(value: Any) -> str:
    """Write a value as deterministic JSON: keys sorted, numbers of NumPy as numbers, no NaN.

    >>> print(to_json({"b": float("nan"), "a": (1, 2)}), end="")
    {
     "a": [
      1,
      2
     ],
     "b": null
    }
    """
    return json.dumps(plain(value), sort_keys=True, indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Return a value in JSON's own types; what is not finite becomes null, text that is not Unicode is mended."""
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, os.PathLike):
        return plain(os.fspath(value))
    return value


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a value's deterministic JSON."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, read in steps."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while step := file.read(READ_BYTES):
            digest.update(step)
    return digest.hexdigest()


def file_table(root: Path, name: str) -> FileTable:
    """List every file of an artefact with its size and hash.

    Parameters
    ----------
    root
        A file, or a folder with everything below it.
    name
        What the artefact will be called once published; the paths in the table begin with it.
    """
    return {
        f"{name}/{relative}" if relative else name: [
            (root / relative).stat().st_size,
            hash_file(root / relative),
        ]
        for relative in files_below(root)
    }


def files_below(root: Path) -> list[str]:
    """Return the paths of all files below a folder, relative to it and sorted; of a file itself ``[""]``."""
    if not root.is_dir():
        return [""]
    found = [
        os.path.relpath(Path(folder) / name, root)
        for folder, _, names in os.walk(root, followlinks=False)
        for name in names
    ]
    return sorted(found)


def read_manifest(path: Path, kind: str | None = None) -> dict[str, Any]:
    """Read a manifest and check that it is one.

    Parameters
    ----------
    path
        Of the JSON.
    kind
        ``dataset``, ``events``, ``fit``, ``latents`` or ``rates``; None: any.

    Raises
    ------
    ArtefactError
        When there is none, when it is damaged, of another kind, or of a newer alveus.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(
            f"{path}: there is no manifest, so nothing vouches for what lies beside it: run its stage again"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ArtefactError(
            f"{path}: the manifest cannot be read ({error}): delete it and run its stage again"
        ) from error
    if not _is_manifest(manifest):
        raise ArtefactError(f"{path}: this JSON is no manifest of alveus")
    if manifest["schema"] > SCHEMA_VERSION:
        raise ArtefactError(
            f"{path}: written by a newer alveus (schema {manifest['schema']}, this one knows {SCHEMA_VERSION}): "
            "update alveus, or run the stage again"
        )
    if kind is not None and manifest["kind"] != kind:
        raise ArtefactError(f"{path}: describes a {manifest['kind']}, where a {kind} is wanted")
    return dict(manifest)


def _is_manifest(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("kind"), str)
        and isinstance(value.get("schema"), int)
        and isinstance(value.get("digest"), str)
        and _is_plain_name(value.get("artefact"))
        and isinstance(value.get("files"), dict)
        and all(
            isinstance(row, list) and len(row) == 2 and isinstance(row[0], int) and isinstance(row[1], str)
            for row in value["files"].values()
        )
        and all(_is_inside(path, value["artefact"]) for path in value["files"])
    )


def _is_plain_name(name: Any) -> bool:
    return isinstance(name, str) and name not in {"", ".", ".."} and "/" not in name and "\0" not in name


def _is_inside(path: str, artefact: str) -> bool:
    """Tell whether a path of a manifest stays within its artefact."""
    parts = path.split("/")
    return parts[0] == artefact and "\0" not in path and not {"", ".", ".."} & set(parts)


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest atomically: it is there whole, or as it was before."""
    write_atomically(path, to_json(manifest).encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content so that a reader, or a crash, sees the old one or the new one.

    Drafts that killed writers left are removed; a file has one writer at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{escape(path.name)}.tmp-*"):
        left.unlink(missing_ok=True)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folders([path.parent])


def sync_folders(folders: Iterable[Path]) -> None:
    """Make renames and new files in folders survive a power cut, where the file system can promise that."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError:  # some network file systems refuse this for folders
            pass
        finally:
            os.close(descriptor)


def software_versions(*packages: str) -> dict[str, str]:
    """Return the versions of alveus, Python and the named packages."""
    import platform
    from importlib.metadata import version

    from alveus import __version__

    return {
        "alveus": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
