"""Turns blocks of whole ΔF/F traces into events, and says with which noise level, time constants and penalty."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alveus.calcium.coefficients import (
    AS_EXPECTED,
    FITTED,
    NO_TRANSIENTS,
    OF_ORDER_1,
    REASONS,
    coefficients,
    estimate_time_constants,
)
from alveus.calcium.drift import resting_level
from alveus.calcium.noise import noise_level
from alveus.calcium.statuses import FLAT, STATUSES, UNKNOWN_NOISE, USUAL
from alveus.calcium.transients import LONGEST_RISE, find_transients
from alveus.errors import RecordingError, SettingError

TYPICAL_RISE = 0.02
"""[s] Indicators rise in 2 to 80 ms. Bursts look like a slow rise, so that beside a given decay a rise that is
read off the trace does worse than this one, on simulated and on real cells (docs/decisions/0014)."""

LOW_QUANTILE = 0.1  # of a trace: where the search for the baseline begins
FRAMES_FOR_QUANTILE = 4096  # enough, and a long trace need not be sorted


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
        (n_units,) sentences, empty where there is nothing to say; what is usual stands in `status` alone.
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
    order: Literal[1, 2] = 2,
    decay: ArrayLike | None = None,
    rise: ArrayLike | None = None,
    expected_decay: float | None = None,
    penalty: ArrayLike | Literal["noise"] = "noise",
    s_min: ArrayLike | None = None,
    baseline: Literal["running", "joint", "none"] = "running",
    window: float = 30.0,
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
        Time constants [s], of all units or (n_units,); None: read off each trace. `rise` is for order 2; with a
        given decay and None it is `TYPICAL_RISE`.
    expected_decay
        [s] Of traces without clear transients. None: they are fitted with order 1, and the decay of their
        autocovariance.
    penalty
        ``"noise"``: so that the residual is as large as the noise; or λ in standard deviations of the noise's
        correlation with a transient, of all or (n_units,).
    s_min
        Smallest event, in the same unit; replaces the penalty. None: no threshold.
    baseline
        ``"running"``: a slow low quantile is taken off first. ``"joint"``: a constant, found with the penalty
        ``"noise"``. ``"none"``: ΔF/F is 0 at rest.
    window
        Width of the running quantile [s].
    noise
        Standard deviation of the noise, of all or (n_units,); None: from the power spectrum.

    Raises
    ------
    RecordingError
        When traces are not finite, or `starts` do not go up from 0.
    SettingError
        When a setting is out of range.
    """
    from alveus.calcium.shape import height_of_transient, norm_of_transient

    traces = _checked(traces)
    n_units, n_frames = traces.shape
    bounds = _bounds(starts, n_frames)
    meet = isinstance(penalty, str) and s_min is None
    _check_settings(order, rise, penalty, baseline, meet)
    level = noise_level(traces, bounds[:-1]) if noise is None else _per_unit(noise, n_units, "noise")
    known = np.isfinite(level)
    resting, below = np.zeros((n_units, 1), traces.dtype), np.zeros(n_units)
    if baseline == "running" or (order == 2 and (decay is None or rise is None)):
        resting, below = resting_level(traces, rate, bounds, window)
    centred = traces - resting
    about_zero = centred - below[:, None].astype(traces.dtype)
    tau, tau_rise, reasons = _time_constants(
        traces, about_zero, rate, bounds, level, order, decay, rise, expected_decay
    )
    if baseline != "running":
        centred, resting = traces, np.zeros((n_units, 1), traces.dtype)
    d, r = coefficients(tau, tau_rise, rate)
    norm, height = norm_of_transient(d, r), height_of_transient(d, r)
    sigma = np.where(known, level, 0.0)
    threshold = np.zeros(n_units) if s_min is None else _per_unit(s_min, n_units, "s_min") * sigma / norm
    given = 0.0 if isinstance(penalty, str) or s_min is not None else penalty
    lam = _per_unit(given, n_units, "penalty") * sigma * norm
    constant = _low_quantile(centred) if baseline == "joint" else np.zeros(n_units)
    status = np.where(known, 0, UNKNOWN_NOISE)
    flat = traces.max(axis=1) <= traces.min(axis=1)
    status[flat] = FLAT
    events = np.zeros((n_units, n_frames), np.float32)
    for some in (np.flatnonzero(~flat & (r == 0)), np.flatnonzero(~flat & (r > 0))):
        if some.size:
            part = (d[some], r[some], lam[some], threshold[some], sigma[some], constant[some])
            found, lam[some], constant[some], codes = _solve(
                centred, some, bounds, *part, baseline == "joint", meet
            )
            events[some] = found
            status[some] = np.where(status[some] == 0, codes, status[some])
    events *= height[:, None].astype(np.float32)
    notes = tuple(
        "; ".join(filter(None, ("" if code in USUAL else STATUSES[int(code)], REASONS[int(reason)])))
        for code, reason in zip(status, reasons, strict=True)
    )
    return Deconvolved(events, level, constant + resting.mean(axis=1), tau, tau_rise, lam, status, notes)


