"""Time buckets: they begin where the clocks of the zone say so, and are named by that UTC instant.

Nothing here adds 24 hours to get to tomorrow: a day of 23 or 25 hours, a zone at :30 or :45 and a midnight that clocks
skip come out right because every edge is computed in the zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from tokenbudget.core.errors import QueryError
from tokenbudget.core.period import Period, midnight
from tokenbudget.core.query import Interval
from tokenbudget.ledger.schema import INSTANT

MOST = 50_000
_QUARTER_HOUR = timedelta(minutes=15)
_QUARTER_HOUR_US = 15 * 60 * 1_000_000
_DAY = timedelta(days=1)


def edges(period: Period, interval: Interval) -> list[datetime]:
    """Return the beginnings of the buckets that cover a period.

    The first may begin before the period does (the Monday of its week, say).

    Raises
    ------
    QueryError
        If there would be more than `MOST`.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tokenbudget.core.period import parse
    >>> week = parse("2026-10-24..2026-10-26", datetime(2026, 11, 1, tzinfo=UTC), "Europe/Berlin")
    >>> [f"{edge:%d %H:%M}" for edge in edges(week, "day")]
    ['23 22:00', '24 22:00', '25 23:00']
    """
    zone = period.zone
    first = period.start.astimezone(zone)
    walk: Callable[[], Iterator[datetime]] = {
        "15min": lambda: _quarter_hours(period.start),
        "hour": lambda: _hours(period.start, zone),
        "day": lambda: _days(first.date(), zone, 1),
        "week": lambda: _days(first.date() - timedelta(days=first.weekday()), zone, 7),
        "month": lambda: _months(first.date(), zone),
    }[interval]
    found: list[datetime] = []
    for edge in walk():
        if edge >= period.end:
            break
        found.append(edge)
        if len(found) > MOST:
            msg = f"more than {MOST:,} buckets of {interval} in {period.name}: ask for a longer interval"
            raise QueryError(msg)
    return found


def _quarter_hours(start: datetime) -> Iterator[datetime]:
    edge = start - timedelta(microseconds=int(start.timestamp() * 1_000_000) % _QUARTER_HOUR_US)
    while True:
        yield edge
        edge += _QUARTER_HOUR


def _hours(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Walk by quarters of an hour, since clocks may shift by half of one."""
    edge = next(_quarter_hours(start))
    while not _begins_hour(edge, zone):
        edge -= _QUARTER_HOUR
    for later in _quarter_hours(edge):
        if _begins_hour(later, zone):
            yield later


def _begins_hour(edge: datetime, zone: ZoneInfo) -> bool:
    local = edge.astimezone(zone)
    return local.minute == 0 or local.utcoffset() != (edge - _QUARTER_HOUR).astimezone(zone).utcoffset()


def _days(day: date, zone: ZoneInfo, step: int) -> Iterator[datetime]:
    while True:
        yield midnight(day, zone)
        day += step * _DAY


def _months(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    first = day.replace(day=1)
    while True:
        yield midnight(first, zone)
        first = (first + 31 * _DAY).replace(day=1)


def bucket(starts: list[datetime], end: datetime) -> pl.Expr:
    """Return the number of the bucket an event lies in, counting from 0.

    Every edge lies on a quarter of an hour from the first, so a table of quarters answers with one look-up per event,
    five times faster than truncating in the zone.
    """
    origin = starts[0]
    quarters = -((origin - end) // _QUARTER_HOUR)
    slots = pl.select(pl.int_range(quarters, dtype=pl.Int64) * _QUARTER_HOUR_US).to_series()
    offsets = pl.Series([(edge - origin) // timedelta(microseconds=1) for edge in starts], dtype=pl.Int64)
    table = (offsets.search_sorted(slots, side="right") - 1).cast(pl.UInt32)
    since = pl.col("occurred_at").to_physical() - pl.lit(origin, INSTANT).to_physical()
    return pl.lit(table).gather(since // _QUARTER_HOUR_US)


def frame(starts: list[datetime]) -> pl.DataFrame:
    """Return the buckets as a frame of number and beginning."""
    begins = pl.Series("bucket", starts, dtype=INSTANT)
    return pl.DataFrame([begins]).with_row_index("slot")
