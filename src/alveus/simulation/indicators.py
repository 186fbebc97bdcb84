"""Spike times to the fluorescence of a calcium indicator, for the indicators in use."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RESTING = (
    5.0  # calcium at rest, in what one spike adds: a spike changes it by little, so the indicator is near linear
)
HALF = 15.0  # calcium that half of the indicator binds, in the same unit
PEAK_POINTS = 20_000  # in the longest time constant: they find the height of the peak to better than 1e-4

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Indicator:
    """How an indicator answers spikes.

    Calcium answers a spike by ``(1 − exp(−t/rise)) · (exp(−t/decay) + slow_share · exp(−t/slow_decay))``, scaled
    to a height of 1. Bound indicator follows it by a Hill curve from a resting level, scaled so that a lone spike
    still has its amplitude.

    Parameters
    ----------
    rise, decay
        Time constants [s].
    amplitude
        ΔF/F at the peak after one spike.
    hill
        Exponent of the Hill curve: 2 is linear to within a tenth up to 10 spikes at once, 1 saturates from the
        start.
    slow_decay, slow_share
        Of a second decay [s], and how large it is beside the first.
    """

    rise: float
    decay: float
    amplitude: float
    hill: float
    slow_decay: float = 1.0
    slow_share: float = 0.0

    def varied(self, *, amplitude: float, decay: float) -> "Indicator":
        """Return the indicator as it is in another cell: amplitude and all decays times a factor each."""
        return replace(
            self,
            amplitude=self.amplitude * amplitude,
            decay=self.decay * decay,
            slow_decay=self.slow_decay * decay,
        )

    def calcium(self, times: Floats, n_frames: int, rate: float) -> Floats:
        """Return calcium at the end of each frame, (n_frames,), in heights of a spike.

        A scanning microscope passes a cell in a small part of each frame, so that the trace samples calcium
        rather than averaging it; the spikes of a frame are those that newly show in its sample.

        Parameters
        ----------
        times
            (n_spikes,) [s] ≥ 0 from the start of the first frame, in any order; later ones than the last frame
            leave no trace.
        n_frames, rate
            How many, and how many a second.
        """
        frame = np.floor(times * rate).astype(np.int64)
        seen = frame < n_frames
        lag = (frame[seen] + 1) / rate - times[seen]
        return self._respond(frame[seen], lag, np.ones(lag.size), n_frames, rate)

    def calcium_of_rate(self, firing: Floats, rate: float) -> Floats:
        """Return the mean calcium of neurons with a firing rate [Hz] per frame, (n_frames,)."""
        n_frames = len(firing)
        lag = np.full(n_frames, 0.5 / rate)
        return self._respond(np.arange(n_frames), lag, firing / rate, n_frames, rate)

    def dff(self, calcium: Floats) -> Floats:
        """Turn calcium in heights of a spike into ΔF/F."""
        bound_at_rest = self._bound(np.array([0.0, 1.0]))
        scale = self.amplitude / (bound_at_rest[1] - bound_at_rest[0])
        return np.asarray(scale * (self._bound(calcium) - bound_at_rest[0]))

    def _bound(self, calcium: Floats) -> Floats:
        return np.asarray(1 / (1 + (HALF / (RESTING + calcium)) ** self.hill))

    def _respond(
        self, frame: NDArray[np.int64], lag: Floats, spikes: Floats, n_frames: int, rate: float
    ) -> Floats:
        """Sum exponentials that each decay from frame to frame: exact, whatever the number of spikes."""
        total = np.zeros(n_frames)
        for share, tau in self._components:
            arrived = np.bincount(frame, weights=spikes * np.exp(-lag / tau), minlength=n_frames)
            total += lfilter([share / self._peak], [1.0, -np.exp(-1 / (rate * tau))], arrived)
        return np.maximum(total, 0)  # differences of equal exponentials are rounded to below 0

    @cached_property
    def _components(self) -> list[tuple[float, float]]:
        """Weights and time constants [s] of the exponentials that make up the kernel."""
        terms = [(1.0, self.decay), (-1.0, 1 / (1 / self.decay + 1 / self.rise))]
        if self.slow_share:
            with_rise = 1 / (1 / self.slow_decay + 1 / self.rise)
            terms += [(self.slow_share, self.slow_decay), (-self.slow_share, with_rise)]
        return terms

    @cached_property
    def _peak(self) -> float:
        time = np.linspace(0, max(tau for _, tau in self._components), PEAK_POINTS)
        return float(np.sum([share * np.exp(-time / tau) for share, tau in self._components], axis=0).max())


INDICATORS: dict[str, Indicator] = {
    "gcamp6s": Indicator(0.0508, 1.702, 0.23, 2.0),
    "gcamp6f": Indicator(0.00998, 0.683, 0.19, 2.0),
    "jgcamp8f": Indicator(0.00185, 0.0341, 0.4, 1.5, slow_decay=0.264, slow_share=0.48),
    "jgcamp8m": Indicator(0.00246, 0.0416, 0.65, 1.5, slow_decay=0.246, slow_share=0.28),
    "jgcamp8s": Indicator(0.00565, 0.0863, 0.6, 1.5, slow_decay=0.465, slow_share=0.19),
    "ogb1": Indicator(0.01, 0.06, 0.08, 1.0, slow_decay=0.8, slow_share=0.375),
}
"""Indicators in pyramidal cells of the mouse's visual cortex.

Rise and decay are fits to light and spikes recorded together: GCaMP6 by Wei et al. (2020), A comparison of
neuronal population dynamics measured with calcium imaging and electrophysiology, PLOS Comput. Biol. 16; jGCaMP8 by
Zhang et al. (2023), Fast and sensitive GCaMP calcium indicators for imaging neural populations, Nature 615; OGB-1
by Grewe et al. (2010), High-speed in vivo calcium imaging reveals neuronal network activity with near-millisecond
precision, Nat. Methods 7; the numbers are those that other simulators cite for these papers, and were not held
against their tables. Amplitudes are rounded, since cells differ by more; those of GCaMP6 follow Chen et al.
(2013), Ultrasensitive fluorescent proteins for imaging neuronal activity, Nature 499. Hill exponents are chosen,
not measured: they keep the order of the indicators, GCaMP6 cooperative, dyes saturating.
"""
