"""Numbers to the text a reader sees: as many digits as the interval supports, true minus signs, units in words."""

import math

TIMES = "\N{MULTIPLICATION SIGN}"
MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
MOST_DECIMALS = 5


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}".replace(",", THIN)
    if not any(digit in text for digit in "123456789"):
        text = text.replace("-", "")  # no negative zero
    return text.replace("-", MINUS)


def number(value: float, digits: int = 3) -> str:
    """Write a number with that many significant digits.

    >>> number(0.18234), number(12345678.0), number(0.0000312), number(5)
    ('0.182', '1.23×10⁷', '3.12×10⁻⁵', '5')
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e6):
        return _fixed(value, 0)
    size = math.floor(math.log10(abs(value)))
    if size >= 6 or size < -3:
        mantissa = f"{value / 10**size:.{digits - 1}f}".replace("-", MINUS)
        return f"{mantissa}{TIMES}10{str(size).translate(SUPERSCRIPTS)}"
    return _fixed(value, max(0, digits - 1 - size))


def _decimals(low: float | None, high: float | None) -> int | None:
    """Decimals that show two digits of the interval's width."""
    if low is None or high is None or not math.isfinite(high - low) or high <= low:
        return None
    return min(MOST_DECIMALS, max(0, 1 - math.floor(math.log10(high - low))))


def estimate(value: float, low: float | None, high: float | None) -> str:
    """Write a value with the digits its interval supports.

    >>> estimate(0.182345, 0.1651, 0.1992)
    '0.182'
    """
    decimals = _decimals(low, high)
    if decimals is not None and all(float(x).is_integer() for x in (value, low, high) if x is not None):
        decimals = 0  # a count
    return number(value) if decimals is None or abs(value) >= 1e6 else _fixed(value, decimals)


def interval(low: float | None, high: float | None) -> str:
    """Write an interval, or nothing.

    >>> interval(-0.0121, 0.0312)
    '[−0.012, 0.031]'
    """
    if low is None or high is None:
        return ""
    return f"[{estimate(low, low, high)}, {estimate(high, low, high)}]"


def quantity(value: float, digits: int = 5) -> str:
    """Write a fact: rounded, without the zeros that a score would keep.

    >>> quantity(11.3), quantity(204393), quantity(0.30000000000000004)
    ('11.3', '204\u202f393', '0.3')
    """
    if isinstance(value, int) or not math.isfinite(value):
        return number(value)
    rounded = float(f"{value:.{digits}g}")
    if not 1e-4 <= abs(rounded) < 1e6:
        return number(rounded)
    return _fixed(rounded, max(0, len(f"{rounded:.{digits}g}".partition(".")[2])))


def seconds(value: float) -> str:
    """Write a time in the unit a person would use.

    >>> seconds(0.02), seconds(45), seconds(1980), seconds(4320)
    ('20 ms', '45 s', '33 min', '1 h 12 min')
    """
    if value < 1:
        return f"{quantity(value * 1e3, 3)} ms"
    if value < 90:
        return f"{quantity(value, 3)} s"
    minutes = round(value / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def percent(share: float) -> str:
    """Write a share of one.

    >>> percent(0.6967)
    '69.7 %'
    """
    return f"{quantity(100 * share, 3)} %"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write how many, in the right number.

    >>> counted(1, "session"), counted(0, "bin"), counted(2, "series", "series")
    ('1 session', '0 bins', '2 series')
    """
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def words(key: str) -> str:
    """Write a key of the code as words.

    >>> words("duplicate_spikes")
    'duplicate spikes'
    """
    return key.replace("_", " ")
