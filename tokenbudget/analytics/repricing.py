"""What repricing changes, summed by model; the same on a laptop and on a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from tokenbudget.analytics.answers import typed
from tokenbudget.analytics.metrics import dollars, unpriced
from tokenbudget.ledger.schema import COST
from tokenbudget.pricing.engine.reprice import was

_GROUP = ("provider", "model")
_NOW, _BEFORE = pl.col("cost_pico"), pl.col(was("cost_pico"))
_COUNT = pl.Int64()
_TOTALS: dict[str, pl.Expr] = {
    "requests": pl.len().cast(_COUNT),
    "changed": pl.col("is_changed").sum().cast(_COUNT),
    "newly_priced": (_BEFORE.is_null() & _NOW.is_not_null()).sum().cast(_COUNT),
    "unpriced": unpriced().sum().cast(_COUNT),
    "old_known": _BEFORE.count().cast(_COUNT),
    "new_known": _NOW.count().cast(_COUNT),
    "old_pico": _BEFORE.cast(pl.Int128).sum(),
    "new_pico": _NOW.cast(pl.Int128).sum(),
}
DTYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(_GROUP, pl.String()),
    **dict.fromkeys(("requests", "changed", "newly_priced", "unpriced"), _COUNT),
    **dict.fromkeys(("old_cost_usd", "new_cost_usd", "difference_usd"), COST),
}
"""Columns of the answer."""


def totals(repriced: pl.DataFrame) -> pl.DataFrame:
    """Sum a frame of `tokenbudget.pricing.engine.reprice.repriced` by model; the sums can be added up."""
    return repriced.group_by(_GROUP).agg(**_TOTALS)


def added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add up `totals`."""
    return pl.concat(parts).group_by(_GROUP).agg(pl.col(name).sum() for name in _TOTALS)


def difference(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up `totals`, and return what changes.

    Returns
    -------
    polars.DataFrame
        One row per provider and model, the largest difference first: ``requests``, ``changed`` (calls with another
        cost, price or reason), ``newly_priced``, ``unpriced`` (calls whose cost stays unknown), ``old_cost_usd`` and
        ``new_cost_usd`` (null if no call is priced) and ``difference_usd``.
    """
    known = list(parts)
    if not known:
        return pl.DataFrame(schema=DTYPES)
    summed = added(known)
    moved = pl.col("new_pico") - pl.col("old_pico")
    ordered = summed.with_columns(moved.alias("moved")).sort(
        moved.abs(), "changed", *_GROUP, descending=[True, True, False, False]
    )
    return ordered.select(
        *_GROUP,
        "requests",
        "changed",
        "newly_priced",
        "unpriced",
        pl.when(pl.col("old_known") > 0).then(dollars(pl.col("old_pico"))).alias("old_cost_usd"),
        pl.when(pl.col("new_known") > 0).then(dollars(pl.col("new_pico"))).alias("new_cost_usd"),
        dollars(pl.col("moved")).alias("difference_usd"),
    )


def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rebuild the frame from its JSON rows."""
    return typed(rows, DTYPES)
