"""Events, and the spikes that made them, to how well they correlate, beside what ΔF/F does by itself."""

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alveus.preprocessing.frames import SharedFrames
from alveus.preprocessing.grid import Bins, exact
from alveus.preprocessing.intervals import stretches
from alveus.recording import Traces
from alveus.scores.rows import Row, not_estimable
from alveus.scores.settings import ScoreSettings

SCORE = "deconvolution_r"
USUAL_BIN = 0.04  # [s], 25 Hz: the width at which spike inference is compared since Berens et al. (2018)
SAME_WIDTH = 1e-6  # relative; widths that differ by less are the same one, rounded differently
MIN_BINS = 10  # with fewer a correlation says nothing
MIN_UNITS = 5  # with fewer the bootstrap over units says nothing
MOST_UNITS = 100  # with a row of their own: a table of thousands is read by nobody
BINS_AT_ONCE = 1024
CONSTANT = 1e-12  # part of the mean square below which a variance is what rounding left of 0
FRAME_ROUNDING = 1e-6  # of a frame; a spike this close before a frame belongs to it

RISES, SMOOTH, RAW = "rectified derivative of ΔF/F", "rectified derivative of smoothed ΔF/F", "raw ΔF/F"
SMOOTHING = 0.05  # [s] standard deviation; the best of 10 to 200 ms on recorded cells, so that it is a hard floor
REACH = 4  # standard deviations that smoothing sees

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DeconvolutionScoreInputs:
    """What a deconvolution made of traces whose spikes are known.

    Parameters
    ----------
    events
        (n_frames, n_units), an array or anything that slices by frames like one; read forward, in pieces.
    true_spikes
        Per unit the times of its spikes [s], in any order; empty where they are not known.
    unit_ids
        (n_units,) the source's own ids.
    sampling_rate
        Frames per second [Hz].
    bin_size
        Width of the study's bins [s].
    dff
        (n_frames, n_units) ΔF/F from which the events come, as `events`; None where it is not known.
    start
        When the first frame begins [s].
    segment
        (n_frames,) number of the stretch each frame belongs to; negative: of none.
    missing
        (n_frames,) frames without a signal.
    delays
        (n_units,) how long after the begin of a frame each unit is measured [s].
    settings
        Of intervals.
    """

    events: Any
    true_spikes: tuple[NDArray[np.floating], ...]
    unit_ids: tuple[str, ...]
    sampling_rate: float
    bin_size: float
    dff: Any | None = None
    start: float = 0.0
    segment: NDArray[np.integer] | None = None
    missing: NDArray[np.bool_] | None = None
    delays: NDArray[np.floating] | None = None
    settings: ScoreSettings = field(default_factory=ScoreSettings)


def deconvolution_r(inputs: DeconvolutionScoreInputs) -> list[Row]:
    """Correlate events with true spikes, in bins of 40 ms and in the study's.

    Spikes are counted in the frames they fall into; counts and events are shared out to bins by exact overlap, so
    that events which count the spikes of every frame score 1 whatever the bins. Bins lie wholly within stretches
    without a gap. A recording of fewer than 25 frames/s is scored at its frame rate.

    The floors need no deconvolution: ΔF/F averaged in the same bins, and by how much it rises, falls set to 0:
    from bin to bin, or from frame to frame after smoothing. Each row carries the best of the three.

    Parameters
    ----------
    inputs
        The session's arrays.

    Returns
    -------
    list of Row
        For each width of bins the median over units, with a 95 % interval from resampled units, that of all
        floors, and each unit's own correlation. Units without true spikes there, or with events that are not
        finite, are not estimable. Constant events score 0: a method gains nothing by staying silent where it is
        hard.

    References
    ----------
    Theis et al. (2016), Benchmarking spike rate inference in population calcium imaging, Neuron 90.
    Berens et al. (2018), Community-based benchmarking improves spike rate inference from two-photon calcium
    imaging data, PLOS Comput. Biol. 14.
    """
    rows: list[Row] = []
    for width, note in _widths(inputs.sampling_rate, inputs.bin_size):
        rows += _rows_of_width(inputs, width, note)
    return rows


