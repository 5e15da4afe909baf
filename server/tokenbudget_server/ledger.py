"""The server's ledger: days of events read from Postgres once, and again only when they changed.

``spend_day`` says, in the same transaction that stores events, how many there are in each project's day, what they
cost, and how often that changed.  A question reads these versions and the days that differ from what is remembered in
one snapshot of the database, so late events, repricing and deletions are in the next answer, and no event is missed
that was committed late.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import adbc_driver_manager
import msgspec
import polars as pl
from adbc_driver_postgresql import dbapi

from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.ledger import schema
from tokenbudget_server.errors import StoreUnavailableError
from tokenbudget_server.store.url import psycopg_url

MOST_BYTES = 1 << 30
"""Days remembered by one process; the least recently asked for are forgotten first."""

Day = tuple[int, date]
Version = tuple[object, ...]
"""Requests, changes, cost and the project's name: what is remembered is right as long as none of them changes."""
Days = dict[Day, pl.DataFrame]

_ONE_DAY = timedelta(days=1)
_STORED = {
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
}
_REST_NAMES = set(TOKEN_FIELDS) - _STORED
_AS_THEY_ARE = [
    name for name in schema.SCHEMA if name not in {"id", "project", "cost_pico", "attempts"} and name not in _REST_NAMES
]

# The numeric is summed by Postgres and compared as text: equal means equal to the last digit.
_VERSIONS = """
SELECT s.project_id, s.day, p.name, sum(s.requests)::bigint AS requests, sum(s.rev)::bigint AS rev,
       sum(s.cost_usd)::text AS cost
FROM spend_day s JOIN projects p ON p.id = s.project_id
WHERE s.project_id IN ({projects}) AND s.day >= '{first}' AND s.day < '{last}'
GROUP BY s.project_id, s.day, p.name
"""
_EVENTS = f"""
SELECT e.id::text AS id, p.name AS project, e.project_id, e.api_key_id, e.attempts,
       (e.cost_usd * 1000000000000)::bigint AS cost_pico,
       e.usage_rest::text AS usage_rest, e.tags::text AS tags, {", ".join(f"e.{name}" for name in _AS_THEY_ARE)}
FROM events e JOIN projects p ON p.id = e.project_id
WHERE e.project_id = {{project}} AND ({{spans}})
"""  # noqa: S608 - names of columns

_read_tags = msgspec.json.Decoder(list[dict[str, str]]).decode
_read_usage = msgspec.json.Decoder(list[dict[str, Any]]).decode


class PostgresLedger:
    """Reads the events of some projects from a server's Postgres, as `tokenbudget.ledger.schema.Source` says.

    Cheap to make: what is remembered is shared by all ledgers of one database.  Synchronous and thread-safe.

    Parameters
    ----------
    dsn : str
        URL of the database.
    project_ids : iterable of int
        The projects to read; none gives no events.
    """

    def __init__(self, dsn: str, project_ids: Iterable[int]) -> None:
        self._memory = memory(psycopg_url(dsn))
        self._projects = sorted(set(project_ids))

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read the events of ``start <= occurred_at < end``.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        days = self._memory.days(self._projects, start, end) if self._projects and start < end else []
        # One frame of many chunks, put together without copying: planning a query over hundreds of frames takes longer.
        everything = pl.concat([_empty(), *days], how="diagonal", rechunk=False)
        return schema.select(schema.within(everything.lazy(), start, end), columns)


