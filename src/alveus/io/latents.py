"""Latents made elsewhere (npz, CSV or TSV, NWB) to times and values, one for each seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.config.problems import did_you_mean
from alveus.errors import RecordingError
from alveus.io.files.archive import Archive
from alveus.io.files.columns import parse_cells, read_delimited
from alveus.io.files.hdf5 import Hdf5File
from alveus.io.formats.nwb_series import scale_of, time_series, times_of
from alveus.io.options import ReadOptions

TIME, LATENTS = "time", "latents"
MOST_LATENTS = 1024  # as of any model; a file with more columns is the activity, or lies on its side
SHOWN = 10  # names in a message

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FoundLatents:
    """Latents of one seed as their file holds them; samples without any number are left out.

    Parameters
    ----------
    source
        File and array, for messages.
    times
        (n_samples,) [s], ascending; None where the file has none and rows are bins.
    values
        (n_samples, n_latents), finite.
    names
        Of the latents, where the file names them.
    n_empty
        Samples that held no number at all, and were left out.
    """

    source: str
    times: Floats | None
    values: Floats
    names: tuple[str, ...] = ()
    n_empty: int = 0


def read_latents(path: Path, arrays: Sequence[str] = (), options: ReadOptions | None = None) -> list[FoundLatents]:
    """Read the latents of a file.

    Parameters
    ----------
    path
        ``.npz`` with ``time`` and ``latents`` (samples, latents) or (seeds, samples, latents), or several arrays
        whose names begin with ``latents``; ``.csv`` or ``.tsv`` with a column ``time``, every other one a latent;
        ``.nwb`` with time series in a processing module.
    arrays
        Names of those to read in a npz or NWB file; each is a seed.
    options
        How much may be read.

    Returns
    -------
    list of FoundLatents
        One a seed.

    Raises
    ------
    RecordingError
        When the file is missing, damaged, of another type, or its times and values contradict each other.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise RecordingError(f"{path.name}: latents are read from {', '.join(READERS)}, not from {suffix!r}")
    if suffix in (".csv", ".tsv") and arrays:
        raise RecordingError(f"{path.name} is a table, which has no array {arrays[0]!r}: leave --array out")
    return READERS[suffix](path, tuple(arrays), (options or ReadOptions()).max_bytes)


def _read_npz(path: Path, arrays: tuple[str, ...], max_bytes: int) -> list[FoundLatents]:
    archive = Archive(path, max_bytes)
    names = arrays or tuple(name for name in archive.names if name.startswith(LATENTS))
    if not names:
        raise RecordingError(
            f"{path.name} holds {_listed(archive.names)}: no array's name begins with {LATENTS!r}; rename it, or "
            "name it with --array"
        )
    for name in names:
        if name not in archive:
            raise RecordingError(f"{path.name} has no array {name!r}; {did_you_mean(name, archive.names)}")
    times = archive.read(TIME) if TIME in archive else None
    found = []
    for name in names:
        values = archive.read(name)
        source = f"{path.name}: {name}"
        if values.ndim != 3:
            found.append(_checked(source, times, values))
            continue
        found += [_checked(f"{source}[{seed}]", times, of_seed) for seed, of_seed in enumerate(values)]
    return found


def _read_table(path: Path, arrays: tuple[str, ...], max_bytes: int) -> list[FoundLatents]:  # noqa: ARG001
    table = read_delimited(path, max_bytes)
    if TIME not in table:
        hint = did_you_mean(TIME, list(table))
        raise RecordingError(f"{path.name} has no column {TIME!r} [s] of each sample; {hint}")
    columns = {name: parse_cells(cells) for name, cells in table.items()}
    for name, column in columns.items():
        if column.dtype.kind != "f":
            raise RecordingError(f"{path.name}: {_not_a_number(name, table[name])}")
    names = tuple(name for name in columns if name != TIME)
    values = np.column_stack([columns[name] for name in names]) if names else np.zeros((len(columns[TIME]), 0))
    return [_checked(path.name, columns[TIME], values, names)]


def _not_a_number(name: str, cells: Sequence[str]) -> str:
    for row, cell in enumerate(cells, start=2):
        try:
            float(cell or "nan")
        except ValueError:
            return f"{cell!r} in row {row} of column {name!r} is no number: every column but time is a latent"
    return f"column {name!r} is empty: every column but time is a latent"


