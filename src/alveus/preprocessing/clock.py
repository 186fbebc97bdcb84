"""Turns the spans of recording and behaviour into a verdict on whether both count from the same zero."""

from alveus.errors import QualityError
from alveus.recording import Behavior


def clock_offset(behavior: tuple[Behavior, ...], start: float, stop: float) -> float:
    """Return by how much behaviour is shifted against the recording [s]; 0 when it is merely shorter or longer.

    A shift shows at both ends: behaviour that starts later *and* ends later than the recording. The smaller of the
    two is what a shift must explain. Positive when behaviour is late.
    """
    late_start = min(b.times[0] for b in behavior) - start
    late_stop = max(b.times[-1] for b in behavior) - stop
    if late_start > 0 and late_stop > 0:
        return float(min(late_start, late_stop))
    if late_start < 0 and late_stop < 0:
        return float(max(late_start, late_stop))
    return 0.0


def check_clock(behavior: tuple[Behavior, ...], start: float, stop: float, tolerance: float) -> float:
    """Return the offset of behaviour against the recording [s], or refuse the session.

    Raises
    ------
    QualityError
        When they do not overlap at all, or are shifted by more than `tolerance` [s].
    """
    sampled = tuple(b for b in behavior if b.times.size)
    if not sampled:
        return 0.0
    first, last = min(b.times[0] for b in sampled), max(b.times[-1] for b in sampled)
    spans = f"behaviour runs from {first:g} s to {last:g} s, the recording from {start:g} s to {stop:g} s"
    if last < start or first > stop:
        raise QualityError(f"{spans}: they do not overlap, so their clocks do not agree: align them")
    offset = clock_offset(sampled, start, stop)
    if abs(offset) > tolerance:
        raise QualityError(
            f"{spans}: behaviour is {abs(offset):g} s {'late' if offset > 0 else 'early'} at both ends, more than "
            f"clock_tolerance ({tolerance:g} s): align the clocks, or raise the tolerance if this is right"
        )
    return offset
