"""The queries ``summary``, ``by`` and ``timeseries``.

Each takes a ledger source and a `Query`, and returns a polars frame: the group's columns, then the metrics
(`tokenbudget.analytics.metrics`).  Money is exact: ``Decimal(38, 12)``.
"""

from __future__ import annotations

import polars as pl

from tokenbudget.analytics import buckets, cubes
from tokenbudget.analytics.aggregation import Sums, aggregated, summed
from tokenbudget.analytics.collecting import collect, collect_all
from tokenbudget.analytics.day_ranges import at_one_moment
from tokenbudget.analytics.limits import NONE, Limits
from tokenbudget.analytics.metrics import METRICS, NEEDS, added, derived, totals, zeros
from tokenbudget.analytics.selection import dimensions, labels
from tokenbudget.analytics.top_n import keep_largest, sort
from tokenbudget.core.errors import QueryError
from tokenbudget.core.query import Query, default_interval
from tokenbudget.ledger.schema import Source

MOST_ROWS = 1_000_000
_METRICS = len(METRICS)
_LONGER_INTERVAL = "ask for a longer interval or a shorter period, or add limit=…"
TOTALS = Sums("totals", NEEDS, aggregated(totals()), aggregated(cubes.added()), aggregated(added()))
"""The totals from which metrics are derived."""


def summary(source: Source, query: Query, limits: Limits = NONE) -> pl.DataFrame:  # noqa: ARG001 - as the others
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
    return pl.concat(collect_all(sums))


def by(source: Source, query: Query, limits: Limits = NONE) -> pl.DataFrame:
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
        If there is nothing to split by, more than two dimensions, or the answer is beyond a limit.
    """
    if not query.by:
        msg = "name a dimension or tag to split by, e.g. by=('model',)"
        raise QueryError(msg)
    period, names = query.period, labels(query)
    source = at_one_moment(source, period.start, period.end)
    span, split, columns = (period.start, period.end), dimensions(query), len(names) + _METRICS + 1
    expected = limits.groups_of(source, query, span, split, columns=0 if query.limit else columns)
    limits.check_groups(expected)
    if query.limit is None:
        limits.check_answer(expected, columns)
    groups = collect(summed(source, query, span, TOTALS, split))
    kept = keep_largest(groups, names, query.limit, added())
    limits.check_answer(kept.height, columns)
    cost = pl.col("cost_pico").cast(pl.Float64)
    is_known = (pl.col("priced") > 0) | (pl.col("unpriced") == 0)
    share = pl.when(is_known).then(cost / pl.when(cost.sum() > 0).then(cost.sum()))
    return sort(kept, kept, names).select(*names, *derived(), share.alias("share"))


def timeseries(source: Source, query: Query, limits: Limits = NONE) -> pl.DataFrame:
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
        If there would be more than `buckets.MOST` buckets or `MOST_ROWS` rows, or the answer is beyond a limit.
    """
    period, names = query.period, labels(query)
    starts = buckets.edges(period, query.interval or default_interval(period))
    limits.check_answer(len(starts), 1 + _METRICS, _LONGER_INTERVAL)
    slot = buckets.bucket(starts, period.end).alias("slot")
    source = at_one_moment(source, period.start, period.end)
    span = period.start, period.end
    split = [slot, *dimensions(query)]
    if names:
        limits.check_groups(limits.groups_of(source, query, span, split, starts))
    groups = collect(summed(source, query, span, TOTALS, split, starts))
    kept = keep_largest(groups, names, query.limit, added())
    grid = _grid(buckets.frame(starts), kept, names, limits)
    filled = grid.join(kept, on=["slot", *names], how="left", nulls_equal=True).with_columns(zeros())
    return sort(filled, kept, names, first=["slot"]).select("bucket", *names, *derived())


def _grid(slots: pl.DataFrame, kept: pl.DataFrame, names: list[str], limits: Limits) -> pl.DataFrame:
    if not names:
        return slots
    groups = kept.select(names).unique()
    limits.check_answer(len(slots) * len(groups), len(names) + 1 + _METRICS, _LONGER_INTERVAL)
    if len(slots) * len(groups) > MOST_ROWS:
        msg = f"{len(slots):,} buckets × {len(groups):,} groups are too many: set a limit, or a longer interval"
        raise QueryError(msg)
    return slots.join(groups, how="cross")
