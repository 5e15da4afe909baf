"""Numbers, money and durations as people read them, in notebooks, figures, terminals and the Panel dashboard.

The rules are listed in ``docs/reference/formats.md``; the React dashboard follows the same ones, and the cases in
``tests/cases/format.json`` test both.  Money is never turned into a float, and neither the decimal context nor the
locale of the host program changes what is written.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

Number = int | float | Decimal

UNKNOWN = "unknown"
"""Stands for a cost or a count that exists but is not known; never 0."""
NO_VALUE = "–"
"""Stands for a rate or a duration where there is nothing to measure or to divide by."""
_SPOKEN = {NO_VALUE: "no value"}

_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
_CENTS = 2
_SIGNIFICANT = 3
_FULL_NUMBERS_BELOW = 10_000
_FULL_DOLLARS_BELOW = Decimal("999999.995")
_UNITS = ((12, "T"), (9, "B"), (6, "M"), (3, "k"))

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_SPANS = (
    (Decimal("9.95"), 1, 1, "ms"),
    (Decimal("999.5"), 1, 0, "ms"),
    (Decimal("9.995") * _SECOND, _SECOND, 2, "s"),
    (Decimal("59.95") * _SECOND, _SECOND, 1, "s"),
    (Decimal("59.95") * _MINUTE, _MINUTE, 1, "min"),
    (Decimal("23.95") * _HOUR, _HOUR, 1, "h"),
    (Decimal("Infinity"), _DAY, 1, "d"),
)
"""Durations below this many milliseconds, in this unit, with so many decimals, under this name."""


def spoken(text: str) -> str:
    """Return a replacement for a text that a screen reader would not read.

    Examples
    --------
    >>> spoken("–"), spoken("45.7 %")
    ('no value', '45.7 %')
    """
    return _SPOKEN.get(text, text)


def dollars(amount: Decimal | None) -> str:
    """Format money: with cents from one dollar up, with three significant digits below, so that no cost reads as zero.

    Examples
    --------
    >>> [dollars(Decimal(text)) for text in ("1234.5", "0.0123456", "0.00000075", "0")], dollars(None)
    (['$1,234.50', '$0.0123', '$0.00000075', '$0.00'], 'unknown')
    """
    exact = _exact(amount)
    if exact is None:
        return UNKNOWN
    size = exact.copy_abs()
    return f"{_sign(exact)}${_digits(size, max(_CENTS, _SIGNIFICANT - 1 - size.adjusted()), _CENTS)}"


def short_dollars(amount: Decimal | None) -> str:
    """Format money for little space: three significant digits from a million up.

    Examples
    --------
    >>> short_dollars(Decimal("1234567.89")), short_dollars(Decimal("1234.5"))
    ('$1.23M', '$1,234.50')
    """
    exact = _exact(amount)
    if exact is None or exact.copy_abs() < _FULL_DOLLARS_BELOW:
        return dollars(exact)
    return f"{_sign(exact)}${_short(exact.copy_abs())}"


def exact_dollars(amount: Decimal | None) -> str:
    """Format money with all of its digits, at least cents.

    Examples
    --------
    >>> exact_dollars(Decimal("1234.500000000000")), exact_dollars(Decimal("0.000000270000")), exact_dollars(None)
    ('$1,234.50', '$0.00000027', 'unknown')
    """
    exact = _exact(amount)
    if exact is None:
        return UNKNOWN
    return f"{_sign(exact)}${_digits(exact.copy_abs(), max(_CENTS, _decimals(exact)), _CENTS)}"


def axis_dollars(value: Number, step: Number) -> str:
    """Label a tick of an axis in US dollars, with as many decimals as ticks `step` dollars apart need.

    Examples
    --------
    >>> [axis_dollars(value, 0.5) for value in (0, 0.5, 1)], axis_dollars(1_500_000, 500_000)
    (['$0', '$0.50', '$1.00'], '$1.5M')
    """
    exact = Decimal(str(value))
    if exact.copy_abs() >= _FULL_DOLLARS_BELOW:
        return short_dollars(exact)
    decimals = _decimals(Decimal(f"{step:.{_SIGNIFICANT}g}"))
    decimals = _CENTS if decimals == 1 else decimals
    return f"{_sign(exact)}${_digits(exact.copy_abs(), decimals, decimals)}" if exact else "$0"


def number(value: Number | None) -> str:
    """Format a count or a quantity in full.

    Examples
    --------
    >>> number(1234567), number(Decimal("1.50E-7")), number(None)
    ('1,234,567', '0.00000015', 'unknown')
    """
    exact = _exact(value)
    return UNKNOWN if exact is None else f"{_sign(exact)}{_digits(exact.copy_abs(), _decimals(exact))}"


def short_number(value: Number | None) -> str:
    """Format a count for little space: in full up to 9,999, then with three significant digits.

    Examples
    --------
    >>> [short_number(n) for n in (0, 9_999, 12_345, 999_999, 250_000_000)]
    ['0', '9,999', '12.3k', '1M', '250M']
    """
    exact = _exact(value)
    if exact is None or exact.copy_abs() < _FULL_NUMBERS_BELOW:
        return number(exact)
    return f"{_sign(exact)}{_short(exact.copy_abs())}"


def plural(count: int | None, noun: str) -> str:
    """Format a number with its noun.

    Examples
    --------
    >>> plural(1, "call"), plural(2_000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def percent(rate: float | None) -> str:
    """Format a rate or a share, 0.1 as 10 %; only 0 reads as 0 %, and only 1 as 100 %.

    Examples
    --------
    >>> [percent(rate) for rate in (0.0, 0.0002, 0.4567, 0.9999, 1.0, None)]
    ['0 %', '<0.1 %', '45.7 %', '>99.9 %', '100 %', '–']
    """
    exact = _exact(rate)
    if exact is None:
        return NO_VALUE
    if exact in (0, 1):
        return f"{100 * int(exact)} %"
    written = _digits(exact.copy_abs().scaleb(2, _EXACT), 1, 1)
    if written == "0.0":
        return "<0.1 %" if exact > 0 else ">−0.1 %"
    if written == "100.0" and exact > 0:
        return ">99.9 %" if exact < 1 else ">100 %"
    return f"{_sign(exact)}{written} %"


def change(current: Number | None, previous: Number | None) -> str:
    """Format the change from the period before; empty if there is nothing to compare with.

    Examples
    --------
    >>> change(Decimal(112), Decimal(100)), change(Decimal(1), Decimal(0)), change(300, 20), change(5, 5)
    ('▲ 12 %', '', '▲ 15×', 'no change')
    """
    now, before = _exact(current), _exact(previous)
    if now is None or before is None or before <= 0:
        return ""
    times = _EXACT.divide(now, before)
    if times >= 10:  # noqa: PLR2004 (past that, per cent are hard to read)
        return f"▲ {_digits(times, 0)}×"
    difference = _EXACT.subtract(times, Decimal(1)).scaleb(2, _EXACT)
    size = difference.copy_abs()
    if size < Decimal("0.05"):
        return "no change"
    decimals = 1 if size < Decimal("9.95") else 0
    written = _digits(size, decimals, decimals)
    nearly_all = written == "100" and now > 0 and difference < 0
    return f"{'▲' if difference > 0 else '▼'} {'>99' if nearly_all else written} %"


def duration(milliseconds: float | None) -> str:
    """Format a duration.

    Examples
    --------
    >>> [duration(ms) for ms in (0.4, 87.4, 1234.0, 75_000.0, None)]
    ['0.4 ms', '87 ms', '1.23 s', '1.3 min', '–']
    """
    exact = _exact(milliseconds)
    if exact is None:
        return NO_VALUE
    if not exact:
        return "0 ms"
    size = exact.copy_abs()
    length, decimals, unit = next(span[1:] for span in _SPANS if size < span[0])
    written = _digits(_EXACT.divide(size, Decimal(length)), decimals, decimals)
    return "<0.1 ms" if written == "0.0" else f"{_sign(exact)}{written} {unit}"


def _exact(value: Number | None) -> Decimal | None:
    """Return a value as a decimal; None if it is unknown, infinite or not a number."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact if exact.is_finite() else None


def _sign(value: Decimal) -> str:
    return "−" if value < 0 else ""


def _decimals(value: Decimal) -> int:
    """Count the decimals of a finite number, without zeros at its end."""
    _, _, fraction = f"{value:f}".partition(".")
    return len(fraction.rstrip("0"))


def _digits(size: Decimal, most: int, least: int = 0) -> str:
    """Format a size with at most and at least this many decimals; `most` below 0 rounds to tens or hundreds."""
    rounded = size.quantize(Decimal((0, (1,), -most)), context=_EXACT)
    whole, _, fraction = f"{rounded:,f}".partition(".")
    fraction = fraction.rstrip("0").ljust(least, "0")
    return f"{whole}.{fraction}" if fraction else whole


def _short(size: Decimal) -> str:
    """Format a size from ten thousand up with three significant digits and a unit."""
    # What would round up to the next unit is written in it.
    power, unit = next((power, unit) for power, unit in _UNITS if size >= Decimal(f"0.9995e{power}"))
    scaled = size.scaleb(-power, _EXACT)
    return f"{_digits(scaled, _SIGNIFICANT - 1 - max(0, scaled.adjusted()))}{unit}"