def _solve(
    traces: NDArray[np.floating],
    some: NDArray[np.int64],
    bounds: NDArray[np.int64],
    d: NDArray[np.float64],
    r: NDArray[np.float64],
    lam: NDArray[np.float64],
    threshold: NDArray[np.float64],
    sigma: NDArray[np.float64],
    constant: NDArray[np.float64],
    joint: bool,
    meet: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return events, λ, b and status of some units, all of order 1 or all of order 2."""
    from alveus.calcium.ar1 import deconvolve_ar1
    from alveus.calcium.ar2 import deconvolve_ar2

    block = traces if some.size == len(traces) else traces[some]
    events, nothing = np.empty(block.shape, np.float32), np.empty((some.size, 0), np.float32)
    status = np.zeros(some.size, np.int64)
    rest = (lam, threshold, sigma, constant, joint, meet, events, nothing, status)
    if r[0] == 0:
        deconvolve_ar1(block, bounds, d, *rest)
    else:
        deconvolve_ar2(block, bounds, d, r, *rest)
    return events, lam, constant, status


def _check_settings(order: int, rise: Any, penalty: Any, baseline: str, meet: bool) -> None:
    if order not in (1, 2):
        raise SettingError(f"order is {order}: calcium models of order 1 and 2 are known")
    if order == 1 and rise is not None:
        raise SettingError("a rise needs order 2: of order 1 transients jump")
    if isinstance(penalty, str) and penalty != "noise":
        raise SettingError(f"penalty is {penalty!r}: give noise, or a number")
    if baseline not in ("running", "joint", "none"):
        raise SettingError(f"baseline is {baseline!r}: give running, joint or none")
    if baseline == "joint" and not meet:
        raise SettingError("a joint baseline is found with the penalty noise: without it give running or none")


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
    about_zero: NDArray[np.floating],
    rate: float,
    bounds: NDArray[np.int64],
    noise: NDArray[np.float64],
    order: int,
    decay: ArrayLike | None,
    rise: ArrayLike | None,
    expected_decay: float | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    n_units = len(traces)
    decays = None if decay is None else _per_unit(decay, n_units, "decay")
    rises = None if rise is None else _per_unit(rise, n_units, "rise")
    if order == 1:
        rises = np.zeros(n_units)
    if decays is not None and rises is None:
        rises = np.minimum(TYPICAL_RISE, LONGEST_RISE * decays)
    if decays is not None and rises is not None:
        return decays, rises, np.full(n_units, FITTED)
    if order == 1:
        found = estimate_time_constants(traces, rate, bounds[:-1])
        return found.decay, found.rise, found.reason
    found = find_transients(about_zero, rate, bounds, noise, rises)
    unclear = np.flatnonzero(found.reason == NO_TRANSIENTS)
    if unclear.size and expected_decay is not None:
        found.decay[unclear], found.reason[unclear] = expected_decay, AS_EXPECTED
        if rises is None:
            found.rise[unclear] = min(TYPICAL_RISE, LONGEST_RISE * expected_decay)
    elif unclear.size and rises is None:
        guess = estimate_time_constants(traces[unclear], rate, bounds[:-1])
        found.decay[unclear], found.rise[unclear] = guess.decay, 0.0
        found.reason[unclear] = np.where(guess.reason == FITTED, OF_ORDER_1, guess.reason)
    return found.decay, found.rise, found.reason


def _low_quantile(traces: NDArray[np.floating]) -> NDArray[np.float64]:
    step = max(1, traces.shape[1] // FRAMES_FOR_QUANTILE)
    return np.quantile(traces[:, ::step].astype(np.float64), LOW_QUANTILE, axis=1)
