"""Single calls, newest first."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from tokenbudget.analytics.collecting import collect
from tokenbudget.analytics.day_ranges import at_one_moment
from tokenbudget.analytics.metrics import dollars
from tokenbudget.analytics.selection import events_of
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import TAG_PREFIX, Source, ordered

_MONEY = {
    "cost_pico": dollars(pl.col("cost_pico")).alias("cost_usd"),
    "list_cost_pico": dollars(pl.coalesce("list_cost_pico", "cost_pico")).alias("list_cost_usd"),
}


def events(source: Source, query: Query, before: tuple[datetime, object] | None = None) -> pl.DataFrame:
    """Return the calls of a period, the newest first.

    Parameters
    ----------
    before : (datetime, id), optional
        The last call of the previous page.

    Returns
    -------
    polars.DataFrame
        The ledger's columns, with exact ``cost_usd`` and ``list_cost_usd`` (null if unpriced) in place of
        ``cost_pico`` and ``list_cost_pico``, and a column ``tag_<key>`` for each tag of these calls; at most
        ``query.limit`` rows.
    """
    start, end = query.period.start, query.period.end
    if before is not None and before[0] < end:
        end = before[0] + timedelta(microseconds=1)
    source = at_one_moment(source, start, end)
    names = source.scan(start, end).collect_schema().names()
    newest = events_of(source, query, start, end, names).sort("occurred_at", "id", descending=True)
    if before is not None:
        newest = newest.filter((pl.col("occurred_at") < before[0]) | (pl.col("id") < str(before[1])))
    limited = newest if query.limit is None else newest.head(query.limit)
    return presented(collect(limited.select(names)))


def presented(rows: pl.DataFrame) -> pl.DataFrame:
    """Convert rows of the ledger for display: exact dollars, and only tags in use."""
    return used(in_dollars(rows))


def in_dollars(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the columns of the ledger into order, with exact dollars for picodollars."""
    return rows.select(_MONEY.get(name, pl.col(name)) for name in ordered(rows.columns))


def used(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop the tags that no row has."""
    return rows.drop(name for name in rows.columns if name.startswith(TAG_PREFIX) and rows[name].is_null().all())
