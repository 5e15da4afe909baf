"""Dates, times of day, buckets and periods as people read them; numbers are in `tokenbudget.core.formatting`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tokenbudget.core.formatting import plural
from tokenbudget.core.query import Interval

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = tuple("January February March April May June July August September October November December".split())  # noqa: SIM905 (one line)
_MINUTES: dict[Interval, int] = {"15min": 15, "hour": 60}
"""Length of the buckets that are shorter than a day."""
_PERIOD_UNITS = {"h": "hour", "d": "day", "w": "week"}
_PERIODS = {"mtd": "month to date", "qtd": "quarter to date", "ytd": "year to date"}


def clock(when: datetime, *, seconds: bool = False) -> str:
    """Format a time of day, in the zone of `when`.

    Examples
    --------
    >>> clock(datetime(2026, 11, 23, 14, 5, tzinfo=UTC))
    '14:05'
    """
    return f"{when:%H:%M:%S}" if seconds else f"{when:%H:%M}"


def day(when: datetime) -> str:
    """Format a day, in the zone of `when`.

    Examples
    --------
    >>> day(datetime(2026, 11, 23, tzinfo=UTC))
    'Mon 23 Nov 2026'
    """
    return f"{_WEEKDAYS[when.weekday()]} {short_day(when)} {when.year}"


def short_day(when: datetime) -> str:
    """Format a day without weekday and year: ``23 Nov``."""
    return f"{when.day} {short_month(when)}"


def short_month(when: datetime) -> str:
    """Return the name of a month in three letters: ``Nov``."""
    return _MONTHS[when.month - 1][:3]


def bucket(start: datetime, interval: Interval) -> str:
    """Format a bucket of a time series, in the zone of `start`.

    Examples
    --------
    >>> start = datetime(2026, 11, 23, 14, tzinfo=UTC)
    >>> bucket(start, "hour"), bucket(start, "day"), bucket(start, "month")
    ('Mon 23 Nov, 14:00–15:00', 'Mon 23 Nov 2026', 'November 2026')
    """
    if interval == "month":
        return f"{_MONTHS[start.month - 1]} {start.year}"
    if interval not in _MINUTES:
        return f"Week from {day(start)}" if interval == "week" else day(start)
    # In UTC, because an hour on the clock may be two, or none.
    end = (start.astimezone(UTC) + timedelta(minutes=_MINUTES[interval])).astimezone(start.tzinfo)
    return f"{_WEEKDAYS[start.weekday()]} {short_day(start)}, {clock(start)}–{clock(end)}"


def short_bucket(start: datetime, interval: Interval) -> str:
    """Label a bucket beside an axis; midnight shows the day that begins.

    Examples
    --------
    >>> start = datetime(2026, 11, 23, 14, tzinfo=UTC)
    >>> short_bucket(start, "hour"), short_bucket(start, "day"), short_bucket(start, "month")
    ('14:00', '23 Nov', 'Nov 2026')
    """
    if interval == "month":
        return f"{short_month(start)} {start.year}"
    return clock(start) if interval in _MINUTES and (start.hour or start.minute) else short_day(start)


def period(name: str) -> str:
    """Return a period's name in words, if there are any.

    Examples
    --------
    >>> period("30d"), period("1d"), period("mtd"), period("2026-09")
    ('last 30 days', 'last day', 'month to date', '2026-09')
    """
    if match := re.fullmatch(r"(\d+)([hdw])", name):
        unit = _PERIOD_UNITS[match[2]]
        return f"last {unit}" if match[1] == "1" else f"last {plural(int(match[1]), unit)}"
    return _PERIODS.get(name, name)
