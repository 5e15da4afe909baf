"""Partitions of ``events``: one per month, made before they are needed, plus the default one for all other months."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

MONTHS_BACK = 12
MONTHS_AHEAD = 2
_STORED = "WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_freeze_min_age = 0)"
"""Events are written once: frozen soon after, a past month is not read through again to save it from wraparound."""

_MONTHLY = re.compile(r"events_\d{4}_\d{2}")
_EXISTING = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'events'::regclass
""")
_MONTHS_IN_DEFAULT = text("""
    SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date FROM events_default
""")


def ensure_partitions(connection: Connection, now: datetime, oldest: datetime | None = None) -> list[str]:
    """Make the partitions of the past year, of the coming months, and of months that events came late for.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        One transaction is committed on it for each partition made.
    now : datetime
        The present, time-zone aware.
    oldest : datetime, optional
        The time before which events are not kept: no partition is made only to be dropped.

    Returns
    -------
    list of str
        Names of the partitions made.
    """
    existing = set(connection.scalars(_EXISTING))
    strayed = set(connection.scalars(_MONTHS_IN_DEFAULT))
    connection.commit()
    this = month_of(now)
    wanted = {add_months(this, step) for step in range(-MONTHS_BACK, MONTHS_AHEAD + 1)} | strayed
    made = []
    for month in sorted(month for month in wanted if oldest is None or month >= month_of(oldest)):
        if (name := _name(month)) not in existing:
            _make(connection, name, month, from_default=month in strayed)
            connection.commit()
            made.append(name)
    return made


def drop_partitions(connection: Connection, oldest: datetime) -> list[str]:
    """Drop the months that ended by `oldest`, with their ids and sums, in one transaction.

    Whole months go, so events live up to a month longer than they must; it takes milliseconds, where deleting rows
    would take minutes.

    Returns
    -------
    list of str
        Names of the partitions dropped.
    """
    first_kept = month_of(oldest)
    expired = [name for name in connection.scalars(_EXISTING) if _MONTHLY.fullmatch(name)]
    expired = sorted(name for name in expired if name < _name(first_kept))
    for name in expired:
        connection.execute(text(f"DROP TABLE {name}"))
    until = {"until": datetime(first_kept.year, first_kept.month, 1, tzinfo=UTC), "day": first_kept}
    connection.execute(text("DELETE FROM events_default WHERE occurred_at < :until"), until)
    connection.execute(text("DELETE FROM event_ids WHERE occurred_at < :until"), until)
    connection.execute(text("DELETE FROM usage_15m WHERE bucket < :until"), until)
    connection.execute(text("DELETE FROM spend_day WHERE day < :day"), until)
    connection.commit()
    return expired


def month_of(instant: datetime) -> date:
    """Return the first day of the month that an instant lies in, in UTC."""
    return instant.astimezone(UTC).date().replace(day=1)


def add_months(month: date, count: int) -> date:
    """Return the first of the month `count` months after `month`.

    Examples
    --------
    >>> add_months(date(2026, 11, 1), 3)
    datetime.date(2027, 2, 1)
    """
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def _name(month: date) -> str:
    return f"events_{month:%Y_%m}"


def _make(connection: Connection, name: str, month: date, *, from_default: bool) -> None:
    start, end = f"{month} 00:00+00", f"{add_months(month, 1)} 00:00+00"
    span = f"FOR VALUES FROM ('{start}') TO ('{end}')"
    if not from_default:
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF events {span} {_STORED}"))
        return
    # Postgres refuses a partition whose rows lie in the default one: move them, in one transaction.
    connection.execute(text("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(text(f"CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {_STORED}"))
    # Two plain statements, to ask no more of Citus than it must take; the lock keeps everybody out in between.
    moved, bounds = "WHERE occurred_at >= :start AND occurred_at < :end", {"start": start, "end": end}
    connection.execute(text(f"INSERT INTO {name} SELECT * FROM events_default {moved}"), bounds)  # noqa: S608 - a date
    connection.execute(text(f"DELETE FROM events_default {moved}"), bounds)  # noqa: S608 - constants
    connection.execute(text(f"ALTER TABLE events ATTACH PARTITION {name} {span}"))
