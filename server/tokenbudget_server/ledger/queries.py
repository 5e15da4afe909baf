"""What is asked of Postgres: versions of days, their events, and what of a day was written since it was last read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import polars as pl

from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.ledger import schema
from tokenbudget_server.ledger.display_names import Names

Day = tuple[int, date]
"""A project's id and a UTC day."""

ONE_DAY = timedelta(days=1)
TYPES: dict[str, pl.DataType] = {
    name: dtype for name, dtype in {**schema.SCHEMA, **schema.SERVER_SCHEMA}.items() if name != "project"
}
"""Columns of a day as it is kept; a project's name may change and is filled in when a question is asked."""

_STORED = {
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
}
_REST_NAMES = set(TOKEN_FIELDS) - _STORED
_AS_THEY_ARE = [
    name
    for name in schema.SCHEMA
    if name not in {"id", "project", "cost_pico", "list_cost_pico", "attempts"} and name not in _REST_NAMES
]
_PIECE_ROWS = 50_000

# The numeric is summed by Postgres and compared as text: equal means equal to the last digit.
_VERSIONS = """
SELECT project_id, day, sum(requests)::bigint AS requests, sum(rev)::bigint AS rev, sum(cost_usd)::text AS cost
FROM spend_day WHERE project_id IN ({projects}) AND day >= '{first}' AND day < '{last}'
GROUP BY project_id, day
"""
_NAMES = """
SELECT p.id AS project_id, p.name AS project, k.id AS api_key_id, k.name AS api_key, u.id AS user_id, u.name AS member
FROM projects p LEFT JOIN api_keys k ON k.project_id = p.id LEFT JOIN users u ON u.id = k.user_id
WHERE p.id IN ({projects})
"""
_EVENTS = f"""
SELECT e.id::text AS id, e.project_id, e.api_key_id, e.attempts,
       (e.cost_usd * 1000000000000)::bigint AS cost_pico,
       (e.list_cost_usd * 1000000000000)::bigint AS list_cost_pico,
       e.usage_rest::text AS usage_rest, e.tags::text AS tags, {", ".join(f"e.{name}" for name in _AS_THEY_ARE)}
FROM events e WHERE e.project_id = {{project}} AND ({{spans}})
"""  # noqa: S608 - names of columns
_IDENTITY = """
SELECT current_database() || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database()) || ' '
       || coalesce((SELECT min(created_at) FROM projects)::text, '') AS text,
       has_function_privilege('pg_control_system()', 'execute') AS asks,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS is_citus
"""

_read_tags = msgspec.json.Decoder(list[dict[str, str]]).decode
_read_usage = msgspec.json.Decoder(list[dict[str, Any]]).decode


class Version(NamedTuple):
    """What ``spend_day`` says of a day: as long as it says the same, nothing of the day changed."""

    requests: int
    rev: int
    cost: str

    @property
    def digest(self) -> str:
        """Text that is another for every other version."""
        return f"{self.requests}-{self.rev}-{sha256(self.cost.encode()).hexdigest()[:12]}"


class Identity(NamedTuple):
    """Which database this is, and whether its transaction ids order what was written (on Citus they do not)."""

    digest: str
    orders: bool


def identity(cursor: Any) -> Identity:
    """Tell one database from another that has taken its place under the same URL."""
    cursor.execute(_IDENTITY)
    text, asks, is_citus = _fetch(cursor).row(0)
    if asks:
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        text += _fetch(cursor).item()
    return Identity(sha256(text.encode()).hexdigest()[:16], not is_citus)


def horizon(cursor: Any) -> int:
    """Return the oldest transaction that this snapshot may not see all of: what it misses is not older."""
    cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin")
    return int(_fetch(cursor).item())


def names(cursor: Any, projects: Sequence[int]) -> Names:
    """Return the names of projects, of their keys and of the members who own them."""
    cursor.execute(_NAMES.format(projects=_ids(projects)))
    found = _fetch(cursor)
    keys = found.drop_nulls("api_key_id").select("api_key_id", "api_key", "user_id", "member")
    return Names.of(dict(found.select("project_id", "project").iter_rows()), keys.iter_rows())