def _read_nwb(path: Path, arrays: tuple[str, ...], max_bytes: int) -> list[FoundLatents]:
    file = Hdf5File(path, max_bytes)
    with file.guard():
        series = {where.removeprefix("processing/"): group for where, group in time_series(file)
                  if where.startswith("processing/")}  # fmt: skip
        short = [where for where in series if where.rpartition("/")[2].lower().startswith(LATENTS)]
        wanted = arrays or (tuple(short) if short else tuple(series))
        if not arrays and len(wanted) != 1 and not short:
            raise RecordingError(
                f"{path.name} has {len(series)} time series in its processing modules ({_listed(list(series))}) "
                f"and none whose name begins with {LATENTS!r}: name one with --array"
            )
        found = []
        for name in wanted:
            places = [w for w in series if name in (w, w.rpartition("/")[2])]
            if len(places) != 1:
                problem = f"has several time series {name!r}: give one of {_listed(places)}" if places else (
                    f"has no time series {name!r} in a processing module; {did_you_mean(name, list(series))}"
                )  # fmt: skip
                raise RecordingError(f"{path.name} {problem}")
            group = series[places[0]]
            data = file.dataset(group, "data")
            if data is None or not data.shape:
                raise RecordingError(f"{path.name}: {name} has no data")
            times = times_of(file, group, int(data.shape[0]))
            if times is None:
                raise RecordingError(f"{path.name}: {name} has neither timestamps nor a starting time with a rate")
            scale, shift = scale_of(file, data)
            values = file.read(data)
            if values.dtype.kind in "iuf":
                values = values * scale + shift
            found.append(_checked(f"{path.name}: {name}", times, values))
        return found


READERS: dict[str, Callable[[Path, tuple[str, ...], int], list[FoundLatents]]] = {
    ".npz": _read_npz,
    ".csv": _read_table,
    ".tsv": _read_table,
    ".nwb": _read_nwb,
}


def _checked(
    source: str, times: NDArray[Any] | None, values: NDArray[Any], names: tuple[str, ...] = ()
) -> FoundLatents:
    """Check what a file holds, and leave out samples without any number."""
    if values.dtype.kind not in "biuf":
        raise RecordingError(f"{source} holds values of type {values.dtype}: latents are numbers")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or 0 in values.shape or values.shape[1] > MOST_LATENTS:
        raise RecordingError(
            f"{source} has shape {values.shape}: it must be (samples, latents), with 1 to {MOST_LATENTS} latents"
        )
    latents = values.astype(np.float64)
    if times is None:
        _refuse_gaps(source, None, latents)
        return FoundLatents(source, None, latents, names)
    if times.dtype.kind not in "iuf" or times.ndim != 1 or times.size != len(latents):
        raise RecordingError(
            f"{source}: time has shape {times.shape} and type {times.dtype}, but there are {len(latents)} "
            "samples: give one time [s] for each sample, samples along the first axis"
        )
    seconds = times.astype(np.float64)
    _refuse_disorder(source, seconds)
    held = ~np.isnan(latents).all(axis=1)
    seconds, latents = seconds[held], latents[held]
    if not held.any():
        raise RecordingError(f"{source}: none of the {held.size} samples holds a number")
    _refuse_gaps(source, seconds, latents)
    return FoundLatents(source, seconds, latents, names, int(held.size - held.sum()))


def _refuse_disorder(source: str, times: Floats) -> None:
    bad = np.flatnonzero(~np.isfinite(times))
    if bad.size:
        raise RecordingError(
            f"{source}: {bad.size} of {times.size} times are not finite, the first of sample {bad[0]}"
        )
    back = np.flatnonzero(np.diff(times) <= 0)
    if back.size:
        at = int(back[0])
        raise RecordingError(
            f"{source}: times must ascend, but {back.size} do not; the first is sample {at + 1} at "
            f"{times[at + 1]:g} s after {times[at]:g} s: put overlapping windows or trials together, then sort"
        )


def _refuse_gaps(source: str, times: Floats | None, latents: Floats) -> None:
    bad = np.flatnonzero(~np.isfinite(latents).all(axis=1))
    if bad.size:
        first = int(bad[0])
        where = f"sample {first}" if times is None else f"the sample at {times[first]:g} s"
        raise RecordingError(
            f"{source}: {bad.size} of {len(latents)} samples have latents that are not finite, first {where}: "
            "give all of a sample's latents, or leave the sample out"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "nothing") + more
