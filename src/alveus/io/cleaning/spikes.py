"""Spike times of any source to checked spike trains on an integer clock; every reader's spikes pass here."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError
from alveus.io.cleaning.clock import LARGEST_TIME, LONGEST_SPAN, choose_clock, clock_of, to_ticks
from alveus.io.cleaning.survey import SpikeBlock, Survey, survey
from alveus.recording import Finding, FlatSpikeTrains, RaggedSpikeTrains
from alveus.recording.spikes import SPIKES_PER_READ, Read

CLOCK_RESET = 10.0
"""A step back [s] that is no disorder any more: sorters hand over batches of a few seconds out of order,
while a clock that was restarted goes back by minutes."""

FEWEST_TO_JUDGE = 20
"""With fewer spikes, whole seconds may be chance; with these, times in seconds never are all whole."""

COARSE = 1e-4
"""Resolution of stored times [s] that is worth a finding: several samples of any recorder."""


class Column(Protocol):
    """A column of numbers that is read slice by slice."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, where: slice, /) -> NDArray[Any]: ...


class TickColumn:
    """Ticks of a column of times.

    Parameters
    ----------
    times
        In seconds, or in samples where `clock` is None.
    clock
        Ticks per second.
    """

    def __init__(self, times: Column, clock: Fraction | None) -> None:
        self._times, self._clock = times, clock

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, where: slice) -> NDArray[np.int64]:
        times = self._times[where]
        return times.astype(np.int64) if self._clock is None else to_ticks(times, self._clock)


def flat_spikes(
    times: Column,
    codes: Column,
    ids: Sequence[str],
    *,
    sampling_rate: float | None,
    in_samples: bool = False,
    lookup: NDArray[np.int32] | None = None,
    counts: NDArray[np.int64] | None = None,
    name: str,
) -> tuple[FlatSpikeTrains, list[Finding]]:
    """Check spikes of all units in one list and put them on a clock.

    Parameters
    ----------
    times
        (n_spikes,) [s], or samples.
    codes
        (n_spikes,) unit of each: an index, or what `lookup` turns into one.
    ids
        Of the units, for messages.
    sampling_rate
        [Hz] needed for samples; for seconds the clock only when all times lie on its grid.
    in_samples
        Whether times are whole samples.
    lookup
        Table from a stored code to the unit's index, or −1 to leave the spike out.
    counts
        (n_units,) spikes of each unit, if they have been counted.
    name
        Of the file or array, for messages.

    Raises
    ------
    RecordingError
        For lengths that differ, times that are not finite or not in seconds, and a clock that was reset.
    """
    if len(times) != len(codes):
        raise RecordingError(
            f"{name}: {len(times)} spike times but {len(codes)} units for them; export both again"
        )

    def blocks(*, with_units: bool) -> Iterator[SpikeBlock]:
        for start in range(0, len(times), SPIKES_PER_READ):
            block = times[start : start + SPIKES_PER_READ]
            if with_units:
                units = codes[start : start + SPIKES_PER_READ]
                yield block, units if lookup is None else lookup[units]
            else:
                yield block, np.broadcast_to(np.int32(-1), block.shape)

    rates = [clock_of(sampling_rate)] if sampling_rate else []
    seen = survey(blocks(with_units=False), [] if in_samples else rates, within_units=False)
    if seen.not_finite:  # only then are the units worth reading
        seen = survey(blocks(with_units=True), [], within_units=False)
    scale = 1 / float(rates[0]) if in_samples else 1.0
    findings = _judge(seen, times.dtype, ids, scale, name, in_samples=in_samples)
    clock = rates[0] if in_samples else choose_clock(seen.distances.items())
    ticks = TickColumn(times, None if in_samples else clock)
    if not seen.n_backward:
        return FlatSpikeTrains(ticks, codes, len(ids), clock, lookup, counts), findings
    all_times, units = times[:], codes[:]
    units = (units if lookup is None else lookup[units]).astype(np.int32)
    by_unit = np.argsort(units, kind="stable")
    within = survey([(all_times[by_unit], units[by_unit])], [], within_units=True)
    _refuse_reset(within, ids, scale, name)
    ordered = np.argsort(all_times, kind="stable")
    findings.append(_unsorted(seen.n_backward, seen.n_spikes, name))
    return FlatSpikeTrains(TickColumn(all_times[ordered], None if in_samples else clock)[:],
                           units[ordered], len(ids), clock), findings  # fmt: skip


