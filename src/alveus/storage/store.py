"""A folder of Zarr arrays to a sealed store, and a manifest to a store that can be trusted.

Sealing checks that every file of every array is there and consolidates the metadata last. Opening refuses a store
without a manifest, one whose metadata or file sizes are not those of the manifest, one that declares more than its
files can hold, and links that lead out of it; checksums in every chunk do the rest when values are read.
"""

import json
import warnings
from collections.abc import Mapping
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from alveus.errors import ArtefactError
from alveus.storage.layout import READING, shard_keys
from alveus.storage.manifest import hash_file, plain, read_manifest, to_json, write_atomically

METADATA = "zarr.json"

LARGEST_SHARD = 1 << 26
"""Values in one file: twice what alveus ever writes. More is refused before memory is asked for."""

DTYPES = {
    "bool", "string", "float32", "float64",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}  # fmt: skip
"""What the values of an array may be."""

Arrays = dict[str, dict[str, Any]]
"""Path of an array in its store → shape, dtype, dimensions."""


def create_store(path: Path, attributes: Mapping[str, Any]) -> zarr.Group:
    """Begin a store."""
    return zarr.create_group(path, attributes=plain(attributes))


def seal_store(path: Path) -> Arrays:
    """Consolidate the metadata of a store that is complete; returns what its arrays are.

    Raises
    ------
    ArtefactError
        When a file of an array is missing.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(path)
    metadata = json.loads((path / METADATA).read_text(encoding="utf-8"))
    write_atomically(path / METADATA, to_json(metadata).encode())  # sorted: folders are listed in any order
    arrays = _arrays(metadata)
    for name, array in arrays.items():
        wanted = shard_keys(array["shape"], array["shard"])
        lost = [key for key in wanted if not (path / name / key).is_file()]
        if lost:
            raise ArtefactError(
                f"{path / name}: {len(lost)} of {len(wanted)} files were not written, the first is {lost[0]}"
            )
    return {name: {k: v for k, v in array.items() if k != "shard"} for name, array in arrays.items()}


def _arrays(metadata: Mapping[str, Any]) -> Arrays:
    """Return the arrays that consolidated metadata declare."""
    return {
        path: {
            "shape": list(node["shape"]),
            "dtype": _dtype_name(node["data_type"]),
            "dimensions": list(node.get("dimension_names") or []),
            "shard": list(node["chunk_grid"]["configuration"]["chunk_shape"]),
        }
        for path, node in sorted(metadata["consolidated_metadata"]["metadata"].items())
        if node["node_type"] == "array"
    }


def _dtype_name(data_type: Any) -> str:
    return str(data_type if isinstance(data_type, str) else data_type.get("name"))


class StoredArray:
    """An array on the disk that is read by slicing it; damage is an `ArtefactError`, never a number.

    Attributes
    ----------
    shape, dtype
        Of the array.
    attributes
        Its ``long_name`` and so on.
    """

    def __init__(self, array: Any, place: Path) -> None:
        self._array, self._place = array, place
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = array.dtype
        self.attributes: dict[str, Any] = dict(array.attrs)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        try:
            values = np.asarray(self._array[index])
        except IndexError:
            raise
        except Exception as error:
            raise ArtefactError(
                f"{self._place}: the values cannot be read, the files are damaged ({error}): "
                "`alveus verify` drops the manifest of what is damaged, and the next run makes it again"
            ) from error
        return _as_text(values) if values.dtype.kind in "OT" else values


def _as_text(values: NDArray[Any]) -> NDArray[np.str_]:
    """Return strings, which come as objects or as NumPy's newer type, in the type every NumPy knows."""
    text = [str(value) for value in values.ravel()]
    return np.array(text, np.str_).reshape(values.shape) if text else np.empty(values.shape, "U1")


class Store:
    """A store that is what its manifest says.

    Parameters
    ----------
    path
        The store or its manifest.
    kind
        What it must be.

    Attributes
    ----------
    path
        The store.
    manifest
        Its manifest.
    attributes
        Of the store's root.
    """

    def __init__(self, path: Path, kind: str) -> None:
        manifest_path = path if path.suffix == ".json" else path.with_suffix(".json")
        self.manifest = read_manifest(manifest_path, kind)
        self.path = manifest_path.parent / self.manifest["artefact"]
        if path.suffix != ".json" and path.name != self.path.name:
            raise ArtefactError(f"{path}: {manifest_path.name} beside it describes {self.path.name} instead")
        self._check_files()
        self._arrays = self._check_declared()
        self._group = self._open()
        self.attributes: dict[str, Any] = dict(self._group.attrs)

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def array(self, name: str) -> StoredArray:
        """Open an array by its path in the store."""
        if name not in self._arrays:
            raise ArtefactError(f"{self.path}: there is no array {name!r} in this store")
        with zarr.config.set(READING):
            return StoredArray(self._group[name], self.path / name)

    def below(self, prefix: str) -> dict[str, StoredArray]:
        """Open all arrays of a group, by their keys."""
        names = [name for name in self._arrays if name.startswith(f"{prefix}/")]
        return {name.removeprefix(f"{prefix}/"): self.array(name) for name in names}

    def _open(self) -> zarr.Group:
        try:
            with zarr.config.set(READING):
                return zarr.open_group(self.path, mode="r", use_consolidated=True)
        except Exception as error:  # whatever zarr makes of forged metadata
            raise _damaged(self.path / METADATA, f"holds no metadata of a store ({error})") from error

    def _check_files(self) -> None:
        """Refuse missing files, other sizes, other metadata, and links that lead out of the store."""
        root = self.path.resolve()
        for name, (size, digest) in self.manifest["files"].items():
            place = self.path.parent / name
            try:
                found = place.stat().st_size
            except OSError as error:
                raise _damaged(place, f"cannot be opened ({error.strerror})") from error
            if not place.resolve().is_relative_to(root):
                raise _damaged(place, f"is a link that leads out of the store, to {place.resolve()}")
            if found != size:
                raise _damaged(place, f"has {found} bytes, the manifest says {size}")
            if place == self.path / METADATA and hash_file(place) != digest:
                raise _damaged(place, "is not the one the manifest describes")
        if f"{self.path.name}/{METADATA}" not in self.manifest["files"]:
            raise _damaged(self.path / METADATA, "is not in the manifest")

    def _check_declared(self) -> Arrays:
        """Refuse arrays that declare more values than their files can hold, before any is read."""
        files = [name.removeprefix(f"{self.path.name}/") for name in self.manifest["files"]]
        try:
            arrays = _arrays(json.loads((self.path / METADATA).read_text(encoding="utf-8")))
            for name, array in arrays.items():
                shape, shard = array["shape"], array["shard"]
                wanted = prod(ceil(size / step) for size, step in zip(shape, shard, strict=True))
                listed = sum(file.startswith(f"{name}/c/") for file in files)
                if wanted != listed or prod(shard) > LARGEST_SHARD or array["dtype"] not in DTYPES:
                    declared = f"{array['dtype']} of shape {tuple(shape)} in {wanted} files of {tuple(shard)}"
                    raise _damaged(self.path / name, f"declares {declared}, and has {listed} files")
                if self.manifest["arrays"][name]["shape"] != shape:
                    raise _damaged(self.path / name, f"declares shape {tuple(shape)}, the manifest another")
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise _damaged(self.path / METADATA, f"holds no metadata of a store ({error!r})") from error
        return arrays


def _damaged(place: Path, what: str) -> ArtefactError:
    return ArtefactError(
        f"{place}: {what}: the store is damaged or was changed; `alveus verify` drops its manifest, and the next "
        "run makes it again"
    )
