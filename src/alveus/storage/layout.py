"""Arrays to Zarr arrays, cut into shards and chunks and compressed in the way that measured best.

Chunks are small, so that a window of bins is read quickly; shards are large, so that files are few. Every chunk
and every index carries a CRC32C, so that a flipped bit is an error and never a number. Empty chunks are written
like all others, so that a silent unit never looks like a lost chunk.
"""

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from alveus.errors import ArtefactError

CHUNK_BYTES = 1 << 20
"""Uncompressed size of a chunk: the unit of reading and of checking."""

SHARD_BYTES = 1 << 24
"""Uncompressed size of a shard: a file, the unit of writing, and the most that is held in memory at once."""

SHARD_ROWS = 1 << 20
"""Most rows of a shard: what makes a row (interpolation in double precision) takes more memory than the row."""

MOST_TRACES, FRAMES_PER_CHUNK, FRAMES_PER_SHARD = 64, 1 << 9, 1 << 16
"""Of arrays that are written trace by trace and read frame by frame: traces in a shard; frames in a chunk, few,
since a block of bins takes its frames of all units at once; and in a shard."""

WRITING = {"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"}
"""zarr's own codecs: the Rust ones leave out chunks of zeros whatever they are told, and on several threads put
chunks into a shard in the order they happen to finish, so that the same input would give other files."""

READING = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "threading.max_workers": 1}
"""The Rust codecs read sharded arrays two to three times as fast, on one thread: a job does not use more cores
than it asked for, and more threads measured no faster."""

Block = Callable[[int, int], NDArray[Any]]
"""Gives rows [start, stop) of an array."""


