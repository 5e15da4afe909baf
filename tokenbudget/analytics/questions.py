"""The queries ``summary``, ``by`` and ``timeseries``.

Each takes a ledger source and a `Query`, and returns a polars frame: the group's columns, then the metrics
(`tokenbudget.analytics.metrics`).  Money is exact: ``Decimal(38, 12)``.
"""

from __future__ import annotations

import polars as pl

from tokenbudget.analytics import buckets, cubes
from tokenbudget.analytics.aggregation import Sums, aggregated, summed
from tokenbudget.analytics.day_ranges import at_one_moment
from tokenbudget.analytics.metrics import NEEDS, added, derived, totals, zeros
from tokenbudget.analytics.selection import dimensions, labels
from tokenbudget.analytics.top_n import keep_largest, sort
from tokenbudget.core.errors import QueryError
from tokenbudget.core.query import Query, default_interval
from tokenbudget.ledger.schema import Source

MOST_ROWS = 1_000_000
TOTALS = Sums("totals", NEEDS, aggregated(totals()), aggregated(cubes.added()), aggregated(added()))
"""The totals from which metrics are derived."""


def summary(source: Source, query: Query) -> pl.DataFrame:
    """Return the totals of a period and of the one before it.

    Returns
    -------
    polars.DataFrame
        Two rows: ``span`` ``"current"`` and ``"previous"``, then the metrics.
    """
    period = query.period
    spans = {
        "current": (period.start, period.end),
        "previous": (period.previous_start, period.previous_end),
    }
    source = at_one_moment(source, period.previous_start, period.end)
    sums = [
        summed(source, query, span, TOTALS).select(pl.lit(name).alias("span"), *derived())
        for name, span in spans.items()
    ]
    return pl.concat(pl.collect_all(sums))


def by(source: Source, query: Query) -> pl.DataFrame:
    """Split a period by one or two dimensions or tags.

    Returns
    -------
    polars.DataFrame
        One row per group, largest cost first: the group's columns, named as asked (``unpriced_reason`` for
        ``unpriced``), the metrics, and ``share``, the part of the period's cost (0 to 1; null where the group's cost is
        unknown).  Calls without the dimension are the group null.  With ``query.limit``, the groups past the largest
        are one row ``other``, which comes last.
        Two dimensions come in long form, ready to pivot, and are limited one by one.

    Raises
    ------
    QueryError
        If there is nothing to split by, or more than two dimensions.
    """
    if not query.by:
        msg = "name a dimension or tag to split by, e.g. by=('model',)"
        raise QueryError(msg)
    period, names = query.period, labels(query)
    source = at_one_moment(source, period.start, period.end)
    groups = summed(source, query, (period.start, period.end), TOTALS, dimensions(query)).collect()
    kept = keep_largest(groups, names, query.limit, added())
    cost = pl.col("cost_pico").cast(pl.Float64)
    is_known = (pl.col("priced") > 0) | (pl.col("unpriced") == 0)
    share = pl.when(is_known).then(cost / pl.when(cost.sum() > 0).then(cost.sum()))
    return sort(kept, kept, names).select(*names, *derived(), share.alias("share"))


def timeseries(source: Source, query: Query) -> pl.DataFrame:
    """Return a period as a time series without gaps; buckets follow the period's time zone.

    Returns
    -------
    polars.DataFrame
        One row per bucket, or per bucket and group when there is a ``by``; ``bucket`` is the UTC instant at which it
        begins.  Every group has a row in every bucket; one without calls has zero requests and zero cost.  With
        ``query.limit``, the groups past the period's largest are one group ``other``.

    Raises
    ------
    QueryError
        If there would be more than `buckets.MOST` buckets or `MOST_ROWS` rows.
    """
    period, names = query.period, labels(query)
    starts = buckets.edges(period, query.interval or default_interval(period))
    slot = buckets.bucket(starts, period.end).alias("slot")
    source = at_one_moment(source, period.start, period.end)
    span = period.start, period.end
    groups = summed(source, query, span, TOTALS, [slot, *dimensions(query)], starts).collect()
    kept = keep_largest(groups, names, query.limit, added())
    grid = _grid(buckets.frame(starts), kept, names)
    filled = grid.join(kept, on=["slot", *names], how="left", nulls_equal=True).with_columns(zeros())
    return sort(filled, kept, names, first=["slot"]).select("bucket", *names, *derived())


def _grid(slots: pl.DataFrame, kept: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    if not names:
        return slots
    groups = kept.select(names).unique()
    if len(slots) * len(groups) > MOST_ROWS:
        msg = f"{len(slots):,} buckets × {len(groups):,} groups are too many: set a limit, or a longer interval"
        raise QueryError(msg)
    return slots.join(groups, how="cross")
