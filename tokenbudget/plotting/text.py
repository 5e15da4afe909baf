"""Numbers and periods in words, the same on every figure."""

from __future__ import annotations

import re
from decimal import Decimal

from tokenbudget.core.period import Period

_TO_DATE = {"mtd": "month to date", "qtd": "quarter to date", "ytd": "year to date"}
_UNITS = {"h": "hour", "d": "day", "w": "week"}


def dollars(amount: Decimal | float | None) -> str:
    """Write an amount so that its size is seen at once: cents from a dollar up, two digits that count below.

    Examples
    --------
    >>> dollars(1234.5), dollars(12.3456), dollars(0.01234), dollars(2e-7), dollars(0), dollars(None)
    ('$1,234.50', '$12.35', '$0.012', '$0.00000020', '$0', 'unknown')
    """
    if amount is None:
        return "unknown"
    exact = Decimal(str(amount))
    if not exact:
        return "$0"
    sign, size = ("−" if exact < 0 else ""), abs(exact)
    return f"{sign}${size:,.{2 if size >= 1 else 1 - size.adjusted()}f}"


def change(current: Decimal | None, previous: Decimal | None) -> str:
    """Compare with the period before; empty where there is nothing to compare.

    Examples
    --------
    >>> change(Decimal(112), Decimal(100)), change(Decimal(1), Decimal(0)), change(Decimal(300), Decimal(20))
    ('▲ 12 %', '', '▲ 15×')
    """
    if current is None or not previous:
        return ""
    ratio = float(current / previous)
    if ratio >= 10:  # noqa: PLR2004 (past that, per cent are hard to read)
        return f"▲ {ratio:,.0f}×"
    percent = round(100 * (ratio - 1))
    return f"{'▲' if percent > 0 else '▼' if percent < 0 else '±'} {abs(percent)} %"


def span(period: Period) -> str:
    """Name a period.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tokenbudget.core.period import parse
    >>> [span(parse(text, datetime(2026, 10, 5, tzinfo=UTC))) for text in ("30d", "1d", "mtd", "2026-09")]
    ['last 30 days', 'last day', 'month to date', '2026-09']
    """
    if match := re.fullmatch(r"(\d+)([hdw])", period.name):
        unit = _UNITS[match[2]]
        return f"last {unit}" if match[1] == "1" else f"last {match[1]} {unit}s"
    return _TO_DATE.get(period.name, period.name)
