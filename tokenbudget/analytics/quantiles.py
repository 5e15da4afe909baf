"""Percentiles of cost, latency and time to first token per call: exact by scan, or from histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import polars as pl

from tokenbudget.analytics import cubes, histogram
from tokenbudget.analytics.aggregation import Sums, aggregated, summed
from tokenbudget.analytics.collecting import collect, collect_all
from tokenbudget.analytics.day_ranges import at_one_moment
from tokenbudget.analytics.histogram import MEASURES
from tokenbudget.analytics.limits import NONE, Limits
from tokenbudget.analytics.selection import dimensions, events_of, labels
from tokenbudget.core.errors import QueryError
from tokenbudget.core.money import PICO
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import Source

LEVELS: tuple[float, ...] = (0.5, 0.9, 0.95, 0.99)
EXACT_UP_TO = 1_000_000
"""Percentiles of up to this many calls are always exact.  It does not matter where the events are stored: a laptop, a
server that has sealed its days, and one that has not, return the same."""

_COST = "cost_usd"
_LONG = 20_000
_VALUES = "_values_"
_OWN_COLUMNS = 4
_FEWER_LEVELS = "ask for fewer levels or measures, or about a shorter period"
_COUNT = Sums(
    "totals",
    ("provider",),  # Any column: a frame without one has no rows.
    aggregated([pl.len().cast(pl.Int64).alias("requests")]),
    aggregated([cubes.added_up("requests")]),
    aggregated([pl.col("requests").sum()]),
)


def percentiles(
    source: Source,
    query: Query,
    levels: Sequence[float] = LEVELS,
    *,
    exact: bool = False,
    measures: Sequence[str] = (),
    limits: Limits = NONE,
) -> pl.DataFrame:
    """Return percentiles of cost and time per call, interpolated linearly between the two nearest calls.

    For more than `EXACT_UP_TO` calls they come from histograms: each value counts as the middle of its bin, which is at
    most 1.6 % off.  Counts and maxima are always exact.

    Parameters
    ----------
    levels : sequence of float
        Fractions: 0.95 is p95.
    exact : bool
        Never use histograms.
    measures : sequence of str
        Some of ``cost_usd``, ``latency_ms`` and ``time_to_first_token_ms``; all if omitted.
    limits : Limits

    Returns
    -------
    polars.DataFrame
        One row per measure, or per group and measure: the group's columns, ``measure``, ``count`` (calls whose value
        is known), ``p50``, ``p90``, …, ``max``, ``exact``.  Null if no value is known.

    Raises
    ------
    QueryError
        If a level is not between 0 and 1, a measure is unknown, one of them is named twice, a tag is named like one, or
        the answer is beyond a limit.
    """
    _check(levels, measures, query)
    limits.check_levels(levels)
    period, names = query.period, labels(query)
    span = period.start, period.end
    source = at_one_moment(source, *span)
    asked = sorted(measures or MEASURES)
    columns = len(names) + len(levels) + _OWN_COLUMNS
    groups = limits.groups_of(source, query, span, dimensions(query), columns=len(asked) * columns)
    limits.check_groups(groups)
    limits.check_answer(groups * len(asked), columns, _FEWER_LEVELS)
    exact = _is_exact(source, query, limits, exact=exact)
    found = dict(zip(asked, (_from_events if exact else _from_bins)(source, query, asked, levels), strict=True))
    if _COST in found:
        found[_COST] = _in_dollars(found[_COST], levels)
    rows = pl.concat(
        frame.select(*names, pl.lit(name).alias("measure"), pl.exclude(names), pl.lit(exact).alias("exact"))
        for name, frame in found.items()
    )
    limits.check_answer(rows.height, rows.width, _FEWER_LEVELS)
    return rows.sort(*names, "measure", nulls_last=True)


def _is_exact(source: Source, query: Query, limits: Limits, *, exact: bool) -> bool:
    if exact and limits.exact_calls is None:
        return True
    calls = collect(summed(source, query, (query.period.start, query.period.end), _COUNT)).item()
    if exact:
        limits.check_exact(calls)
    return exact or calls <= EXACT_UP_TO


def level_name(level: float) -> str:
    """Name the column of a percentile.

    Examples
    --------
    >>> level_name(0.95), level_name(0.999)
    ('p95', 'p99.9')
    """
    return f"p{level * 100:.10g}"


def _check(levels: Sequence[float], measures: Sequence[str], query: Query) -> None:
    if wrong := [level for level in levels if not 0 <= level <= 1]:
        msg = f"percentiles are given as fractions from 0 to 1 (0.95 for p95), got {wrong[0]!r}"
        raise QueryError(msg)
    if unknown := [measure for measure in measures if measure not in MEASURES]:
        msg = f"there are percentiles of {', '.join(MEASURES)}, not of {unknown[0]!r}"
        raise QueryError(msg)
    names = [*map(level_name, levels), *measures]
    if twice := [name for name in names if names.count(name) > 1]:
        msg = f"{twice[0]} is asked for twice: name each level and each measure once"
        raise QueryError(msg)
    if taken := set(names) & set(query.by):
        name = taken.pop()
        msg = f"answers have a column {name!r} of their own: ask for the tag as 'tag.{name}'"
        raise QueryError(msg)


def _from_events(
    source: Source, query: Query, measures: Sequence[str], levels: Sequence[float]
) -> Iterator[pl.DataFrame]:
    needs = [name for measure in measures for name in MEASURES[measure].meta.root_names()]
    events = events_of(source, query, query.period.start, query.period.end, needs)
    groups, names = dimensions(query), labels(query)
    known = [MEASURES[measure].drop_nulls().alias(_VALUES + measure) for measure in measures]
    if groups:  # Read before they are grouped: polars takes twice as long to do both at once.
        lists = collect(events).lazy().group_by(groups).agg(known).collect()
    else:
        lists = collect(events.select(each.implode() for each in known))
    for measure in measures:
        values = pl.col(_VALUES)
        count = values.list.len().cast(pl.Int64)
        yield _ordered(lists.select(*names, pl.col(_VALUES + measure).alias(_VALUES))).select(
            *names,
            count.alias("count"),
            *_levels(levels, count, partial(values.list.get, null_on_oob=True)),
            values.list.last().alias("max"),
        )


def _ordered(lists: pl.DataFrame) -> pl.DataFrame:
    """Sort each group's values.  A list is sorted by one thread, but the few long ones hold most values."""
    is_long = lists[_VALUES].list.len() > _LONG
    long, short = lists.filter(is_long), lists.filter(~is_long).with_columns(pl.col(_VALUES).list.sort())
    rows = (long[row : row + 1] for row in range(long.height))
    return pl.concat([short, *(row.with_columns(row[_VALUES][0].sort().implode().alias(_VALUES)) for row in rows)])


