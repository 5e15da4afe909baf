"""Price stored events again: what changes is told first; applied, sums follow in the statement that changes events.

Events are read and changed in chunks, each a transaction of its own: stopped halfway, the chunks done are right, and
running it again does the rest.  Ingest goes on meanwhile: changes of sums are added to a shard of the rollups that no
writer has, and an event that another writer changed in between is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import adbc_driver_manager
import msgspec
import polars as pl
import psycopg
from adbc_driver_postgresql import dbapi
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from tokenbudget.analytics import repricing
from tokenbudget.core.errors import QueryError
from tokenbudget.core.period import Period
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.ledger.schema import INSTANT
from tokenbudget.pricing import Pricer
from tokenbudget.pricing.engine.frame_pricing import EXTRAS, Extras
from tokenbudget.pricing.engine.reprice import repriced, was
from tokenbudget_server.db import arrays
from tokenbudget_server.db.arrays import Int8Array, TextArray, TimestamptzArray, UuidArray
from tokenbudget_server.db.locks import REPRICING
from tokenbudget_server.db.url import psycopg_url, sqlalchemy_url
from tokenbudget_server.store.flusher import SHARDS
from tokenbudget_server.store.rows import USAGE_COLUMNS
from tokenbudget_server.store.statement import UNPRICED
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.cancellation import current_cancellation
from tokenbudget_server.web.errors import RepricingUnderWayError, StoreUnavailableError
from tokenbudget_server.web.scope import Scope

CHUNK = 20_000
MOST_MODELS = 20_000
"""Of a period that is priced again."""
SHARD = SHARDS
"""Writers have the shards below."""
_EPOCH_2000 = 946_684_800_000_000
_AS_THEY_ARE = (
    "occurred_at",
    "provider",
    "model",
    "requested_model",
    "status",
    "service_tier",
    "speed",
    "region",
    "batch",
    "billing",
    "price_key",
    "unpriced",
    *USAGE_COLUMNS,
)
_REST = [name for name in TOKEN_FIELDS if name not in USAGE_COLUMNS]
_read_usages = msgspec.json.Decoder(list[Usage]).decode

_EVENTS = f"""
SELECT id::text AS id, {", ".join(_AS_THEY_ARE)}, usage_rest::text AS usage_rest,
       (cost_usd * 1000000000000)::bigint AS cost_pico, (list_cost_usd * 1000000000000)::bigint AS list_cost_pico