def rows_per_chunk(row_bytes: int) -> int:
    """Return how many rows make a chunk: a power of two.

    >>> rows_per_chunk(400)
    2048
    """
    return _power_of_two(CHUNK_BYTES // row_bytes)


def rows_per_shard(row_bytes: int) -> int:
    """Return how many rows make a shard: a power of two, a whole number of chunks.

    >>> rows_per_shard(400)
    32768
    """
    return min(SHARD_ROWS, _power_of_two(SHARD_BYTES // row_bytes))


def _power_of_two(number: int) -> int:
    return 1 << max(0, number.bit_length() - 1)


def create_array(
    group: zarr.Group,
    key: str,
    shape: Sequence[int],
    dtype: DTypeLike,
    dimensions: Sequence[str],
    attributes: dict[str, Any] | None = None,
    *,
    along: int = 0,
) -> zarr.Array[Any]:
    """Create an array of numbers, sharded and chunked along one axis.

    Parameters
    ----------
    group
        Where.
    key
        Its name there.
    shape, dtype
        Of the values.
    dimensions
        A name per axis.
    attributes
        ``long_name``, ``units`` and so on.
    along
        The axis that is cut; axes before it are cut into single items, axes after it stay whole.
    """
    kind = np.dtype(dtype)
    row_bytes = kind.itemsize * prod(shape[along + 1 :])
    chunk = min(rows_per_chunk(max(1, row_bytes)), max(1, shape[along]))
    per_shard = min(
        rows_per_shard(max(1, row_bytes)) // rows_per_chunk(max(1, row_bytes)), ceil(shape[along] / chunk)
    )
    before, after = (1,) * along, tuple(max(1, size) for size in shape[along + 1 :])
    compressor = BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle", typesize=kind.itemsize)
    with zarr.config.set(WRITING):
        return group.create_array(
            key,
            shape=tuple(shape),
            dtype=kind,
            chunks=(*before, chunk, *after),
            shards=(*before, chunk * max(1, per_shard), *after),
            compressors=[compressor, Crc32cCodec()],
            fill_value=np.nan if kind.kind == "f" else 0,
            dimension_names=tuple(dimensions),
            attributes=attributes or {},
            config={"write_empty_chunks": True},
            overwrite=True,
        )


def units_per_shard(n_frames: int) -> int:
    """Return how many whole traces are written together: a power of two.

    >>> units_per_shard(50_000), units_per_shard(10**7)
    (64, 1)
    """
    return max(1, min(MOST_TRACES, _power_of_two(2 * SHARD_BYTES // (4 * max(1, n_frames)))))


def create_traces(
    group: zarr.Group, key: str, shape: tuple[int, int], width: int, attributes: dict[str, Any]
) -> zarr.Array[Any]:
    """Create an array (time, unit) that is written by blocks of `width` whole traces, and read by frames."""
    n_frames, n_units = shape
    chunk = (min(FRAMES_PER_CHUNK, max(1, n_frames)), min(width, n_units))
    frames = min(FRAMES_PER_SHARD, ceil(max(1, n_frames) / chunk[0]) * chunk[0])
    with zarr.config.set(WRITING):
        return group.create_array(
            key,
            shape=shape,
            dtype=np.float32,
            chunks=chunk,
            shards=(frames, chunk[1]),
            compressors=[BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle", typesize=4), Crc32cCodec()],
            fill_value=np.nan,
            dimension_names=("time", "unit"),
            attributes=attributes,
            config={"write_empty_chunks": True},
        )


def write_array(
    group: zarr.Group,
    key: str,
    values: NDArray[Any],
    dimensions: Sequence[str],
    attributes: dict[str, Any] | None = None,
) -> None:
    """Write a small array, of numbers or of text."""
    if values.dtype.kind in "OSUT":
        return _write_text(group, key, values, dimensions, attributes)
    array = create_array(group, key, values.shape, values.dtype, dimensions, attributes)
    if values.size:
        array[...] = values
    return None


def _write_text(
    group: zarr.Group,
    key: str,
    values: NDArray[Any],
    dimensions: Sequence[str],
    attributes: dict[str, Any] | None,
) -> None:
    text = np.array([str(value).encode("utf-8", "replace").decode() for value in values.ravel()], object)
    with zarr.config.set(WRITING):
        array = group.create_array(
            key,
            shape=values.shape,
            dtype=str,
            chunks=tuple(max(1, size) for size in values.shape),
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            dimension_names=tuple(dimensions),
            attributes=attributes or {},
            config={"write_empty_chunks": True},
        )
    if values.size:
        array[...] = text.reshape(values.shape)


def shard_length(array: zarr.Array[Any], axis: int = 0) -> int:
    """Return how far a shard reaches along an axis: the step in which to write."""
    return int((array.shards or array.chunks)[axis])


def write_blocks(array: zarr.Array[Any], read: Block) -> None:
    """Fill an array from a function, whole shards at a time.

    Raises
    ------
    ArtefactError
        When a block has another shape than its place.
    """
    step, n_rows = shard_length(array), int(array.shape[0])
    for start in range(0, n_rows, step):
        write_rows(array, start, read(start, min(start + step, n_rows)))


def write_rows(array: zarr.Array[Any], start: int, rows: NDArray[Any]) -> int:
    """Write consecutive rows and return where they end; `start` and their number are whole shards but the last."""
    stop = int(start + rows.shape[0])
    if stop > array.shape[0] or rows.shape[1:] != array.shape[1:]:
        raise ArtefactError(f"{array.name}: rows {start} to {stop} of shape {rows.shape} do not fit {array.shape}")
    array[start:stop] = rows
    return stop


def refuse_gaps(rows: NDArray[Any], start: int, what: str, why: str = "") -> None:
    """Raise an `ArtefactError` where rows (bin, unit), of which the first is bin `start`, are not finite."""
    bad = ~np.isfinite(rows)
    if bad.any():
        row, unit = np.argwhere(bad)[0]
        raise ArtefactError(
            f"{bad.sum()} {what} are not finite, the first in bin {start + row} of unit {unit}: {why}nothing was "
            "published"
        )


def shard_keys(shape: Sequence[int], shard: Sequence[int]) -> list[str]:
    """Return the paths, within an array, of all files it must have.

    >>> shard_keys((10, 3), (4, 3))
    ['c/0/0', 'c/1/0', 'c/2/0']
    """
    counts = [ceil(size / step) for size, step in zip(shape, shard, strict=True)]
    return ["/".join(["c", *map(str, index)]) for index in np.ndindex(*counts)]
