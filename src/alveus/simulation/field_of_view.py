"""Cells in a field of view to the raw fluorescence of each ROI, made unit by unit when it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.simulation.indicators import Indicator
from alveus.simulation.seeds import generator

CONTAMINATION = 0.7  # share of the surrounding neuropil's light that an ROI holds
GAIN = 10.0  # variance over mean of an ROI's light at 30 frames/s: how much light a photon counts for
NEUROPIL_GAIN = 1.5  # an annulus has more pixels than a cell, so more photons make its mean
RATE_OF_GAINS = 30.0  # [Hz]
READ_NOISE = 10.0  # standard deviation of the detector
BLEACHED, BLEACHING = 0.15, 1200.0  # share of all light that fades in the end, and its time constant [s]
LARGEST = 32_767.0  # the detector's
NEAR_LARGEST = 32_000.0  # baseline of a cell that is too bright for it

Floats = NDArray[np.float64]
Light = NDArray[np.float32]
Fault = Literal["", "constant", "missing", "saturated"]

FAULTS: tuple[Fault, ...] = ("constant", "missing", "saturated")
"""What can be wrong with an ROI: its light never changes, is NaN throughout, or is too much for the detector."""


@dataclass(frozen=True)
class Cell:
    """A cell and its ROI.

    Parameters
    ----------
    spikes
        (n_spikes,) [s].
    indicator
        As it is in this cell.
    baseline, neuropil
        Light of the cell at rest, and of the neuropil around it.
    surroundings
        (n_sources,) share of each source in that neuropil.
    drift, drift_period, drift_phase
        The baseline swings by this part of itself, over a period [s], from a phase.
    fault
        What is wrong with the ROI.
    """

    spikes: Floats
    indicator: Indicator
    baseline: float
    neuropil: float
    surroundings: Floats
    drift: float
    drift_period: float
    drift_phase: float
    fault: Fault = ""


class FieldOfView:
    """The light of cells and neuropil as a two-photon microscope records it.

    An ROI holds its cell's light and 0.7 of that of the neuropil around it. Both fade by bleaching. Photons make
    the variance of a value proportional to its mean; the detector adds noise of its own. At a higher frame rate a
    frame holds fewer photons.

    Parameters
    ----------
    name, seed
        Of the simulation; each unit draws its noise from a seed of its own.
    cells
        One for each unit.
    sources
        (n_frames, n_sources) sources of neuropil light, around 1.
    rate
        Frames per second.
    noise
        Times the standard deviation of the noise.
    missing
        (n_frames,) frames that were lost: NaN.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        cells: list[Cell],
        sources: NDArray[np.float32],
        rate: float,
        noise: float,
        missing: NDArray[np.bool_],
    ) -> None:
        self._name, self._seed, self._cells, self._sources = name, seed, cells, sources
        self._rate, self._noise, self._missing = rate, noise, missing
        self._time = (np.arange(len(sources)) + 1) / rate
        self._bleaching = 1 - BLEACHED * -np.expm1(-self._time / BLEACHING)

    def fluorescence(self, unit: int) -> Light:
        """Return the raw light of an ROI, (n_frames,)."""
        cell = self._cells[unit]
        if cell.fault in ("constant", "missing"):
            light = np.full(self._time.size, cell.baseline if cell.fault == "constant" else np.nan, np.float32)
            light[self._missing] = np.nan
            return light
        of_cell = 1 + cell.indicator.dff(cell.indicator.calcium(cell.spikes, self._time.size, self._rate))
        of_cell *= NEAR_LARGEST if cell.fault == "saturated" else cell.baseline
        of_cell *= 1 + cell.drift * np.sin(2 * np.pi * self._time / cell.drift_period + cell.drift_phase)
        return self._recorded(of_cell * self._bleaching + CONTAMINATION * self._around(cell), GAIN, unit, 1)

    def neuropil(self, unit: int) -> Light:
        """Return the light of the neuropil around an ROI, (n_frames,)."""
        return self._recorded(self._around(self._cells[unit]), NEUROPIL_GAIN, unit, 2)

    def _around(self, cell: Cell) -> Floats:
        return np.asarray(cell.neuropil * self._bleaching * (self._sources @ cell.surroundings))

    def _recorded(self, light: Floats, gain: float, unit: int, draw: int) -> Light:
        rng = generator(self._name, self._seed, unit, draw)
        deviation = self._noise * np.sqrt(gain * self._rate / RATE_OF_GAINS * light + READ_NOISE**2)
        recorded = (light + deviation * rng.standard_normal(light.size, np.float32)).astype(np.float32)
        recorded[self._missing] = np.nan
        return np.minimum(recorded, np.float32(LARGEST))


class MadeWhenRead:
    """Traces (unit, frame) that are made anew whenever they are sliced, a unit at a time.

    Slices of units cost what they hold; a slice of frames costs as much as all frames of its units.

    Parameters
    ----------
    n_units, n_frames
        Sizes.
    trace
        Makes the trace (n_frames,) of a unit.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, n_units: int, n_frames: int, trace: Callable[[int], Light]) -> None:
        self.shape: tuple[int, int] = (n_units, n_frames)
        self._trace = trace

    def __getitem__(self, index: Any) -> Light:
        """Return a slice of units, or of units and frames, (n, m)."""
        units, frames = index if isinstance(index, tuple) else (index, slice(None))
        wanted = np.arange(self.shape[0])[units]
        n_frames = np.arange(self.shape[1])[frames].size
        found = np.empty((wanted.size, n_frames), self.dtype)
        for row, unit in enumerate(wanted.tolist()):
            found[row] = self._trace(unit)[frames]
        return found
