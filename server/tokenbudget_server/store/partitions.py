"""Partitions of ``events``: one per month, made before they are needed, plus the default one for all other months."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

MONTHS_BACK = 12
MONTHS_AHEAD = 2

_EXISTING = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'events'::regclass
""")
_MONTHS_IN_DEFAULT = text("""
    SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date FROM events_default
""")


def ensure_partitions(connection: Connection, now: datetime) -> list[str]:
    """Make the partitions of the past year, of the coming months, and of months that events came late for.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        One transaction is committed on it for each partition made.
    now : datetime
        The present, time-zone aware.

    Returns
    -------
    list of str
        Names of the partitions made.
    """
    existing = set(connection.scalars(_EXISTING))
    strayed = set(connection.scalars(_MONTHS_IN_DEFAULT))
    connection.commit()
    this = now.astimezone(UTC).date().replace(day=1)
    wanted = {add_months(this, step) for step in range(-MONTHS_BACK, MONTHS_AHEAD + 1)} | strayed
    made = []
    for month in sorted(wanted):
        if (name := f"events_{month:%Y_%m}") not in existing:
            _make(connection, name, month, from_default=month in strayed)
            connection.commit()
            made.append(name)
    return made


def add_months(month: date, count: int) -> date:
    """Give the first of the month `count` months after `month`.

    Examples
    --------
    >>> add_months(date(2026, 11, 1), 3)
    datetime.date(2027, 2, 1)
    """
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def _make(connection: Connection, name: str, month: date, *, from_default: bool) -> None:
    start, end = f"{month} 00:00+00", f"{add_months(month, 1)} 00:00+00"
    span = f"FOR VALUES FROM ('{start}') TO ('{end}')"
    if not from_default:
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF events {span}"))
        return
    # Postgres refuses a partition whose rows lie in the default one: move them, in one transaction.
    connection.execute(text("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(text(f"CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    connection.execute(
        text(f"""
        WITH moved AS (DELETE FROM events_default WHERE occurred_at >= :start AND occurred_at < :end RETURNING *)
        INSERT INTO {name} SELECT * FROM moved
        """),  # noqa: S608 - the name is made of a date
        {"start": start, "end": end},
    )
    connection.execute(text(f"ALTER TABLE events ATTACH PARTITION {name} {span}"))
