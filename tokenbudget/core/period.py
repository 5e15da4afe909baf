"""Periods: half-open spans of time whose day boundaries follow a stated IANA time zone.

==========================  ==============================================================================
``24h``                     the last 24 hours, up to the end of the running quarter of an hour
``7d`` ``30d`` ``4w``       today and the days before it, in whole days of the zone (``1d`` is today)
``today`` ``yesterday``     one day of the zone
``mtd`` ``qtd`` ``ytd``     month, quarter or year to date
``2026`` ``2026-10``        a calendar year or month
``2026-10-05``              a day
``2026-10-01..2026-10-15``  from the first day up to and including the last
==========================  ==============================================================================

In the last form, either end may be a time instead of a day: ``2026-10-01T06:00..2026-10-02T06:00Z`` includes the first
instant and excludes the second.  A time without a UTC offset is a local time of the zone.

Periods in hours start and end on a quarter of an hour, as the offsets of all time zones do: 15-minute rollups are
exact for every period.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import msgspec

from tokenbudget.core.errors import PeriodError

_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_EARLIEST = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC) - timedelta(days=1)  # That year begins earlier in the east...
_LATEST = datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC) + timedelta(days=1)  # ...and the last one ends later in the west.
_LONGEST = 128
_SHOWN = 64
_QUARTER_HOUR = timedelta(minutes=15)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LONGEST_DAYS = 3660
_TO_DATE_MONTHS = {"mtd": 1, "qtd": 3, "ytd": 12}
_HELP = "use e.g. 24h, 7d, 30d, mtd, qtd, ytd, 2026-10, 2026-10-05 or 2026-10-01..2026-10-15"
_PAIR = 2

PeriodLike = str | date | Iterable[str | date]
"""What `parse` accepts: a text, a day, or a pair of days or times, each as text or as an object."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A half-open span of time, ``start <= t < end``, and the time zone of its days.

    Attributes
    ----------
    name : str
        The period as given, e.g. ``30d``.
    start, end : datetime
        UTC, time-zone aware.
    tz : str
        IANA name of the zone.
    previous_start, previous_end : datetime
        The span before, for comparison.  If the period is still running, only as much of it has passed.
    """

    name: str
    start: datetime
    end: datetime
    tz: str
    previous_start: datetime
    previous_end: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the period's days."""
        return ZoneInfo(self.tz)

    @property
    def previous(self) -> Period:
        """The span before, as a period; its own previous span is empty."""
        return Period(
            name=f"before {self.name}",
            start=self.previous_start,
            end=self.previous_end,
            tz=self.tz,
            previous_start=self.previous_start,
            previous_end=self.previous_start,
        )


def zone(name: object) -> ZoneInfo:
    """Look up an IANA time zone.

    Raises
    ------
    PeriodError
        If there is no zone of that name.
    """
    # A machine has files of other names, too, which are no zones to others: posix/UTC, localtime.
    if not isinstance(name, str) or name not in _zones():
        msg = f"unknown time zone {_shown(name)}: use an IANA name such as UTC, Europe/Berlin or Asia/Kolkata"
        raise PeriodError(msg)
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    """Return the names of the IANA's zones."""
    names = (files("tzdata") / "zones").read_text("ascii").split()
    return frozenset(names) - {"Factory"}  # It stands for a zone that nobody has set.


def midnight(day: date, tz: ZoneInfo) -> datetime:
    """Return the first instant of a day in a zone, in UTC; also if clocks skip midnight."""
    return datetime.combine(day, time(), tz).astimezone(UTC)


def utc(when: datetime) -> datetime:
    """Return an instant in UTC, of a year that every part of TokenBudget and pandas can reckon with.

    Raises
    ------
    OverflowError
        If it is before 1970 or after 2199.
    """
    instant = when.astimezone(UTC)
    if not _EARLIEST <= instant <= _LATEST:
        raise OverflowError
    return instant