@dataclass(frozen=True)
class Correlations:
    """What each unit's signals have in common with its spikes.

    Parameters
    ----------
    events
        (n_units,) Pearson's correlation with the spikes; NaN where it is not defined.
    floors
        Name → the same of what needs no deconvolution; empty without ΔF/F.
    why_not
        (n_units,) why a unit's events have none; empty where they have one.
    """

    events: Floats
    floors: dict[str, Floats]
    why_not: tuple[str, ...]


def correlations(inputs: DeconvolutionScoreInputs, width: Fraction) -> Correlations:
    """Correlate each unit's events, and the floors, with its spikes in bins of a width [s]."""
    rate = exact(inputs.sampling_rate)
    bins = _lay_bins(inputs, width, rate)
    n_units = len(inputs.unit_ids)
    if bins.n_bins < MIN_BINS:
        why = f"only {bins.n_bins} bins of {_milliseconds(width)} fit between gaps"
        undefined = np.full(n_units, np.nan)
        return Correlations(undefined, {}, (why,) * n_units)

    def binned(values: Any, signal: Literal["events", "dff"]) -> Any:
        source, units = Traces(values, inputs.sampling_rate, signal), np.arange(n_units)
        frames = SharedFrames(source, units, bins, Fraction(0), rate, [Fraction(0)] * n_units)
        return frames.read(np.float64, BINS_AT_ONCE)

    spikes, events = binned(_SpikeFrames(inputs), "events"), binned(inputs.events, "events")
    dff = None if inputs.dff is None else binned(inputs.dff, "dff")
    smooth = None if inputs.dff is None else binned(_SmoothRises(inputs), "events")
    of_events, of_rises, of_smooth, of_raw = (RunningCorrelation(n_units) for _ in range(4))
    first, before = 0, np.full((1, n_units), np.nan)
    for counts, inferred in zip(spikes, events, strict=True):
        of_events.add(inferred, counts)
        if dff is not None and smooth is not None:
            of_smooth.add(next(smooth), counts)
            level = next(dff)
            run = bins.segment(max(0, first - 1), first + len(level))
            begins = np.diff(run, prepend=run[0] if first else -1)[-len(level) :] != 0
            rise = np.maximum(np.diff(level, axis=0, prepend=before), 0)
            of_rises.add(np.where(begins[:, None], 0, rise), counts)
            of_raw.add(level, counts)
            before = level[-1:]
        first += len(counts)
    why_not = of_events.why_not("events", "true spikes")
    if inputs.dff is None:
        return Correlations(of_events.values(), {}, why_not)
    floors = {RISES: of_rises.values(), SMOOTH: of_smooth.values(), RAW: of_raw.values()}
    return Correlations(of_events.values(), floors, why_not)


class RunningCorrelation:
    """Pearson's correlation of two signals per unit, from blocks of bins.

    Means and sums of squares about them are joined block by block, so that a large mean costs no digits.

    Parameters
    ----------
    n_units
        Number of pairs of signals.

    References
    ----------
    Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance, The American Statistician 37.
    """

    def __init__(self, n_units: int) -> None:
        self._n = 0
        self._mean_x, self._mean_y, self._xx, self._yy, self._xy = np.zeros((5, n_units))

    def add(self, x: Floats, y: Floats) -> None:
        """Add bins of both signals, (n_bins, n_units) each."""
        n, m = self._n, len(x)
        mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
        off_x, off_y = x - mean_x, y - mean_y
        apart_x, apart_y = mean_x - self._mean_x, mean_y - self._mean_y
        weight = n * m / (n + m)
        self._xx += (off_x**2).sum(axis=0) + weight * apart_x**2
        self._yy += (off_y**2).sum(axis=0) + weight * apart_y**2
        self._xy += (off_x * off_y).sum(axis=0) + weight * apart_x * apart_y
        self._mean_x += apart_x * m / (n + m)
        self._mean_y += apart_y * m / (n + m)
        self._n = n + m

    def values(self) -> Floats:
        """Return the correlation of each unit: 0 where x is constant, NaN where y is or x is not finite."""
        tells = self._varies(self._xx, self._mean_x)
        defined = np.isfinite(self._xx) & self._varies(self._yy, self._mean_y)
        scale = np.sqrt(np.where(defined & tells, self._xx, np.nan)) * np.sqrt(np.where(defined, self._yy, np.nan))
        return np.asarray(np.where(defined & ~tells, 0.0, np.clip(self._xy / scale, -1, 1)))

    def why_not(self, x: str, y: str) -> tuple[str, ...]:
        """Say for each unit why it has no correlation, with names of both signals; empty where it has one."""
        reasons = np.full(self._n_units, "", object)
        reasons[~self._varies(self._yy, self._mean_y)] = f"the {y} are as many in every bin"
        reasons[self._yy + self._mean_y == 0] = f"no {y} in the frames with a signal"
        reasons[~np.isfinite(self._xx)] = f"some {x} are not finite"
        return tuple(reasons.tolist())

    @property
    def _n_units(self) -> int:
        return self._xx.size

    def _varies(self, squares: Floats, mean: Floats) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            return np.asarray(squares > CONSTANT * (squares + self._n * mean**2))