def versions(cursor: Any, projects: Sequence[int], start: datetime, end: datetime) -> dict[Day, Version]:
    """Return the versions of the days that a span touches and that have events."""
    first = start.astimezone(UTC).date()
    last = (end - timedelta(microseconds=1)).astimezone(UTC).date() + ONE_DAY
    cursor.execute(_VERSIONS.format(projects=_ids(projects), first=first, last=last))
    rows = _fetch(cursor).select("project_id", "day", "requests", "rev", "cost").iter_rows()
    return {(project, day): Version(*version) for project, day, *version in rows}


def all_days(cursor: Any) -> dict[Day, Version]:
    """Return the versions of every project's days."""
    cursor.execute("SELECT id FROM projects")
    projects = _fetch(cursor)["id"].to_list()
    everything = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    return versions(cursor, projects, *everything) if projects else {}


def read(cursor: Any, days: Iterable[Day]) -> dict[Day, pl.DataFrame]:
    """Read the events of days."""
    found: dict[Day, list[pl.DataFrame]] = {}
    for project, group in groupby(sorted(days), key=lambda day: day[0]):
        spans = " OR ".join(_span(*span) for span in _runs([day for _, day in group]))
        cursor.execute(_EVENTS.format(project=int(project), spans=spans))
        for piece in _pieces(cursor):
            frame = piece.with_columns(pl.col("occurred_at").dt.date().alias("_day"))
            for key, part in frame.partition_by("_day", as_dict=True, include_key=False).items():
                found.setdefault((project, key[0]), []).append(part)
    return {day: pl.concat(parts, how="diagonal") for day, parts in found.items()}


def read_since(cursor: Any, day: Day, horizon: int) -> pl.DataFrame:
    """Read what of a day was written by the transaction `horizon` or a later one.

    Rows carry the lower 32 bits of their transaction's id: those that are up to two billion ahead are later.
    """
    project, date_ = day
    since = f"((e.xmin::text::bigint - {horizon & 0xFFFFFFFF}) & 4294967295) < 2147483648"
    cursor.execute(_EVENTS.format(project=int(project), spans=f"{_span(date_, date_)} AND {since}"))
    pieces = list(_pieces(cursor))
    return pl.concat(pieces, how="diagonal") if pieces else empty()


def empty() -> pl.DataFrame:
    """Return a day without events."""
    return pl.DataFrame(schema=TYPES)


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day begins."""
    return datetime.combine(day, time(), UTC)


def _ids(projects: Sequence[int]) -> str:
    return ", ".join(str(int(project)) for project in projects)


def _span(first: date, last: date) -> str:
    begin, stop = midnight(first).isoformat(), midnight(last + ONE_DAY).isoformat()
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
        if day != last + ONE_DAY:
            yield first, last
            first = day
        last = day
    yield first, last


def _fetch(cursor: Any) -> pl.DataFrame:
    return _frame(cursor.fetch_arrow_table())


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        msg = f"expected a table from the database, got {type(frame).__name__}"
        raise TypeError(msg)
    return frame


def _pieces(cursor: Any) -> Iterator[pl.DataFrame]:
    """Read events as they arrive: their JSON is decoded and let go of a piece at a time."""
    waiting: list[pl.DataFrame] = []
    for batch in cursor.fetch_record_batch():
        waiting.append(_frame(batch))
        if sum(frame.height for frame in waiting) >= _PIECE_ROWS:
            yield _to_ledger(pl.concat(waiting))
            waiting = []
    if waiting:
        yield _to_ledger(pl.concat(waiting))


def _to_ledger(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn rows of ``events`` into a ledger frame."""
    rest, tags = _decoded(rows["usage_rest"], _read_usage), _decoded(rows["tags"], _read_tags)
    counted = _REST_NAMES & set().union(*rest)
    columns: dict[str, list[Any]] = {
        **{name: [int(usage.get(name, 0)) for usage in rest] for name in counted},
        **{schema.tag_column(key): [row.get(key) for row in tags] for key in set().union(*tags)},
    }
    return (
        rows.drop("usage_rest", "tags")
        .with_columns(pl.lit(0).alias(name) for name in _REST_NAMES - counted)
        .with_columns(pl.Series(name, values, dtype=schema.dtype(name)) for name, values in columns.items())
        .cast(pl.Schema(TYPES))
        .select(schema.ordered([*TYPES, *columns]))
    )


def _decoded(texts: pl.Series, read: Callable[[bytes], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return read(("[" + ",".join(text or "{}" for text in texts) + "]").encode())