def ragged_spikes(
    times: Column, ends: NDArray[np.int64], ids: Sequence[str], *, sampling_rates: Sequence[float], name: str
) -> tuple[RaggedSpikeTrains, list[Finding]]:
    """Check spikes that are kept unit after unit and put them on a clock.

    Parameters
    ----------
    times
        (n_spikes,) [s], unit after unit.
    ends
        (n_units,) where each unit's spikes end.
    ids
        Of the units, for messages.
    sampling_rates
        [Hz] candidates for the clock; the first on whose grid all times lie is taken.
    name
        Of the file, for messages.

    Raises
    ------
    RecordingError
        As `flat_spikes`, and for ends that do not cut the list into units.
    """
    starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    counts = ends - starts
    if len(ends) != len(ids) or (counts < 0).any() or (len(ends) and ends[-1] != len(times)):
        raise RecordingError(
            f"{name}: the index of spike times does not cut {len(times)} spikes into {len(ids)} units; "
            "export it again"
        )

    def blocks() -> Iterator[SpikeBlock]:
        for start in range(0, len(times), SPIKES_PER_READ):
            block = times[start : start + SPIKES_PER_READ]
            places = np.arange(start, start + block.size)
            yield block, np.searchsorted(ends, places, side="right").astype(np.int32)

    seen = survey(blocks(), [clock_of(rate) for rate in sampling_rates], within_units=True)
    findings = _judge(seen, times.dtype, ids, 1.0, name, in_samples=False)
    _refuse_reset(seen, ids, 1.0, name)
    if seen.n_backward:
        findings.append(_unsorted(seen.n_backward, seen.n_spikes, name))
    clock = choose_clock(seen.distances.items())
    reads = []
    for unit, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if unit in seen.disordered:
            reads.append(_slices_of(np.sort(to_ticks(times[start:end], clock))))
        else:
            reads.append(partial(_read_ticks, times, clock, start))
    bounds = (0, 0)
    if seen.n_spikes:
        first, last = to_ticks(np.array([seen.first, seen.last]), clock)
        bounds = int(first), int(last)
    return RaggedSpikeTrains(reads, counts.tolist(), bounds, clock), findings


def _read_ticks(times: Column, clock: Fraction, offset: int, start: int, stop: int) -> NDArray[np.int64]:
    return to_ticks(times[offset + start : offset + stop], clock)


def _slices_of(ticks: NDArray[np.int64]) -> Read:
    return lambda start, stop: ticks[start:stop]


def _judge(
    seen: Survey, dtype: np.dtype[Any], ids: Sequence[str], scale: float, name: str, *, in_samples: bool
) -> list[Finding]:
    """Refuse times that cannot be what they should be; `scale` turns stored times into seconds."""
    if seen.not_finite:
        count = sum(seen.not_finite.values())
        units = ", ".join(
            f"{ids[unit] if unit >= 0 else '?'}: {n}" for unit, n in list(seen.not_finite.items())[:5]
        )
        raise RecordingError(
            f"{name}: {count} of {seen.n_spikes} spike times are NaN or infinite (unit: count {units}): "
            "remove them, or export the spikes again"
        )
    if not seen.n_spikes:
        return []
    span = (float(seen.last) - float(seen.first)) * scale
    if in_samples:
        if span > LONGEST_SPAN or seen.last > np.iinfo(np.int64).max:
            raise RecordingError(
                f"{name}: spikes span {span / 86400:.3g} days at {1 / scale:g} Hz: correct the sampling rate"
            )
        return []
    whole = seen.whole and seen.n_spikes >= FEWEST_TO_JUDGE and seen.last > seen.first
    largest = max(abs(float(seen.first)), abs(float(seen.last)))
    if whole or span > LONGEST_SPAN or largest > LARGEST_TIME:
        shown = "all are whole numbers" if whole else f"they would span {span / 86400:.3g} days"
        raise RecordingError(
            f"{name}: spike times run from {seen.first:g} to {seen.last:g} and {shown}: they look like samples or "
            "milliseconds, but must be in seconds; divide them by the sampling rate"
        )
    resolution = float(np.spacing(dtype.type(largest))) if dtype.kind == "f" else 0.0
    if resolution <= COARSE:
        return []
    return [
        Finding(
            "coarse_times",
            seen.n_spikes,
            f"{name}: {seen.n_spikes} spike times are stored as {dtype}, which at {seen.last:g} s "
            f"resolves only {resolution * 1e3:.2g} ms: export them as float64",
        )
    ]


def _refuse_reset(seen: Survey, ids: Sequence[str], scale: float, name: str) -> None:
    step = seen.largest_step_back * scale
    if step > CLOCK_RESET:
        unit = ids[seen.worst_unit] if seen.worst_unit >= 0 else "?"
        raise RecordingError(
            f"{name}: the times of unit {unit} jump back by {step:g} s: "
            "the clock was reset, or recordings were joined; shift the later part, or make it a session of its own"
        )


def _unsorted(count: int, n_spikes: int, name: str) -> Finding:
    return Finding(
        "unsorted_spikes",
        count,
        f"{name}: {count} of {n_spikes} spikes come before the spike listed ahead of them: sorted",
    )
