"""The metrics, defined once for all queries.

Events are first summed into *totals*, which can be added up again, so that groups can be combined and cubes stored.
Metrics are derived from totals at the very end.  All totals are integers, so sums are exact and do not depend on the
order of events.

Unknown is not zero:

* ``cost_usd`` is the cost of the priced calls, and ``unpriced`` the number of calls with an unknown cost.  If there are
  such calls and no priced one, ``cost_usd`` is null; if there are no calls at all, it is 0.
* A failed call that states no usage was not charged: it is neither priced nor unpriced.
* ``input_tokens``, ``output_tokens`` and ``total_tokens`` are sums over the calls that stated usage; null if none did.
* Averages and rates are null if there is nothing to divide by.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tokenbudget.ledger.schema import COST


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name : str
        Its column.
    meaning : str
        For people; the reference is generated from it.
    dtype : polars.DataType
        Type of the column; money is exact.
    value : polars.Expr
        How it is derived from the totals.
    """

    name: str
    meaning: str
    dtype: pl.DataType
    value: pl.Expr


_COUNT = pl.Int64()
_FLOAT = pl.Float64()
_col = pl.col
# Whole microseconds: a sum of floats would depend on the order of events.
_LATENCY_US = (_col("latency_ms") * 1000).round().cast(pl.Int64, strict=False)


def _counted(column: str) -> pl.Expr:
    return _col(column).count().cast(_COUNT)


def _events(condition: pl.Expr) -> pl.Expr:
    return condition.sum().cast(_COUNT)


def unpriced() -> pl.Expr:
    """Select the events with an unknown cost: they have no price, but may have been charged."""
    uncharged = (_col("status") == "error") & _col("input_tokens").is_null() & _col("output_tokens").is_null()
    return _col("cost_pico").is_null() & ~uncharged


TOTALS: dict[str, pl.Expr] = {
    "requests": pl.len().cast(_COUNT),
    "priced": _counted("cost_pico"),
    "unpriced": _events(unpriced()),
    # 64 bits hold nine million dollars in picodollars; a company's year may cost more.
    "cost_pico": _col("cost_pico").cast(pl.Int128).sum(),
    "list_pico": pl.coalesce("list_cost_pico", "cost_pico").cast(pl.Int128).sum(),
    "input_tokens": _col("input_tokens").sum(),
    "input_known": _counted("input_tokens"),
    "output_tokens": _col("output_tokens").sum(),
    "output_known": _counted("output_tokens"),
    "cache_read_tokens": _col("cache_read_tokens").sum(),
    "cache_write_tokens": _col("cache_write_tokens").sum(),
    "reasoning_tokens": _col("reasoning_tokens").sum(),
    "errors": _events(_col("status") == "error"),
    "aborted": _events(_col("status") == "aborted"),
    "estimated": _events(_col("measured") == "estimated"),
    "latency_us": _LATENCY_US.sum(),
    "latency_known": _LATENCY_US.count().cast(_COUNT),
}
"""The sums over events."""

NEEDS: tuple[str, ...] = (
    "cost_pico",
    "list_cost_pico",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "status",
    "measured",
    "latency_ms",
)
"""Columns of the ledger that the totals are summed from."""


def _known(value: pl.Expr, known: pl.Expr, unknown: pl.Expr | None = None) -> pl.Expr:
    """Return a sum; null if there were calls (or `unknown` ones) but none stated a value."""
    return pl.when((known > 0) | ((_col("requests") if unknown is None else unknown) == 0)).then(value)


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part.cast(_FLOAT) / whole.cast(_FLOAT))


def dollars(pico: pl.Expr) -> pl.Expr:
    """Convert picodollars to exact dollars."""
    return pico.cast(pl.Int128).reinterpret(dtype=COST)


def _average_cost() -> pl.Expr:
    calls = _col("priced").cast(pl.Int128)
    half_up = (_col("cost_pico") * 2 + calls) // pl.when(calls > 0).then(calls * 2)
    return dollars(half_up)


_TOKENS_KNOWN = _col("input_known") + _col("output_known")

METRICS: tuple[Metric, ...] = (
    Metric("requests", "Calls, failed and aborted ones included", _COUNT, _col("requests")),
    Metric(
        "cost_usd",
        "Cost of the priced calls, US dollars; what a plan with a fixed price covers, or was prepaid, costs 0",
        COST,
        _known(dollars(_col("cost_pico")), _col("priced"), _col("unpriced")),
    ),
    Metric(
        "list_cost_usd",
        "API-equivalent: what all priced calls cost at list price, those covered by a plan or prepaid included",
        COST,
        _known(dollars(_col("list_pico")), _col("priced"), _col("unpriced")),
    ),
    Metric(
        "input_tokens",
        "Tokens billed as input, cached ones included",
        _COUNT,
        _known(_col("input_tokens"), _col("input_known")),
    ),
    Metric(
        "output_tokens",
        "Tokens billed as output, reasoning included",
        _COUNT,
        _known(_col("output_tokens"), _col("output_known")),
    ),
    Metric(
        "total_tokens", "Input plus output", _COUNT, _known(_col("input_tokens") + _col("output_tokens"), _TOKENS_KNOWN)
    ),
    Metric("cache_read_tokens", "Part of the input read from the cache", _COUNT, _col("cache_read_tokens")),
    Metric("cache_write_tokens", "Part of the input written to the cache", _COUNT, _col("cache_write_tokens")),
    Metric("reasoning_tokens", "Part of the output spent on reasoning", _COUNT, _col("reasoning_tokens")),
    Metric("errors", "Calls that failed", _COUNT, _col("errors")),
    Metric("aborted", "Streams broken off before their end", _COUNT, _col("aborted")),
    Metric("estimated", "Calls whose usage is an estimate", _COUNT, _col("estimated")),
    Metric("unpriced", "Calls whose cost is unknown", _COUNT, _col("unpriced")),
    Metric("avg_cost_usd", "Cost per priced call, US dollars", COST, _average_cost()),
    Metric(
        "avg_latency_ms",
        "Mean time from request to end of answer, milliseconds",
        _FLOAT,
        _ratio(_col("latency_us"), _col("latency_known") * 1000),
    ),
    Metric("error_rate", "Failed calls ÷ calls, 0 to 1", _FLOAT, _ratio(_col("errors"), _col("requests"))),
    Metric(
        "cache_hit_rate",
        "Cache-read tokens ÷ input tokens, 0 to 1",
        _FLOAT,
        _ratio(_col("cache_read_tokens"), _col("input_tokens")),
    ),
)
"""All metrics, in the order of the columns."""

NAMES: tuple[str, ...] = tuple(metric.name for metric in METRICS)
DTYPES: dict[str, pl.DataType] = {metric.name: metric.dtype for metric in METRICS}


def totals() -> list[pl.Expr]:
    """Return the expressions that sum events into totals."""
    return [expression.alias(name) for name, expression in TOTALS.items()]


def added() -> list[pl.Expr]:
    """Return the expressions that add up totals."""
    return [_col(name).sum() for name in TOTALS]


def zeros() -> list[pl.Expr]:
    """Return the expressions that replace missing totals by zero events."""
    return [_col(name).fill_null(0) for name in TOTALS]


def derived() -> list[pl.Expr]:
    """Return the expressions that derive metrics from totals."""
    return [metric.value.cast(metric.dtype).alias(metric.name) for metric in METRICS]
