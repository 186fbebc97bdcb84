"""Small sessions in every format, written by NumPy and pynwb, never by alveus."""

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Write = Callable[..., Path]

SPIKES = {
    3: np.array([0.5, 1.25, 2.0, 9.75]),
    7: np.array([0.1, 0.2, 4.4, 8.0001]),
    12: np.array([2.0, 3.00005, 9.99]),
}
"""Spike times [s] of three units, off the grid of 20 kHz, so that they keep their decimals."""


@pytest.fixture
def spikes() -> dict[int, np.ndarray]:
    return SPIKES


def flat(spikes: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    times = np.concatenate(list(spikes.values()))
    units = np.repeat(list(spikes), [t.size for t in spikes.values()])
    order = np.argsort(times, kind="stable")
    return times[order], units[order]


@pytest.fixture
def write_npz(tmp_path: Path) -> Write:
    """Write a plain npz of the three units; arguments replace or (None) remove arrays."""

    def write(name: str = "session.npz", *, bare: bool = False, **arrays: Any) -> Path:
        times, units = flat(SPIKES)
        whole = arrays if bare else {"spike_times": times, "spike_units": units, **arrays}
        path = tmp_path / name
        np.savez_compressed(path, **{key: value for key, value in whole.items() if value is not None})
        return path

    return write


@pytest.fixture
def write_phy(tmp_path: Path) -> Write:
    """Write a phy folder at 20 kHz; arguments are files to replace (bytes, text or arrays) or (None) leave out."""

    def write(folder: str = "phy", **files: Any) -> Path:
        times, units = flat(SPIKES)
        whole: dict[str, Any] = {
            "spike_times_npy": np.rint(times * 20000).astype(np.uint64),
            "spike_clusters_npy": units.astype(np.int32),
            "cluster_group_tsv": "cluster_id\tgroup\n3\tgood\n7\tmua\n99\tnoise\n",
            "cluster_KSLabel_tsv": "cluster_id\tKSLabel\n3\tmua\n7\tgood\n",
            "params_py": "dat_path = 'none.dat'\nn_channels_dat = 4\ndtype = 'int16'\nsample_rate = 20000.\n",
            **files,
        }
        path = tmp_path / folder
        path.mkdir()
        for key, content in whole.items():
            stem, _, ending = key.rpartition("_")
            place = path / f"{stem}.{ending}"
            if isinstance(content, np.ndarray):
                np.save(place, content)
            elif isinstance(content, bytes):
                place.write_bytes(content)
            elif content is not None:
                place.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_nwb(tmp_path: Path) -> Write:
    """Write an NWB file with pynwb; `change` gets the NWBFile before it is written."""

    def write(
        name: str = "session.nwb",
        *,
        spikes: dict[int, np.ndarray] | None = None,
        intervals: dict[int, np.ndarray] | None = None,
        quality: bool = False,
        change: Callable[[Any], None] | None = None,
    ) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pynwb import NWBHDF5IO, NWBFile
            from pynwb.file import Subject

            file = NWBFile("a session", "an-id", datetime(2024, 1, 1, tzinfo=UTC))
            file.subject = Subject(subject_id="rat7", species="Rattus norvegicus", sex="U", age="P90D")
            file.create_device("probe A")
            if quality:
                file.add_unit_column("quality", "what the curator says")
                file.add_unit_column("depth", "from the tip [um]")
            for unit, times in (SPIKES if spikes is None else spikes).items():
                extra: dict[str, Any] = {}
                if quality:
                    extra = {"quality": "gut ✓" if unit == 3 else "mua", "depth": 10.5 * unit}
                if intervals is not None:
                    extra["obs_intervals"] = intervals[unit]
                file.add_unit(id=unit, spike_times=times, **extra)
            if change is not None:
                change(file)
            path = tmp_path / name
            with NWBHDF5IO(path, "w") as io:
                io.write(file)
        return path

    return write


@pytest.fixture
def write_alf(tmp_path: Path) -> Write:
    """Write one probe of an ALF session with trials and wheel."""

    def write(uuid: str = "", **files: Any) -> Path:
        times, units = flat(SPIKES)
        probe = tmp_path / "alf" / "probe00"
        probe.mkdir(parents=True)
        np.save(probe / f"spikes.times{uuid}.npy", times)
        np.save(probe / f"spikes.clusters{uuid}.npy", units.astype(np.uint32))
        np.save(probe / f"clusters.depths{uuid}.npy", np.arange(20) * 20.0)
        (probe / "clusters.metrics.csv").write_text(
            "cluster_id,ks2_label,label\n3,good,1\n7,mua,0.5\n12,good,\n", encoding="utf-8"
        )
        np.save(probe.parent / "_ibl_trials.intervals.npy", np.array([[0.0, 2.0], [3.0, 5.0]]))
        np.save(probe.parent / "_ibl_trials.choice.npy", np.array([-1, 1]))
        np.save(probe.parent / "_ibl_wheel.timestamps.npy", np.linspace(0, 10, 50))
        np.save(probe.parent / "_ibl_wheel.position.npy", np.sin(np.linspace(0, 10, 50)))
        for key, content in files.items():
            np.save(probe / key, content)
        return probe

    return write


def unit_times(activity: Any, step: float = 0.7) -> list[np.ndarray]:
    """Read all spikes through blocks of some seconds, and return each unit's times [s]."""
    width = int(step * activity.clock)
    stops = range(activity.first_tick + width, activity.last_tick + 2 * width + 1, width)
    found: list[list[np.ndarray]] = [[] for _ in range(activity.n_units)]
    for ticks, codes in activity.blocks(stops):
        for unit in range(activity.n_units):
            found[unit].append(ticks[codes == unit])
    return [np.concatenate(parts) / float(activity.clock) for parts in found]


@pytest.fixture
def read_back() -> Callable[..., list[np.ndarray]]:
    return unit_times
