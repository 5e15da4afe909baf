"""Single calls, newest first."""

from __future__ import annotations

import polars as pl

from tokenbudget.analytics.metrics import dollars
from tokenbudget.analytics.selection import events_of
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import TAG_PREFIX, Source


def events(source: Source, query: Query) -> pl.DataFrame:
    """List the calls of a period, the newest first.

    Returns
    -------
    polars.DataFrame
        The ledger's columns, with exact ``cost_usd`` (null where unpriced) in place of ``cost_pico`` and a column
        ``tag_<key>`` for each tag that a listed call has; at most ``query.limit`` rows.
    """
    start, end = query.period.start, query.period.end
    names = source.scan(start, end).collect_schema().names()
    newest = events_of(source, query, start, end, names).sort("occurred_at", "id", descending=True)
    limited = newest if query.limit is None else newest.head(query.limit)
    cost = dollars(pl.col("cost_pico")).alias("cost_usd")
    rows = limited.select(cost if name == "cost_pico" else pl.col(name) for name in names).collect()
    return rows.drop(name for name in names if name.startswith(TAG_PREFIX) and rows[name].is_null().all())