FROM events
WHERE project_id = {{project}} AND occurred_at >= '{{start}}' AND occurred_at < '{{end}}' {{after}}
ORDER BY occurred_at, id LIMIT {{limit}}
"""  # noqa: S608 - names of columns
_MODELS = """
SELECT count(*) FROM (
    SELECT DISTINCT provider, model FROM usage_15m
    WHERE project_id = ANY(:projects) AND bucket > cast(:first AS timestamptz) - interval '15 min' AND bucket < :end
    LIMIT :most
) models
"""
_AFTER = "AND (occurred_at, id) > ('{}', '{}')"

# The bounds let the database look at the chunk's own rows alone; the old cost must be the one that was looked at.
_UPDATE = f"""
WITH changed AS (
    UPDATE events e
    SET original_cost_usd = CASE WHEN e.repriced_at IS NULL THEN e.cost_usd ELSE e.original_cost_usd END,
        repriced_at = now(), cost_usd = s.cost_usd, list_cost_usd = s.list_cost_usd, price_key = s.price_key,
        unpriced = s.unpriced
    FROM (SELECT at, id, old * 0.000000000001 AS old_usd, new * 0.000000000001 AS cost_usd,
                 list * 0.000000000001 AS list_cost_usd, price_key, unpriced
          FROM unnest(%(at)s, %(id)s, %(old)s, %(new)s, %(list)s, %(price_key)s, %(unpriced)s)
               AS u (at, id, old, new, list, price_key, unpriced)) s
    WHERE e.project_id = %(project_id)s AND e.occurred_at >= %(first)s AND e.occurred_at <= %(last)s
          AND e.occurred_at = s.at AND e.id = s.id AND e.cost_usd IS NOT DISTINCT FROM s.old_usd
    RETURNING e.occurred_at, e.api_key_id, e.provider, e.model, e.operation, e.status, e.input_tokens, e.output_tokens,
              e.cost_usd, s.old_usd
), quarter_hours AS (
    INSERT INTO usage_15m AS t (project_id, bucket, api_key_id, provider, model, operation, status, shard,
                                unpriced, cost_usd)
    SELECT %(project_id)s, date_bin('15 min', occurred_at, '2020-01-01 00:00+00'), api_key_id, provider, model,
           operation, status, {SHARD}, {UNPRICED} - {UNPRICED.replace("cost_usd", "old_usd")},
           coalesce(sum(cost_usd), 0) - coalesce(sum(old_usd), 0)
    FROM changed GROUP BY 2, 3, 4, 5, 6, 7 ORDER BY 2, 3, 4, 5, 6, 7
    ON CONFLICT (project_id, bucket, api_key_id, provider, model, operation, status, shard)
    DO UPDATE SET unpriced = t.unpriced + excluded.unpriced, cost_usd = t.cost_usd + excluded.cost_usd
), days AS (
    INSERT INTO spend_day AS t (project_id, day, api_key_id, shard, unpriced, cost_usd, rev)
    SELECT %(project_id)s, (occurred_at AT TIME ZONE 'UTC')::date, api_key_id, {SHARD},
           {UNPRICED} - {UNPRICED.replace("cost_usd", "old_usd")},
           coalesce(sum(cost_usd), 0) - coalesce(sum(old_usd), 0), 1
    FROM changed GROUP BY 2, 3 ORDER BY 2, 3
    ON CONFLICT (project_id, day, api_key_id, shard)
    DO UPDATE SET unpriced = t.unpriced + excluded.unpriced, cost_usd = t.cost_usd + excluded.cost_usd,
                  rev = t.rev + excluded.rev
)
SELECT count(*) FROM changed
"""  # noqa: S608 - put together of constants


def reprice(
    dsn: str, scope: Scope, period: Period, pricer: Pricer, *, dry_run: bool = True, chunk: int = CHUNK
) -> pl.DataFrame:
    """Price the events of projects again, as of when they occurred.

    Parameters
    ----------
    dsn : str
        URL of the database.
    scope : Scope
        Whose projects' events.
    period : Period
    pricer : Pricer
    dry_run : bool
        Only tell what would change.
    chunk : int
        Events read, and changed in one transaction.

    Returns
    -------
    polars.DataFrame
        As `tokenbudget.analytics.repricing.difference` gives it.

    Raises
    ------
    RepricingUnderWayError
        If events are being priced again already.
    QueryError
        If there are more than `MOST_MODELS`.
    StoreUnavailableError
        If the database does not answer; running it again does what is left.
    """
    parts: list[pl.DataFrame] = []
    with _connections(dsn) as (reader, writer):
        _check_models(writer, scope, period)
        if not dry_run:
            _take_turn(writer)
        is_audited = dry_run
        for project in scope.project_ids:
            for events in _chunks(reader, project, period.start, period.end, chunk):
                current_cancellation().check()
                priced = repriced(events, pricer)
                changed = priced.filter("is_changed")
                if not dry_run and changed.height:
                    with writer.begin():
                        _write(writer, project, changed)
                        if not is_audited:
                            _audit(writer, scope, period)
                    is_audited = True
                parts = [repricing.added([*parts, repricing.totals(priced)])]
    return repricing.difference(parts)


def _check_models(writer: Connection, scope: Scope, period: Period) -> None:
    """Refuse a period of too many models, each of which is a row of the answer."""
    values = {"projects": list(scope.project_ids), "first": period.start, "end": period.end, "most": MOST_MODELS + 1}
    with writer.begin():
        models = writer.scalar(text(_MODELS), values)
    if models > MOST_MODELS:
        raise QueryError(f"the period has calls of more than {MOST_MODELS:,} models: price a shorter one again")


def _audit(writer: Connection, scope: Scope, period: Period) -> None:
    """Record the whole of it, with the first chunk that changes anything."""
    after = {"start": period.start, "end": period.end, "project_ids": scope.project_ids}
    audit(writer, scope, "events.reprice", Target("period", period.name), None, after)


@contextmanager
def _connections(dsn: str) -> Iterator[tuple[Any, Connection]]:
    engine = create_engine(sqlalchemy_url(dsn), poolclass=NullPool, connect_args={"connect_timeout": 10})
    try:
        with (
            engine.connect() as writer,
            dbapi.connect(psycopg_url(dsn), autocommit=True) as connection,
            connection.cursor() as reader,
            current_cancellation().stoppable(connection.adbc_cancel),
        ):
            arrays.register(cast("psycopg.Connection[Any]", writer.connection.driver_connection))
            yield reader, writer
    except (adbc_driver_manager.Error, OperationalError) as error:
        msg = f"events cannot be priced again: {error}; what was done is right, run it again for the rest"
        raise StoreUnavailableError(msg) from error


def _take_turn(writer: Connection) -> None:
    with writer.begin():
        is_ours = writer.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": REPRICING})  # With the connection.
    if not is_ours:
        raise RepricingUnderWayError("events are being priced again already: wait until that is done")


def _chunks(reader: Any, project: int, start: datetime, end: datetime, size: int) -> Iterator[pl.DataFrame]:
    after = ""
    while True:
        reader.execute(
            _EVENTS.format(project=int(project), start=start.isoformat(), end=end.isoformat(), after=after, limit=size)
        )
        rows = pl.DataFrame(pl.from_arrow(reader.fetch_arrow_table()))
        if rows.height:
            yield _to_frame(rows)
        if rows.height < size:
            return
        after = _AFTER.format(rows["occurred_at"][-1].isoformat(), rows["id"][-1])


def _to_frame(rows: pl.DataFrame) -> pl.DataFrame:
    usages = _read_usages(("[" + ",".join(text or "{}" for text in rows["usage_rest"]) + "]").encode())
    rest = {name: pl.Series([getattr(usage, name) for usage in usages], dtype=pl.Int64) for name in _REST}
    extras = pl.Series([Extras.json_of(usage) for usage in usages], dtype=pl.String)
    return rows.drop("usage_rest").with_columns(pl.col("occurred_at").cast(INSTANT), **rest, **{EXTRAS: extras})


def _write(writer: Connection, project: int, changed: pl.DataFrame) -> None:
    instants = changed["occurred_at"]
    values = {
        "project_id": project,
        "first": instants[0],
        "last": instants[-1],
        "at": TimestamptzArray((instants.to_physical() - _EPOCH_2000).to_list()),
        "id": UuidArray([bytes.fromhex(id_.replace("-", "")) for id_ in changed["id"]]),
        "old": Int8Array(changed[was("cost_pico")].to_list()),
        "new": Int8Array(changed["cost_pico"].to_list()),
        "list": Int8Array(changed["list_cost_pico"].to_list()),
        "price_key": TextArray(changed["price_key"].to_list()),
        "unpriced": TextArray(changed["unpriced"].to_list()),
    }
    writer.exec_driver_sql(_UPDATE, values)