def quarter_hour_after(now: datetime) -> datetime:
    """Return the end of the current quarter of an hour."""
    return _EPOCH + ((now - _EPOCH) // _QUARTER_HOUR + 1) * _QUARTER_HOUR


def parse(text: PeriodLike, now: datetime, tz: str = "UTC") -> Period:
    """Parse a period.

    Parameters
    ----------
    text : str, date, or pair of str, date or datetime
        See the table above.  A pair of dates includes both days; a pair of datetimes excludes the second.
    now : datetime
        The current time, time-zone aware.
    tz : str
        IANA time zone of the days.

    Raises
    ------
    PeriodError
        If `text` is not a period, ends before it starts, or `tz` is not a zone.

    Examples
    --------
    >>> p = parse("2d", datetime(2026, 10, 5, 12, tzinfo=UTC), "Asia/Kolkata")
    >>> p.start.isoformat(), p.end.isoformat()
    ('2026-10-03T18:30:00+00:00', '2026-10-05T18:30:00+00:00')
    >>> parse(("2026-10-01", "2026-10-15"), datetime(2026, 10, 5, 12, tzinfo=UTC)).name
    '2026-10-01..2026-10-15'
    """
    where, name = zone(tz), _name(text)
    if len(name) > _LONGEST or not name.isascii():
        msg = f"unknown period {_shown(name)}: {_HELP}"
        raise PeriodError(msg)
    try:
        period = _parse(name, now, where)
        utc(period.start), utc(period.end)
    except OverflowError:
        msg = f"period {name!r} is not between {_FIRST_YEAR} and {_LAST_YEAR}: {_HELP}"
        raise PeriodError(msg) from None
    return period


def _parse(name: str, now: datetime, where: ZoneInfo) -> Period:
    if match := re.fullmatch(r"([1-9]\d{0,4})h", name):
        return _hours(name, int(match[1]), now, where.key)
    ends = _ends(name) if ".." in name else ()
    if any(isinstance(end, datetime) for end in ends):
        return _instants(ends, now, where.key)
    return _whole_days(name, now, where)


def _shown(name: object) -> str:
    text = repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _name(text: PeriodLike) -> str:
    """Return a period as text."""
    if isinstance(text, str) or not isinstance(text, Iterable):
        return _end_name(text)
    ends = list(map(_end_name, text))
    if len(ends) != _PAIR:
        msg = f"a period is a text or a pair, got {len(ends)} ends: {_HELP}"
        raise PeriodError(msg)
    return "..".join(ends)


def _end_name(end: object) -> str:
    # numpy's dates, which have no isoformat(), write themselves as ISO, too.
    text = end.isoformat() if isinstance(end, date) else str(end)
    return text.strip().lower()


def _whole_days(name: str, now: datetime, where: ZoneInfo) -> Period:
    first, last, earlier = _days(name, now.astimezone(where).date())
    start, end, before = midnight(first, where), midnight(last, where), midnight(earlier, where)
    previous_end = (
        start if now >= end else min(start, before + max(timedelta(), _wall(now, where) - _wall(start, where)))
    )
    return Period(name=name, start=start, end=end, tz=where.key, previous_start=before, previous_end=previous_end)


def _ends(name: str) -> tuple[date, date]:
    """Read the two ends of a period; each is a day, or a time."""
    first, last = (_end(name, text.strip()) for text in name.split("..", 1))
    return first, last


def _end(name: str, text: str) -> date:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text.upper())
        except ValueError:
            continue
    msg = f"period {name!r}: {text!r} is no date such as 2026-10-01 and no time such as 2026-10-01T06:00+02:00"
    raise PeriodError(msg)


def _instants(ends: tuple[date, ...], now: datetime, tz: str) -> Period:
    """Make the period between two ends of which one at least is a time."""
    first, last = ends
    where = zone(tz)
    name = f"{_canonical(first)}..{_canonical(last)}"
    start = _instant(first, where)
    end = _instant(last if isinstance(last, datetime) else last + timedelta(days=1), where)
    if end <= start:
        msg = f"period {name!r} ends before it starts"
        raise PeriodError(msg)
    before = start - (end - start)
    previous_end = before + min(end - start, max(timedelta(), now - start))
    return Period(name=name, start=start, end=end, tz=tz, previous_start=before, previous_end=previous_end)


def _canonical(end: date) -> str:
    """Write an end as text that names the same one, with no sign that a URL gives another meaning."""
    if isinstance(end, datetime) and end.tzinfo is not None:
        return end.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return end.isoformat()


def _instant(end: date, where: ZoneInfo) -> datetime:
    if not isinstance(end, datetime):
        return midnight(end, where)
    return (end if end.tzinfo is not None else end.replace(tzinfo=where)).astimezone(UTC)


def _hours(name: str, hours: int, now: datetime, tz: str) -> Period:
    if hours > _LONGEST_DAYS * 24:
        msg = f"period {name!r} is too long: at most {_LONGEST_DAYS} days"
        raise PeriodError(msg)
    end, span = quarter_hour_after(now), timedelta(hours=hours)
    start = end - span
    return Period(name=name, start=start, end=end, tz=tz, previous_start=start - span, previous_end=start - (end - now))


def _wall(instant: datetime, where: ZoneInfo) -> datetime:
    return instant.astimezone(where).replace(tzinfo=None)


def _days(name: str, today: date) -> tuple[date, date, date]:
    """First day, day after the last, and first day of the span before."""
    if match := re.fullmatch(r"([1-9]\d{0,3})([dw])", name):
        days = int(match[1]) * (7 if match[2] == "w" else 1)
        if days > _LONGEST_DAYS:
            msg = f"period {name!r} is too long: at most {_LONGEST_DAYS} days"
            raise PeriodError(msg)
        return _span(today - timedelta(days=days - 1), today)
    if name in ("today", "yesterday"):
        day = today if name == "today" else today - timedelta(days=1)
        return _span(day, day)
    if name in _TO_DATE_MONTHS:
        months = _TO_DATE_MONTHS[name]
        first = date(today.year, (today.month - 1) // months * months + 1, 1)
        return first, today + timedelta(days=1), _add_months(first, -months)
    try:
        return _calendar(name)
    except PeriodError:
        raise
    except ValueError:
        msg = f"unknown period {name!r}: {_HELP}"
        raise PeriodError(msg) from None


def _calendar(name: str) -> tuple[date, date, date]:
    if ".." in name:
        first, last = _ends(name)
        if last < first:
            msg = f"period {name!r} ends before it starts"
            raise PeriodError(msg)
        return _span(first, last)
    if re.fullmatch(r"\d{4}", name):
        first = date(int(name), 1, 1)
        return first, _add_months(first, 12), _add_months(first, -12)
    if re.fullmatch(r"\d{4}-\d{2}", name):
        first = date.fromisoformat(f"{name}-01")
        return first, _add_months(first, 1), _add_months(first, -1)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", name):
        day = date.fromisoformat(name)
        return _span(day, day)
    raise ValueError(name)


def _span(first: date, last: date) -> tuple[date, date, date]:
    days = (last - first).days + 1
    return first, last + timedelta(days=1), first - timedelta(days=days)


def _add_months(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)
