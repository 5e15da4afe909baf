"""Histograms of cost and time per call, for percentiles without reading events.

A value's bin is the first bits of its floating-point number: the power of two it lies above, and which of 32 equal
steps up to the next one.  So there is nothing to choose (no unit, no range: microseconds and hours, picodollars and
dollars each have their bins), nothing is rounded differently on another machine, and a bin's middle is within 1.6 % of
every value in it.  Values up to a factor of a million apart are in 640 bins at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from tokenbudget.analytics.aggregation import Groups, Sums, aggregated

MEASURES: Mapping[str, pl.Expr] = {
    "cost_usd": pl.col("cost_pico").cast(pl.Float64),
    "latency_ms": pl.col("latency_ms"),
    "time_to_first_token_ms": pl.col("time_to_first_token_ms"),
}
"""What percentiles are given of (costs in whole picodollars), and the columns of the ledger they are made of."""

STEPS = 32
"""Bins from one power of two to the next; more of them do not fit into the 16 bits of a bin's number."""
ERROR = 1 / (2 * STEPS)
"""How far, relatively, the middle of a bin may be from a value in it."""

_MANTISSA_BITS = 52
_BIN_SIZE = 2**_MANTISSA_BITS // STEPS
_COUNTS = "counts_"
_MAX = "max_"
PREFIXES = (_COUNTS, _MAX)
"""Of the columns that `counted` gives."""


def number(value: pl.Expr) -> pl.Expr:
    """Return the number of the bin that a value lies in; null where it is not known.

    Examples
    --------
    >>> values = pl.DataFrame({"ms": [0.0, 1000.0, 1015.0, 1016.0]})
    >>> values.select(number(pl.col("ms"))).to_series().to_list()
    [0, 33054, 33055, 33055]
    """
    bits = (pl.max_horizontal(value, pl.lit(0.0)) + 0.0).reinterpret(dtype=pl.UInt64)  # The sum is never -0.0.
    return pl.when(value.is_not_null()).then((bits // _BIN_SIZE).cast(pl.UInt16))


def middle(bin_: pl.Expr) -> pl.Expr:
    """Return the middle of a bin; 0 for the bin that 0 lies in."""
    bits = bin_.cast(pl.UInt64) * _BIN_SIZE + _BIN_SIZE // 2
    return pl.when(bin_ == 0).then(0.0).otherwise(bits.reinterpret(dtype=pl.Float64))


def counted(events: pl.LazyFrame, keys: Sequence[str]) -> pl.LazyFrame:
    """Count each group's values by bin: for each measure a list ``counts_<measure>``, and ``max_<measure>``."""
    counts = [
        number(value).alias("bin").value_counts(name="count").alias(_COUNTS + name) for name, value in MEASURES.items()
    ]
    return events.group_by(keys).agg(*counts, *(value.max().alias(_MAX + name) for name, value in MEASURES.items()))


def of(measure: str) -> Sums:
    """Return how the histogram of a measure adds up: rows of group, ``bin`` (null: unknown), ``count``, ``max``."""
    value = MEASURES[measure]
    added = aggregated([pl.col("count").sum(), pl.col("max").max()])

    def of_events(events: pl.LazyFrame, groups: Groups) -> pl.LazyFrame:
        counted = [pl.len().cast(pl.Int64).alias("count"), value.max().alias("max")]
        return aggregated(counted)(events, [*groups, number(value).alias("bin")])

    def of_cubes(cubes: pl.LazyFrame, groups: Groups) -> pl.LazyFrame:
        listed = cubes.select(*groups, pl.col(_COUNTS + measure), pl.col(_MAX + measure).alias("max"))
        names = [pl.col(group.meta.output_name()) for group in groups]
        return of_sums(listed.explode(_COUNTS + measure).unnest(_COUNTS + measure), names)

    def of_sums(sums: pl.LazyFrame, groups: Groups) -> pl.LazyFrame:
        return added(sums.with_columns(pl.col("count").cast(pl.Int64)), [*groups, pl.col("bin")])

    return Sums("bins", tuple(value.meta.root_names()), of_events, of_cubes, of_sums)