class _SpikeFrames:
    """Spikes per frame, (n_frames, n_units), counted when they are asked for."""

    def __init__(self, inputs: DeconvolutionScoreInputs) -> None:
        self.shape: tuple[int, int] = (int(inputs.events.shape[0]), len(inputs.unit_ids))
        self.ndim = 2
        delays = np.zeros(self.shape[1]) if inputs.delays is None else inputs.delays
        frames = [
            np.floor(
                (np.asarray(times, np.float64) - inputs.start - delay) * inputs.sampling_rate + FRAME_ROUNDING
            )
            for times, delay in zip(inputs.true_spikes, delays, strict=True)
        ]
        frame = np.concatenate([*frames, np.empty(0)]).astype(np.int64)
        unit = np.repeat(np.arange(len(frames)), [times.size for times in frames])
        order = np.argsort(frame, kind="stable")
        self._frame, self._unit = frame[order], unit[order]

    def __getitem__(self, frames: slice) -> Floats:
        start, stop, _ = frames.indices(self.shape[0])
        a, b = np.searchsorted(self._frame, [start, stop])
        at = (self._frame[a:b] - start) * self.shape[1] + self._unit[a:b]
        n = max(0, stop - start)
        return np.bincount(at, minlength=n * self.shape[1]).astype(np.float64).reshape(n, self.shape[1])


class _SmoothRises:
    """By how much smoothed ΔF/F rises from frame to frame, (n_frames, n_units), computed when asked for."""

    def __init__(self, inputs: DeconvolutionScoreInputs) -> None:
        self._dff, self._sigma = inputs.dff, SMOOTHING * inputs.sampling_rate
        self.shape: tuple[int, int] = (int(inputs.events.shape[0]), len(inputs.unit_ids))
        self.ndim = 2
        segment = np.zeros(self.shape[0]) if inputs.segment is None else inputs.segment
        self._begins = np.diff(segment, prepend=segment[0] - 1) != 0

    def __getitem__(self, frames: slice) -> Floats:
        from scipy.ndimage import gaussian_filter1d

        assert self._dff is not None  # noqa: S101  (for the type checker)
        start, stop, _ = frames.indices(self.shape[0])
        margin = int(np.ceil(REACH * self._sigma)) + 1
        first = max(0, start - margin)
        around = np.asarray(self._dff[first : min(self.shape[0], stop + margin)], np.float64)
        smooth = gaussian_filter1d(around, self._sigma, axis=0, mode="nearest", truncate=REACH)
        rises = np.maximum(np.diff(smooth, axis=0, prepend=smooth[:1]), 0)[start - first : stop - first]
        rises[self._begins[start:stop]] = 0
        return np.asarray(rises)


