"""Numbers in words, as every part of the page writes them; amounts are written by `tokenbudget.plotting.text`."""

from __future__ import annotations

from decimal import Decimal

UNKNOWN = "unknown"
NOTHING = "–"
"""Where there is nothing to divide by."""

_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))


def exact_dollars(amount: Decimal | None) -> str:
    """Write an amount with every digit it has, cents at least.

    Examples
    --------
    >>> exact_dollars(Decimal("1234.500000000000")), exact_dollars(Decimal("0.000000270000")), exact_dollars(None)
    ('$1,234.50', '$0.00000027', 'unknown')
    """
    if amount is None:
        return UNKNOWN
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{'−' if amount < 0 else ''}${abs(amount):,.{digits}f}"


def count(number: int | None) -> str:
    """Write a whole number out.

    Examples
    --------
    >>> count(1234567), count(None)
    ('1,234,567', 'unknown')
    """
    return UNKNOWN if number is None else f"{number:,}"


def short_count(number: int | None) -> str:
    """Write a whole number in at most five characters, rounded.

    Examples
    --------
    >>> [short_count(n) for n in (0, 999, 1_000, 12_345, 999_999, 1_234_567, 250_000_000)]
    ['0', '999', '1k', '12.3k', '1M', '1.23M', '250M']
    """
    if number is None:
        return UNKNOWN
    for size, unit in _UNITS:
        # What would round up to the next unit is written in it.
        if abs(number) >= size * 0.9995:
            return f"{float(f'{number / size:.3g}'):g}{unit}"
    return str(number)


def percent(rate: float | None) -> str:
    """Write a rate of 0 to 1; what is not nothing never looks like nothing.

    Examples
    --------
    >>> [percent(rate) for rate in (0.0, 0.0002, 0.0123, 0.4567, 0.9999, 1.0, None)]
    ['0 %', '<0.1 %', '1.2 %', '45.7 %', '>99.9 %', '100 %', '–']
    """
    if rate is None:
        return NOTHING
    if 0 < rate < 0.0005:  # noqa: PLR2004 (would be written 0.0)
        return "<0.1 %"
    if 0.9995 <= rate < 1:  # noqa: PLR2004
        return ">99.9 %"
    return f"{100 * rate:.0f} %" if rate in (0, 1) else f"{100 * rate:.1f} %"


def duration(milliseconds: float | None) -> str:
    """Write how long something took.

    Examples
    --------
    >>> [duration(ms) for ms in (0.4, 87.4, 1234.0, 75_000.0, None)]
    ['0.4 ms', '87 ms', '1.23 s', '1.2 min', '–']
    """
    if milliseconds is None:
        return NOTHING
    if milliseconds < 999.5:  # noqa: PLR2004
        return f"{milliseconds:.{0 if milliseconds >= 10 else 1}f} ms"  # noqa: PLR2004
    seconds = milliseconds / 1000
    return f"{seconds:.2f} s" if seconds < 60 else f"{seconds / 60:.1f} min"  # noqa: PLR2004


def plural(number: int, noun: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> plural(1, "call"), plural(2_000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
