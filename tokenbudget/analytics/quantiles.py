"""Percentiles of latency, time to first token and cost, exact, by scan."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tokenbudget.analytics.selection import dimensions, events_of, labels
from tokenbudget.core.errors import QueryError
from tokenbudget.core.money import PICO
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import Source

LEVELS: tuple[float, ...] = (0.5, 0.9, 0.95, 0.99)
MEASURES: dict[str, pl.Expr] = {
    "cost_usd": pl.col("cost_pico").cast(pl.Float64),
    "latency_ms": pl.col("latency_ms"),
    "time_to_first_token_ms": pl.col("time_to_first_token_ms"),
}
"""What can be asked for (costs first, in whole picodollars); unknown values are left out, never counted as 0."""


def percentiles(source: Source, query: Query, levels: Sequence[float] = LEVELS) -> pl.DataFrame:
    """Give percentiles of cost and time per call, interpolated linearly between the two nearest calls.

    Returns
    -------
    polars.DataFrame
        One row per measure (``cost_usd``, ``latency_ms``, ``time_to_first_token_ms``), or per group and measure:
        the group's columns, ``measure``, ``count`` (calls whose value is known), ``p50``, ``p90``, …,
        ``max``.  Null where nothing is known.

    Raises
    ------
    QueryError
        If a level is not between 0 and 1.
    """
    if wrong := [level for level in levels if not 0 <= level <= 1]:
        msg = f"percentiles are given as fractions from 0 to 1 (0.95 for p95), got {wrong[0]!r}"
        raise QueryError(msg)
    period, names = query.period, labels(query)
    needs = ["cost_pico", "latency_ms", "time_to_first_token_ms"]
    frame = events_of(source, query, period.start, period.end, needs)
    groups = dimensions(query)
    measured = pl.collect_all([_of(frame, groups, measure, levels) for measure in MEASURES])
    rows = pl.concat([_in_dollars(measured[0], levels), *measured[1:]])
    return rows.sort(*names, "measure", nulls_last=True).select(*names, pl.exclude(names)) if names else rows


def level_name(level: float) -> str:
    """Name the column of a percentile.

    Examples
    --------
    >>> level_name(0.95), level_name(0.999)
    ('p95', 'p99.9')
    """
    return f"p{level * 100:.10g}"


def _in_dollars(pico: pl.DataFrame, levels: Sequence[float]) -> pl.DataFrame:
    # By a column: polars multiplies by the inverse of a single divisor, which rounds twice, and not always alike.
    divisor = pl.repeat(float(PICO), pico.height, eager=True)
    return pico.with_columns(pico[name] / divisor for name in (*map(level_name, levels), "max"))


def _of(frame: pl.LazyFrame, groups: list[pl.Expr], measure: str, levels: Sequence[float]) -> pl.LazyFrame:
    # In order and without gaps: else the last bit would depend on how the events happen to lie in memory.
    value = MEASURES[measure].drop_nulls().sort()
    columns = [
        pl.lit(measure).alias("measure"),
        value.count().cast(pl.Int64).alias("count"),
        *(value.quantile(level, "linear").alias(level_name(level)) for level in levels),
        value.max().alias("max"),
    ]
    return frame.group_by(groups).agg(columns) if groups else frame.select(columns)
