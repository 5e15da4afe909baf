"""Single calls, newest first."""

from __future__ import annotations

import polars as pl

from tokenbudget.analytics.cubes import at_one_moment
from tokenbudget.analytics.metrics import dollars
from tokenbudget.analytics.selection import events_of
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import TAG_PREFIX, Source, ordered


def events(source: Source, query: Query) -> pl.DataFrame:
    """List the calls of a period, the newest first.

    Returns
    -------
    polars.DataFrame
        The ledger's columns, with exact ``cost_usd`` (null where unpriced) in place of ``cost_pico`` and a column
        ``tag_<key>`` for each tag that a listed call has; at most ``query.limit`` rows.
    """
    start, end = query.period.start, query.period.end
    source = at_one_moment(source, start, end)
    names = source.scan(start, end).collect_schema().names()
    newest = events_of(source, query, start, end, names).sort("occurred_at", "id", descending=True)
    limited = newest if query.limit is None else newest.head(query.limit)
    return presented(limited.select(names).collect())


def presented(rows: pl.DataFrame) -> pl.DataFrame:
    """Show rows of the ledger: exact dollars, and only tags in use."""
    cost = dollars(pl.col("cost_pico")).alias("cost_usd")
    unused = {name for name in rows.columns if name.startswith(TAG_PREFIX) and rows[name].is_null().all()}
    shown = (name for name in ordered(rows.columns) if name not in unused)
    return rows.select(cost if name == "cost_pico" else pl.col(name) for name in shown)