def _lay_bins(inputs: DeconvolutionScoreInputs, width: Fraction, rate: Fraction) -> Bins:
    """Lay bins from the first frame on; those are kept that lie within a stretch without a gap."""
    n_frames = int(inputs.events.shape[0])
    segment = np.zeros(n_frames, np.int64) if inputs.segment is None else inputs.segment.astype(np.int64)
    if inputs.missing is not None:
        segment = np.where(inputs.missing, -1, segment)
    per_bin = width * rate
    runs = []
    for first_frame, stop_frame in stretches(segment, n_frames):
        first, stop = -(-first_frame // per_bin), stop_frame // per_bin
        if stop > first:
            runs.append((int(first), int(stop - first)))
    table = np.array(runs, np.int64).reshape(-1, 2)
    return Bins(exact(inputs.start), width, 1, table[:, 0], table[:, 1])


def _widths(sampling_rate: float, bin_size: float) -> list[tuple[Fraction, str]]:
    """Return the widths to score at [s], each once, with what to know about it."""
    rate = exact(sampling_rate)
    found: dict[Fraction, str] = {}
    for wanted in (USUAL_BIN, bin_size):
        width = exact(wanted)
        whole = max(1, round(width * rate))
        if abs(width * rate / whole - 1) < SAME_WIDTH:
            width = whole / rate  # whole frames: the width was rounded
        note = ""
        if width * rate < 1:
            note = f"at the frame rate, {sampling_rate:.4g} Hz, since bins of {_milliseconds(width)} are shorter"
            width = 1 / rate
        found.setdefault(width, note)
    return list(found.items())


def _milliseconds(width: Fraction) -> str:
    return f"{float(1000 * width):.4g} ms"


def _rows_of_width(inputs: DeconvolutionScoreInputs, width: Fraction, note: str) -> list[Row]:
    bins = f"{_milliseconds(width)} bins"
    found = correlations(inputs, width)
    scored = np.isfinite(found.events)
    if not scored.any():
        reasons = sorted(set(found.why_not))
        why = f"none of {scored.size} units can be scored: {', '.join(reasons[:3])}" if reasons else "no units"
        return [not_estimable(SCORE, why, target=bins)]
    left_out = Counter(why for why in found.why_not if why)
    notes = [note, f"median of {scored.sum()} of {scored.size} units"]
    notes += [f"{n} left out: {why}" for why, n in sorted(left_out.items())]
    if scored.size > MOST_UNITS:
        notes.append(f"the first {MOST_UNITS} units have rows of their own")
    summary = _median_row(found.events[scored], bins, inputs.settings)
    of_floors = [
        _median_row(values[scored], f"{bins} from {name}", inputs.settings)
        for name, values in found.floors.items()
        if np.isfinite(values[scored]).any()
    ]
    if of_floors:
        best = max(of_floors, key=lambda row: float(row.value or 0))
        name = best.target.removeprefix(f"{bins} from ")
        summary = replace(summary, floor=float(best.value or 0), floor_name=name)
    else:
        notes.append("no ΔF/F to compare with")
    summary = replace(summary, note="; ".join(text for text in (*notes, summary.note) if text))
    each = [_unit_row(inputs.unit_ids[i], i, found, bins) for i in range(min(scored.size, MOST_UNITS))]
    return [summary, *of_floors, *each]


def _median_row(values: Floats, target: str, settings: ScoreSettings) -> Row:
    """Return the median over units, those without a value left out, with its interval from resampled units."""
    values = values[np.isfinite(values)]
    row = Row(SCORE, target, value=float(np.median(values)))
    if values.size < MIN_UNITS:
        units = "unit" if values.size == 1 else "units"
        return replace(row, note=f"no interval: only {values.size} {units}")
    rng = settings.generator("bootstrap", SCORE, target)
    medians = [np.median(values[rng.integers(values.size, size=values.size)]) for _ in range(settings.resamples)]
    low, high = np.percentile(medians, [2.5, 97.5])
    return replace(row, low=float(low), high=float(high))


def _unit_row(unit: str, place: int, found: Correlations, bins: str) -> Row:
    target = f"unit {unit}, {bins}"
    if found.why_not[place]:
        return not_estimable(SCORE, found.why_not[place], target=target)
    floors = [(float(values[place]), name) for name, values in found.floors.items() if np.isfinite(values[place])]
    floor, name = max(floors) if floors else (None, "")
    note = "the events are constant" if found.events[place] == 0 else ""
    return Row(SCORE, target, value=float(found.events[place]), floor=floor, floor_name=name, note=note)