def _from_bins(
    source: Source, query: Query, measures: Sequence[str], levels: Sequence[float]
) -> Iterator[pl.DataFrame]:
    span, groups = (query.period.start, query.period.end), dimensions(query)
    sums = [summed(source, query, span, histogram.of(measure), groups).sort("bin") for measure in measures]
    for counts in collect_all(sums):
        yield _read(counts, labels(query), levels)


def _read(counts: pl.DataFrame, names: Sequence[str], levels: Sequence[float]) -> pl.DataFrame:
    """Read percentiles from histograms, whose bins are in order."""
    known = pl.when(pl.col("bin").is_not_null()).then("count").otherwise(0)
    up_to = known.cum_sum().over(names) if names else known.cum_sum()
    values, most, count = histogram.middle(pl.col("bin")), pl.col("max").max(), known.sum()
    columns = [
        count.alias("count"),
        *_levels(levels, count, lambda rank: pl.min_horizontal(values.filter(pl.col("up_to") > rank).first(), most)),
        most.alias("max"),
    ]
    return aggregated(columns)(counts.lazy().with_columns(up_to.alias("up_to")), list(map(pl.col, names))).collect()


def _levels(levels: Sequence[float], count: pl.Expr, at: Callable[[pl.Expr], pl.Expr]) -> list[pl.Expr]:
    """Interpolate between the two calls next to each level; `at` gives the value of the call of a rank, from 0."""
    ranks = {level: (count - 1) * level for level in levels}
    ends = {level: (at(rank.floor().cast(pl.Int64)), at(rank.ceil().cast(pl.Int64))) for level, rank in ranks.items()}
    return [
        (low + (high - low) * (ranks[level] - ranks[level].floor())).alias(level_name(level))
        for level, (low, high) in ends.items()
    ]


def _in_dollars(rows: pl.DataFrame, levels: Sequence[float]) -> pl.DataFrame:
    # By a column: polars multiplies by the inverse of a single divisor, which rounds twice, and not always alike.
    divisor = pl.repeat(float(PICO), rows.height, eager=True)
    return rows.with_columns(rows[name] / divisor for name in (*map(level_name, levels), "max"))
