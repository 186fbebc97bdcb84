"""Turns blocks of whole ΔF/F traces into events, and says with which noise level, time constants and penalty."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alveus.calcium.coefficients import REASONS, coefficients, estimate_time_constants
from alveus.calcium.noise import noise_level
from alveus.errors import RecordingError, SettingError

LOW_QUANTILE = 0.1  # of a trace: where the search for the baseline begins
FRAMES_FOR_QUANTILE = 4096  # enough, and a long trace need not be sorted

FLAT, UNKNOWN_NOISE = 10, 11
STATUSES = {
    0: "",
    1: "the noise alone explains the trace: no events",
    2: "the trace cannot be fitted as closely as its noise level asks: penalty 0",
    3: "no penalty meets the noise level: the nearest one is used",
    FLAT: "the trace is constant: no events",
    UNKNOWN_NOISE: "no segment is long enough to tell the noise level: penalty 0",
}


@dataclass(frozen=True)
class Deconvolved:
    """Events of a block of units, and how they came about.

    Parameters
    ----------
    events
        (n_units, n_frames) float32, ΔF/F that a frame adds: what the calcium jumps by (order 1), or the height of
        the transient that begins (order 2). Arbitrary units of spikes, never spikes per second.
    noise_level, baseline
        (n_units,) standard deviation of the noise and baseline, ΔF/F.
    decay, rise
        (n_units,) time constants [s]; a rise of 0 is a jump.
    penalty
        (n_units,) λ; 0 where s_min decides.
    status
        (n_units,) a key of `STATUSES`; 0 is as asked.
    notes
        (n_units,) sentences, empty where there is nothing to say.
    """

    events: NDArray[np.float32]
    noise_level: NDArray[np.float64]
    baseline: NDArray[np.float64]
    decay: NDArray[np.float64]
    rise: NDArray[np.float64]
    penalty: NDArray[np.float64]
    status: NDArray[np.int64]
    notes: tuple[str, ...]


def deconvolve(
    traces: NDArray[np.floating],
    rate: float,
    starts: ArrayLike | None = None,
    *,
    order: Literal[1, 2] = 1,
    decay: ArrayLike | None = None,
    rise: ArrayLike | None = None,
    penalty: ArrayLike | Literal["noise"] = "noise",
    s_min: ArrayLike | None = None,
    optimise_baseline: bool = True,
    noise: ArrayLike | None = None,
) -> Deconvolved:
    """Deconvolve whole traces; units are independent of each other, so that blocks can run in threads.

    Parameters
    ----------
    traces
        (n_units, n_frames) ΔF/F, float32 or float64, finite.
    rate
        Frames per second [Hz].
    starts
        First frame of each segment, 0 first: calcium begins anew, no event is put on a segment's first frame.
        None: one segment.
    order
        1: transients jump. 2: they rise.
    decay, rise
        Time constants [s], of all units or (n_units,); None: read off each trace. `rise` is for order 2.
    penalty
        ``"noise"``: so that the residual is as large as the noise; or λ in noise levels, of all or (n_units,).
    s_min
        Smallest event in noise levels; replaces the penalty. None: no threshold.
    optimise_baseline
        Whether a constant baseline is found with the penalty ``"noise"``; elsewhere it is the mode of the trace's
        lower part. False: ΔF/F is taken to be 0 at rest.
    noise
        Standard deviation of the noise, of all or (n_units,); None: from the power spectrum.

    Raises
    ------
    RecordingError
        When traces are not finite, or `starts` do not go up from 0.
    SettingError
        When a setting is out of range.
    """
    from alveus.calcium.ar1 import deconvolve_ar1
    from alveus.calcium.ar2 import deconvolve_ar2

    traces = _checked(traces)
    n_units, n_frames = traces.shape
    bounds = _bounds(starts, n_frames)
    if order not in (1, 2):
        raise SettingError(f"order is {order}: calcium models of order 1 and 2 are known")
    level = noise_level(traces, bounds[:-1]) if noise is None else _per_unit(noise, n_units, "noise")
    tau, tau_rise, reasons = _time_constants(traces, rate, bounds, order, decay, rise)
    d, r = coefficients(tau, tau_rise, rate)
    meet = isinstance(penalty, str) and s_min is None
    if isinstance(penalty, str) and penalty != "noise":
        raise SettingError(f"penalty is {penalty!r}: give noise, or a number of noise levels")
    height = _height(d, r)
    threshold = np.zeros(n_units) if s_min is None else _per_unit(s_min, n_units, "s_min") * level / height
    given = _per_unit(0.0 if isinstance(penalty, str) else penalty, n_units, "penalty")
    lam = np.zeros(n_units) if s_min is not None or meet else given * level * height
    baseline = _low_quantile(traces) if optimise_baseline else np.zeros(n_units)
    if optimise_baseline and not meet:
        baseline += level * 1.2816  # of normal noise the quantile lies so far below
    events, nothing = np.zeros((n_units, n_frames), np.float32), np.empty((n_units, 0), np.float32)
    status = np.zeros(n_units, np.int64)
    flat = traces.max(axis=1, initial=-np.inf) <= traces.min(axis=1, initial=np.inf)
    status[flat] = FLAT
    status[~np.isfinite(level)] = UNKNOWN_NOISE
    level = np.where(np.isfinite(level), level, 0.0)
    for some in (np.flatnonzero(~flat & (r == 0)), np.flatnonzero(~flat & (r > 0))):
        if some.size == 0:
            continue
        whole = some.size == n_units
        block, part = (traces, events) if whole else (traces[some], np.empty((some.size, n_frames), np.float32))
        found, lams, codes = baseline[some], lam[some], np.zeros(some.size, np.int64)
        rest = (lams, threshold[some], level[some], found, optimise_baseline, meet, part, nothing[some], codes)
        if r[some[0]] == 0:
            deconvolve_ar1(block, bounds, d[some], *rest)
        else:
            deconvolve_ar2(block, bounds, d[some], r[some], *rest)
        baseline[some], lam[some], status[some] = found, lams, np.maximum(status[some], codes)
        if not whole:
            events[some] = part
    events *= height[:, None].astype(np.float32)
    notes = tuple(
        "; ".join(filter(None, (STATUSES[int(code)], REASONS[int(reason)])))
        for code, reason in zip(status, reasons, strict=True)
    )
    return Deconvolved(events, level, baseline, tau, tau_rise, lam, status, notes)


def _checked(traces: NDArray[np.floating]) -> NDArray[np.floating]:
    if traces.ndim != 2 or traces.shape[1] == 0:
        raise RecordingError(f"traces have the shape {traces.shape}: they must be (unit, frame)")
    traces = np.ascontiguousarray(traces, np.float32 if traces.dtype == np.float32 else np.float64)
    wrong = ~np.isfinite(traces)
    if wrong.any():
        unit, frame = (int(k[0]) for k in np.nonzero(wrong))
        raise RecordingError(
            f"{wrong.sum()} values that are not finite, in {wrong.any(axis=1).sum()} of {len(traces)} traces, the "
            f"first in frame {frame} of trace {unit}: cut such frames out into a gap between segments, or leave "
            "the unit out"
        )
    return traces


def _bounds(starts: ArrayLike | None, n_frames: int) -> NDArray[np.int64]:
    first = np.zeros(1, np.int64) if starts is None else np.asarray(starts, np.int64)
    bounds = np.append(first, n_frames)
    if first.size == 0 or first[0] != 0 or (np.diff(bounds) <= 0).any():
        raise RecordingError(f"segments must begin at frame 0 and go up to less than {n_frames}: {first[:5]} …")
    return bounds


def _per_unit(value: Any, n_units: int, name: str) -> NDArray[np.float64]:
    values = np.asarray(value, np.float64)
    if values.shape not in ((), (n_units,)):
        raise SettingError(
            f"{name} has the shape {values.shape}: give one number, or one for each of {n_units} units"
        )
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise SettingError(f"{name} is {values.min():g}: give numbers from 0 up")
    return np.broadcast_to(values, n_units).copy()


def _time_constants(
    traces: NDArray[np.floating],
    rate: float,
    bounds: NDArray[np.int64],
    order: int,
    decay: ArrayLike | None,
    rise: ArrayLike | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    n_units = traces.shape[0]
    if order == 1 and rise is not None:
        raise SettingError("a rise needs order 2: of order 1 transients jump")
    if decay is not None and (order == 1 or rise is not None):
        tau_rise = _per_unit(0.0 if rise is None else rise, n_units, "rise")
        return _per_unit(decay, n_units, "decay"), tau_rise, np.zeros(n_units, np.int64)
    found = estimate_time_constants(traces, rate, bounds[:-1], order)
    tau = found.decay if decay is None else _per_unit(decay, n_units, "decay")
    tau_rise = found.rise if rise is None else _per_unit(rise, n_units, "rise")
    return tau, np.minimum(tau_rise, 0.5 * tau), found.reason


def _height(d: NDArray[np.float64], r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the height, in frames, of the transient that an event of size 1 begins."""
    height = np.ones(d.size)
    rises = r > 0
    a, b = d[rises], r[rises]
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = np.log(np.log(b) / np.log(a)) / np.log(a / b)  # of dᵏ⁺¹ − rᵏ⁺¹, as a real k + 1
    k = np.maximum(np.floor(peak), 1.0)
    height[rises] = np.maximum(a**k - b**k, a ** (k + 1) - b ** (k + 1)) / (a - b)
    return height


def _low_quantile(traces: NDArray[np.floating]) -> NDArray[np.float64]:
    step = max(1, traces.shape[1] // FRAMES_FOR_QUANTILE)
    return np.quantile(traces[:, ::step].astype(np.float64), LOW_QUANTILE, axis=1)