class DayMemory:
    """The days of one database that this process remembers, each with the version it was read at."""

    def __init__(self, dsn: str, most_bytes: int = MOST_BYTES) -> None:
        self._dsn = dsn
        self._most_bytes = most_bytes
        self._known: OrderedDict[Day, tuple[Version, pl.DataFrame]] = OrderedDict()
        self._bytes = 0
        self._connection: Any = None
        self._lock = threading.Lock()

    def days(self, projects: Sequence[int], start: datetime, end: datetime) -> list[pl.DataFrame]:
        """Give the days that the span touches, as they are in the database now."""
        with self._lock, self._snapshot() as cursor:
            versions = _versions(cursor, projects, start, end)
            stale = [day for day, version in versions.items() if self._version(day) != version]
            fresh = _read(cursor, stale)
            for day in stale:
                self._keep(day, versions[day], fresh.get(day, _empty()))
            found = [self._recall(day) for day in sorted(versions)]
            self._forget_the_least_used()
        return found

    def _version(self, day: Day) -> Version | None:
        return self._known[day][0] if day in self._known else None

    def _keep(self, day: Day, version: Version, frame: pl.DataFrame) -> None:
        if day in self._known:
            self._bytes -= int(self._known.pop(day)[1].estimated_size())
        self._known[day] = version, frame
        self._bytes += int(frame.estimated_size())

    def _recall(self, day: Day) -> pl.DataFrame:
        self._known.move_to_end(day)
        return self._known[day][1]

    def _forget_the_least_used(self) -> None:
        while self._bytes > self._most_bytes:
            _, (_, frame) = self._known.popitem(last=False)
            self._bytes -= int(frame.estimated_size())

    @contextmanager
    def _snapshot(self) -> Iterator[Any]:
        """Open one unchanging view of the database."""
        try:
            connection = self._connect()
            with connection.cursor() as cursor:
                yield cursor
                cursor.execute("ROLLBACK")
        except adbc_driver_manager.Error as error:
            self.close()
            msg = f"the events cannot be read from the database: {error}"
            raise StoreUnavailableError(msg) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> Any:
        """Give the connection, with a snapshot begun; a new one where the old was lost since the last question."""
        if self._connection is not None:
            try:
                return _begun(self._connection)
            except adbc_driver_manager.Error:
                self.close()
        self._connection = _begun(dbapi.connect(self._dsn, autocommit=True))
        return self._connection

    def close(self) -> None:
        """Let go of the connection; the next question makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(adbc_driver_manager.Error):
                connection.close()


def _begun(connection: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return connection


@cache
def memory(dsn: str) -> DayMemory:
    """Give this process's one memory of a database."""
    return DayMemory(dsn)


def _versions(cursor: Any, projects: Sequence[int], start: datetime, end: datetime) -> dict[Day, Version]:
    last = (end - timedelta(microseconds=1)).astimezone(UTC).date() + _ONE_DAY
    cursor.execute(
        _VERSIONS.format(
            projects=", ".join(str(int(project)) for project in projects), first=start.astimezone(UTC).date(), last=last
        )
    )
    rows = _fetch(cursor).select("project_id", "day", "requests", "rev", "cost", "name").iter_rows()
    return {(project, day): tuple(version) for project, day, *version in rows}


def _read(cursor: Any, days: Sequence[Day]) -> Days:
    found: Days = {}
    for project, group in groupby(sorted(days), key=lambda day: day[0]):
        spans = " OR ".join(_span(*span) for span in _runs([day for _, day in group]))
        cursor.execute(_EVENTS.format(project=int(project), spans=spans))
        frame = _to_ledger(_fetch(cursor))
        parts = frame.with_columns(pl.col("occurred_at").dt.date().alias("_day")).partition_by(
            "_day", as_dict=True, include_key=False
        )
        found |= {(project, key[0]): part for key, part in parts.items()}
    return found


def _span(first: date, last: date) -> str:
    begin, stop = (datetime.combine(day, time(), UTC).isoformat() for day in (first, last + _ONE_DAY))
    return f"(e.occurred_at >= '{begin}' AND e.occurred_at < '{stop}')"


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Join days that follow each other, so that a long reload is one range.

    Examples
    --------
    >>> [(a.day, b.day) for a, b in _runs([date(2026, 1, d) for d in (1, 2, 3, 7)])]
    [(1, 3), (7, 7)]
    """
    first = last = days[0]
    for day in days[1:]:
        if day != last + _ONE_DAY:
            yield first, last
            first = day
        last = day
    yield first, last


def _fetch(cursor: Any) -> pl.DataFrame:
    frame = pl.from_arrow(cursor.fetch_arrow_table())
    if not isinstance(frame, pl.DataFrame):
        msg = f"expected a table from the database, got {type(frame).__name__}"
        raise TypeError(msg)
    return frame


def _to_ledger(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn rows of ``events`` into a ledger frame."""
    rest, tags = _decoded(rows["usage_rest"], _read_usage), _decoded(rows["tags"], _read_tags)
    counted = _REST_NAMES & set().union(*rest)
    columns = {
        **{name: [int(usage.get(name, 0)) for usage in rest] for name in counted},
        **{schema.tag_column(key): [row.get(key) for row in tags] for key in set().union(*tags)},
    }
    return (
        rows.drop("usage_rest", "tags")
        .with_columns(pl.lit(0).alias(name) for name in _REST_NAMES - counted)
        .with_columns(pl.Series(name, values, dtype=schema.dtype(name)) for name, values in columns.items())
        .cast(_types())
        .select(schema.ordered([*_types(), *columns]))
    )


def _decoded(texts: pl.Series, read: Callable[[bytes], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return read(("[" + ",".join(text or "{}" for text in texts) + "]").encode())


def _types() -> dict[str, pl.DataType]:
    return {**schema.SCHEMA, **schema.SERVER_SCHEMA}


def _empty() -> pl.DataFrame:
    return pl.DataFrame(schema=_types())
