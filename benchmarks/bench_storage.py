"""Times counts to Zarr and back, and spikes to a published dataset; measures the memory the latter takes.

``python benchmarks/bench_storage.py [--json PATH] [--hours 1 10] [--bins N] [--repeats N]``. Contenders run in
interleaved order on 400 units in bins of 5 ms; medians and ratios within the run. The limits are np.save and
np.load for the array, and writing the array that is ready in memory for the spikes. Every published dataset is
made in a process of its own, whose peak memory is read afterwards.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import zarr

from alveus.storage.layout import READING, WRITING, create_array, write_blocks

N_UNITS, BIN_SIZE, CLOCK = 400, 0.005, 30_000
SPIKES_PER_HOUR = 11_500_000
WINDOWS, WINDOW_BINS = 256, 100
ZARRS = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}

Write, Read = Callable[[Path], object], Callable[[Path], object]


def rates(rng: np.random.Generator) -> np.ndarray:
    """Draw firing rates as in cortex: lognormal, 8 Hz on average [Hz]."""
    drawn = rng.lognormal(np.log(4.5), 1.1, N_UNITS)
    return drawn * SPIKES_PER_HOUR / 3600 / drawn.sum()


def contenders(counts: np.ndarray) -> dict[str, tuple[Write, Read]]:
    """Return how each writes and opens an array."""

    def ours(path: Path) -> None:
        group = zarr.create_group(path)
        array = create_array(group, "activity", counts.shape, counts.dtype, ("time", "unit"))
        write_blocks(array, lambda start, stop: counts[start:stop])

    def open_ours(path: Path) -> object:
        with zarr.config.set(READING):
            return zarr.open_array(path / "activity", mode="r")

    def defaults(path: Path) -> None:
        with zarr.config.set(WRITING):
            zarr.create_array(path, shape=counts.shape, dtype=counts.dtype)[:] = counts

    def open_defaults(path: Path) -> object:
        with zarr.config.set(WRITING):
            return zarr.open_array(path, mode="r")

    def with_zarrs(path: Path) -> None:
        with zarr.config.set(ZARRS):
            zarr.create_array(path, shape=counts.shape, dtype=counts.dtype)[:] = counts

    def open_zarrs(path: Path) -> object:
        with zarr.config.set(ZARRS):
            return zarr.open_array(path, mode="r")

    def save(path: Path) -> None:
        path.mkdir()
        np.save(path / "counts.npy", counts)

    table: dict[str, tuple[Write, Read]] = {
        "alveus": (ours, open_ours),
        "alveus, read by zarr": (ours, lambda path: open_defaults(path / "activity")),
        "zarr defaults": (defaults, open_defaults),
        "zarrs, default layout": (with_zarrs, open_zarrs),
        "limit: np.save, np.load": (save, lambda path: np.load(path / "counts.npy")),
    }
    try:
        import tensorstore
    except ImportError:
        return table

    def spec(path: Path) -> dict:
        return {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}

    def with_tensorstore(path: Path) -> None:
        dtype = tensorstore.uint8
        tensorstore.open(spec(path), create=True, dtype=dtype, shape=counts.shape).result()[...] = counts

    table["tensorstore"] = with_tensorstore, lambda path: tensorstore.open(spec(path)).result()
    return table


def time_arrays(folder: Path, n_bins: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return the median speeds [MB/s], compression and files of every contender."""
    rng = np.random.default_rng(0)
    expected = rates(rng) * BIN_SIZE
    counts = np.concatenate(
        [rng.poisson(expected, (60_000, N_UNITS)).astype(np.uint8) for _ in range(n_bins // 60_000)]
    )
    starts = rng.integers(0, len(counts) - WINDOW_BINS, WINDOWS)
    table = contenders(counts)
    seconds: dict[str, dict[str, list[float]]] = {name: {"write": [], "read": [], "windows": []} for name in table}
    sizes: dict[str, tuple[float, int]] = {}
    for repeat in range(repeats + 1):  # the first warms up
        for name, (write, read) in table.items():
            path = folder / "array"
            start = time.perf_counter()
            write(path)
            written = time.perf_counter()
            array = read(path)
            back = np.asarray(array[:])
            done = time.perf_counter()
            for window in starts:
                np.asarray(array[window : window + WINDOW_BINS])
            windows = time.perf_counter() - done
            assert np.array_equal(back[::997], counts[::997])
            if repeat:
                for what, value in (("write", written - start), ("read", done - written), ("windows", windows)):
                    seconds[name][what].append(value)
            files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
            sizes[name] = counts.nbytes / sum(files), len(files)
            del array, back
            shutil.rmtree(path)
    megabytes = counts.nbytes / 1e6
    return {
        name: {
            "write_mb_s": megabytes / statistics.median(times["write"]),
            "read_mb_s": megabytes / statistics.median(times["read"]),
            "windows_ms": 1e3 * statistics.median(times["windows"]),
            "ratio": sizes[name][0],
            "files": sizes[name][1],
        }
        for name, times in seconds.items()
    }


class FileColumn:
    """Numbers in a file that are read when sliced: not a memory map, whose pages would count as memory."""

    def __init__(self, path: Path, dtype: type) -> None:
        self.path, self.dtype = path, np.dtype(dtype)
        self.size = path.stat().st_size // self.dtype.itemsize

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: slice) -> np.ndarray:
        start, stop, _ = index.indices(self.size)
        return np.fromfile(self.path, self.dtype, max(0, stop - start), offset=start * self.dtype.itemsize)


def simulate(folder: Path, hours: float) -> None:
    """Write spikes to files, a minute at a time."""
    rng = np.random.default_rng(1)
    share = rates(rng)
    minutes = round(hours * 60)
    with (folder / "ticks").open("wb") as ticks, (folder / "codes").open("wb") as codes:
        for minute in range(minutes):
            n = rng.poisson(SPIKES_PER_HOUR / 60)
            np.sort(rng.integers(minute * 60 * CLOCK, (minute + 1) * 60 * CLOCK, n)).tofile(ticks)
            rng.choice(N_UNITS, n, p=share / share.sum()).astype(np.int32).tofile(codes)


def peak_mb() -> float:
    """Return the largest memory of this process [MB]; getrusage tells that of its parent where it is larger."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def publish(folder: Path, hours: float) -> None:
    """Make a dataset of the spikes in a folder, and print how long it took [s] and the peak memory [MB]."""
    from alveus.config.preprocess import Preprocess
    from alveus.preprocessing import prepare
    from alveus.recording import FlatSpikeTrains, Recording, Units
    from alveus.storage import write_dataset

    idle = peak_mb()
    spikes = FlatSpikeTrains(
        FileColumn(folder / "ticks", np.int64), FileColumn(folder / "codes", np.int32), N_UNITS, Fraction(CLOCK)
    )
    units = Units(tuple(str(unit) for unit in range(N_UNITS)))
    settings = Preprocess(bin_size=BIN_SIZE)
    prepared = prepare(Recording(spikes, units, 0.0, hours * 3600.0), settings, session="bench")
    for _ in prepared.activity(np.uint8, 1 << 12):
        break  # compile, or load what was compiled, before the clock starts
    start = time.perf_counter()
    write_dataset(
        prepared, folder / "dataset.zarr", folder / "dataset.json",
        session="bench", dataset="bench", settings={}, fingerprint="",
    )  # fmt: skip
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "idle_mb": idle}))


def time_ready(folder: Path) -> float:
    """Return how long it takes to write the same counts when they are ready in memory [s]."""
    counts = zarr.open_array(folder / "dataset.zarr" / "activity", mode="r")
    step, seconds = counts.shards[0], 0.0
    group = zarr.create_group(folder / "ready.zarr", overwrite=True)
    array = create_array(group, "activity", counts.shape, counts.dtype, ("time", "unit"))
    for begin in range(0, counts.shape[0], step):
        block = np.asarray(counts[begin : begin + step])
        start = time.perf_counter()
        array[begin : begin + step] = block
        seconds += time.perf_counter() - start
    return seconds


def time_spikes(folder: Path, hours: float, repeats: int) -> dict[str, float]:
    """Return medians for one length of recording."""
    simulate(folder, hours)
    runs, ready = [], []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--publish", str(folder), "--hours", str(hours)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
        ready.append(time_ready(folder))
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    files = [file.stat().st_size for file in (folder / "dataset.zarr").rglob("*") if file.is_file()]
    for name in ("dataset.zarr", "ready.zarr"):
        shutil.rmtree(folder / name)
    return {
        **medians,
        "ready_seconds": statistics.median(ready),
        "files": len(files),
        "store_mb": sum(files) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--hours", type=float, nargs="*", default=[1.0])
    parser.add_argument("--bins", type=int, default=720_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--publish", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        publish(options.publish, options.hours[0])
        return
    results: dict[str, dict] = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        if options.bins:
            results["arrays"] = table = time_arrays(folder, options.bins, options.repeats)
            base = table["zarr defaults"]
            print(f"{'counts <-> Zarr':26} {'write MB/s':>11} {'x':>5} {'read MB/s':>11} {'x':>5} "
                  f"{'ratio':>6} {'files':>6} {f'{WINDOWS} windows, ms':>17}")  # fmt: skip
            for who, row in table.items():
                print(f"{who:26} {row['write_mb_s']:11.0f} {row['write_mb_s'] / base['write_mb_s']:5.2f} "
                      f"{row['read_mb_s']:11.0f} {row['read_mb_s'] / base['read_mb_s']:5.2f} "
                      f"{row['ratio']:6.1f} {row['files']:6d} {row['windows_ms']:17.0f}")  # fmt: skip
        for hours in options.hours:
            results[f"spikes_{hours:g}_h"] = row = time_spikes(folder, hours, options.repeats if hours <= 1 else 1)
            print(f"spikes -> dataset, {hours:g} h: {row['seconds']:.2f} s, "
                  f"{row['seconds'] / row['ready_seconds']:.2f} x writing the ready counts; "
                  f"peak {row['peak_mb']:.0f} MB (idle {row['idle_mb']:.0f}); "
                  f"{row['files']} files, {row['store_mb']:.1f} MB")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
