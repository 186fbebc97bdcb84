"""Counts, without any model, to rates of held-out bins: neighbouring bins, other units, other trials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from alveus.scores.intervals import ratio_interval
from alveus.scores.newton import blocks_of
from alveus.scores.parts import TEST, TRAIN, VALIDATION, bins_of, too_few_bins
from alveus.scores.readout import RATE_FLOOR, fit_readout
from alveus.scores.ridge import BLOCK_NUMBERS, moments
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings
from alveus.scores.smoothing import Side, Smoother

WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0)  # standard deviations of Gaussians to choose from [bins]
SHARED_WIDTHS = (2.0, 4.0, 8.0)  # the same where all units are smoothed
STRENGTHS = (1.0, 4.0, 16.0, 64.0)  # bins at its mean rate that a unit is given in advance, to choose from
N_COMPONENTS = 8
TRIAL_WIDTHS = (0.0, 1.0, 4.0)  # standard deviations over the time in a trial [bins], to choose from; 0: none
MAX_CONDITIONS = 100  # a column of trials with more different values is a number or an id
MIN_REPEATS = 3  # training trials of a condition, in the median; with fewer nothing repeats
MAX_COLUMNS = 6  # of trials; each costs a pass over the data
MAX_NUMBERS = 1 << 25  # in a table of trial averages: 256 MB

ALL_UNITS, HELD_OUT = "all units", "held-out units"
OWN_BINS = "sees other bins of the very units it predicts"
NO_UNIT = "sees no unit in these bins, only what they did in training"

Floats = NDArray[np.float64]
Counts = NDArray[np.integer]
Bins = NDArray[np.intp]
Evidence = Callable[[Bins], tuple[Floats, Floats]]
"""Spikes (n_bins, n_units) met in (n_bins, 1) bins like each of these, before anything is given in advance."""


@dataclass(frozen=True)
class Trials:
    """Which trial each bin belongs to.

    Parameters
    ----------
    of_bin
        (n_bins,) number of the trial, −1 between trials.
    bin_in_trial
        (n_bins,) bins since its start.
    columns
        (n_trials,) values of each column of trials.
    """

    of_bin: NDArray[np.integer]
    bin_in_trial: NDArray[np.integer]
    columns: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)


class _Session:
    """What all competitors share: the units that spiked in training, their mean rates, and the parts."""

    def __init__(self, counts: Counts, split: NDArray[np.integer], held_out: NDArray[np.bool_]) -> None:
        self.counts = counts
        self.train, self.validation, self.test = (bins_of(split, part) for part in (TRAIN, VALIDATION, TEST))
        total = np.zeros(counts.shape[1])
        for _, block in blocks_of(self.train, counts.shape[1]):
            total += counts[block].sum(axis=0)
        self.units = np.flatnonzero(total > 0)
        self.mean = np.maximum(total[self.units] / self.train.size, RATE_FLOOR)
        self.held_out = held_out[self.units]

    def gain(self, bins: Bins, evidence: Evidence, strengths: Sequence[float]) -> Floats:
        """Log-likelihood [nats] beyond the mean rate, of all and of held-out units, (n_strengths, 2, n_bins)."""
        gain = np.empty((len(strengths), 2, bins.size))
        for at, block in blocks_of(bins, max(1, self.units.size)):
            x, (spikes, n) = self.counts[block][:, self.units], evidence(block)
            for of_strength, strength in zip(gain, strengths, strict=True):
                rate = np.maximum((spikes + strength * self.mean) / (n + strength), RATE_FLOOR)
                each = x * np.log(rate / self.mean) - (rate - self.mean)
                of_strength[0, at] = each.sum(axis=1)
                of_strength[1, at] = each[:, self.held_out].sum(axis=1)
        return gain

    def best(self, evidence: list[Evidence]) -> tuple[Floats, int, float]:
        """Choose evidence and strength on validation bins; return the gain of test bins, and both choices."""
        judged = np.stack([self.gain(self.validation, of, STRENGTHS)[:, 0].sum(axis=1) for of in evidence])
        chosen, strength = np.unravel_index(int(np.argmax(judged)), judged.shape)
        gain = self.gain(self.test, evidence[chosen], [STRENGTHS[strength]])[0]
        return gain, int(chosen), STRENGTHS[strength]

    def rows(self, gain: Floats, settings: ScoreSettings, name: str, *notes: str) -> list[Row]:
        """Make a row for all units, and one for held-out units where there are any."""
        kinds = [
            ("bits_per_spike", ALL_UNITS, np.ones(self.units.size, bool)),
            ("co_smoothing", HELD_OUT, self.held_out),
        ]
        rows = []
        for (score, who, chosen), nats in zip(kinds, gain, strict=True):
            target = f"{who} from {name}"
            if not chosen.any():
                continue
            bits = np.log(2) * self.counts[self.test][:, self.units[chosen]].sum(axis=1)
            if not bits.any():
                rows.append(not_estimable(score, "no spike in the test bins", target=target))
                continue
            interval = ratio_interval(nats, bits, settings, score, target)
            row = Row(score, target, None, float(nats.sum() / bits.sum()), interval.low, interval.high)
            rows.append(with_note(row, *notes, interval.note))
        return rows


def rate_competitors(
    counts: Counts,
    split: NDArray[np.integer],
    segment: NDArray[np.integer],
    held_out: NDArray[np.bool_],
    settings: ScoreSettings,
    *,
    bin_size: float,
    trials: Trials | None = None,
) -> list[Row]:
    """Predict held-out bins by what needs no model, in bits per spike beyond each unit's mean rate in training.

    *Own past*: a causal Gaussian over each unit's earlier bins. *Own past and future*: the same over all bins but
    the one predicted. *Smoothed held-in units*: their eight principal components after smoothing, through the
    Poisson readout that all methods share. *Trial average*: what a unit did at this time of other trials, of all
    or of those with the same value in a column. Sums of spikes are drawn to the mean rate, as by a gamma prior;
    how much, and all widths, are chosen on validation bins.

    Parameters
    ----------
    counts
        (n_bins, n_units).
    split, segment
        (n_bins,) part of each bin, and stretches without a gap.
    held_out
        (n_units,) units of co-smoothing.
    settings
        Of the intervals.
    bin_size
        Width of a bin [s].
    trials
        Where they repeat.

    Returns
    -------
    list of Row
        ``bits_per_spike`` of all units and ``co_smoothing`` of held-out ones; without floor, which is 0 by
        construction: the mean rate.

    References
    ----------
    Pei et al. (2021), Neural Latents Benchmark '21 (smoothing as the baseline of co-smoothing); Pillow et al.
    (2008), Spatio-temporal correlations and visual signalling, Nature 454 (a unit's own past).
    """
    if too_few_bins(split):
        return []
    session = _Session(counts, split, held_out)
    if not session.units.size or not session.validation.size:
        return []
    rows = []
    sides: tuple[tuple[Side, str], ...] = (("past", "their own past"), ("others", "their own past and future"))
    for side, name in sides:
        smoothers = [Smoother(counts, segment, sd, side) for sd in WIDTHS]
        gain, chosen, strength = session.best([_around(smoother, session.units) for smoother in smoothers])
        how = f"Gaussian of sd {1000 * WIDTHS[chosen] * bin_size:g} ms, {strength:g} bins in advance"
        rows += session.rows(gain, settings, name, OWN_BINS, how)
    if session.held_out.any() and not held_out.all():
        rows += _from_held_in(session, segment, held_out, settings, bin_size)
    if trials is not None and (trials.of_bin >= 0).any():
        rows += _from_trials(session, split, trials, settings)
    return rows


def _around(smoother: Smoother, units: NDArray[np.intp]) -> Evidence:
    def evidence(bins: Bins) -> tuple[Floats, Floats]:
        spikes, n = np.empty((bins.size, units.size)), np.empty((bins.size, 1))
        ends = [0, *(np.flatnonzero(np.diff(bins) > 1) + 1), bins.size]
        for left, right in pairwise(ends):
            total, weight = smoother.block(int(bins[left]), int(bins[right - 1]) + 1)
            spikes[left:right], n[left:right] = total[:, units], weight
        return spikes, n

    return evidence


def _from_held_in(
    session: _Session,
    segment: NDArray[np.integer],
    held_out: NDArray[np.bool_],
    settings: ScoreSettings,
    bin_size: float,
) -> list[Row]:
    """Predict held-out units from the smoothed principal components of the others."""
    others = _Columns(session.counts, np.flatnonzero(~held_out))
    n_bins, n_components = len(session.counts), min(N_COMPONENTS, others.shape[1])
    wanted = session.counts[:, session.units[session.held_out]]
    usable = np.zeros(n_bins, bool)
    usable[session.train] = True
    best, judged, width = np.empty((n_bins, 0)), -np.inf, 0.0
    for sd in SHARED_WIDTHS:
        smooth = Smoother(others, segment, sd)
        sums = moments(smooth.mean, others.shape[1], np.empty((n_bins, 0)), usable, 0, n_bins)
        mean = sums[:-1, -1] / sums[-1, -1]
        axes = np.linalg.eigh(sums[:-1, :-1] / sums[-1, -1] - np.outer(mean, mean))[1][:, ::-1][:, :n_components]
        components = np.empty((n_bins, n_components))
        size = max(1, BLOCK_NUMBERS // others.shape[1])
        for start in range(0, n_bins, size):
            components[start : start + size] = others[start : start + size] @ axes
        components = Smoother(components, segment, sd).mean(0, n_bins)
        fit = fit_readout(components, wanted, session.train).score(components, wanted, session.validation)
        gain = float((fit.readout - fit.mean_rate).sum())
        if gain > judged:
            best, judged, width = components, gain, sd
    fit = fit_readout(best, wanted, session.train).score(best, wanted, session.test)
    gains = np.stack([np.zeros(session.test.size), fit.readout - fit.mean_rate])
    name = f"{n_components} principal components of smoothed held-in units"
    return session.rows(gains, settings, name, f"Gaussian of sd {1000 * width * bin_size:g} ms")[1:]


class _Columns:
    """Some columns of counts, read row by row."""

    def __init__(self, counts: Counts, columns: NDArray[np.intp]) -> None:
        self._counts, self._columns = counts, columns
        self.shape = (len(counts), columns.size)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Counts:
        return self._counts[rows][:, self._columns]


def _from_trials(
    session: _Session, split: NDArray[np.integer], trials: Trials, settings: ScoreSettings
) -> list[Row]:
    """Predict test bins from the same time of training trials, of all and of those alike in a column."""
    n_trials = int(trials.of_bin.max()) + 1
    kinds: dict[str, NDArray[np.intp]] = {"the trial average": np.zeros(n_trials, np.intp)}
    trained = np.unique(trials.of_bin[(split == TRAIN) & (trials.of_bin >= 0)])
    for name, values in trials.columns.items():
        _, codes = np.unique(np.asarray(values).astype(str), return_inverse=True)
        codes = codes.reshape(-1)
        repeats = np.bincount(codes[trained], minlength=codes.max(initial=0) + 1)
        repeated = 1 < repeats.size <= MAX_CONDITIONS and np.median(repeats) >= MIN_REPEATS
        if repeated and len(kinds) <= MAX_COLUMNS:
            kinds[f"the average of trials with the same {name}"] = codes
    rows = []
    for name, codes in kinds.items():
        tables = _averages(session, trials, codes)
        if isinstance(tables, str):
            rows.append(not_estimable("bits_per_spike", tables, target=f"{ALL_UNITS} from {name}"))
            continue
        gain, chosen, strength = session.best(tables)
        inside = float((trials.of_bin[session.test] >= 0).mean())
        between = "" if inside == 1 else f"the mean rate between trials ({1 - inside:.0%} of test bins)"
        how = f"Gaussian of sd {TRIAL_WIDTHS[chosen]:g} bins, {strength:g} trials in advance"
        rows += session.rows(gain, settings, name, NO_UNIT, how, between)
    return rows


def _averages(session: _Session, trials: Trials, codes: NDArray[np.intp]) -> list[Evidence] | str:
    """Sum training trials by condition and time in the trial, or say why not."""
    n_conditions, longest = int(codes.max()) + 1, int(trials.bin_in_trial[trials.of_bin >= 0].max()) + 1
    if n_conditions * longest * session.units.size > MAX_NUMBERS:
        return f"{n_conditions} conditions of up to {longest} bins are too many to average"
    spikes, n = np.zeros((n_conditions * longest, session.units.size)), np.zeros((n_conditions * longest, 1))

    def place(bins: Bins) -> NDArray[np.intp]:
        return np.asarray(codes[trials.of_bin[bins]] * longest + trials.bin_in_trial[bins], np.intp)

    inside = session.train[trials.of_bin[session.train] >= 0]
    for _, block in blocks_of(inside, session.units.size):
        np.add.at(spikes, place(block), session.counts[block][:, session.units])
        np.add.at(n, place(block), 1)

    def lookup(width: float) -> Evidence:
        def smooth(table: Floats) -> Floats:
            if width == 0:
                return table
            parts = table.reshape(n_conditions, longest, -1)
            peak = np.sqrt(2 * np.pi) * width  # a kernel of height 1 at its top: sums stay sums of trials
            return np.asarray(peak * gaussian_filter1d(parts, width, axis=1, mode="constant")).reshape(table.shape)

        smooth_spikes, smooth_n = smooth(spikes), smooth(n)

        def evidence(bins: Bins) -> tuple[Floats, Floats]:
            within = trials.of_bin[bins] >= 0
            at = place(bins[within])
            found = np.zeros((bins.size, session.units.size)), np.zeros((bins.size, 1))
            found[0][within], found[1][within] = smooth_spikes[at], smooth_n[at]
            return found

        return evidence

    return [lookup(width) for width in TRIAL_WIDTHS]
