"""Keep the largest groups and combine the rest."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

OTHER = "other"
_RANK = "_rank_"


def keep_largest(totals: pl.DataFrame, by: Sequence[str], limit: int | None, added: Sequence[pl.Expr]) -> pl.DataFrame:
    """Keep the `limit` largest values of each dimension and combine the rest into ``other``.

    Parameters
    ----------
    totals : polars.DataFrame
        Totals per group; other key columns (a time bucket) are left alone.
    by : sequence of str
        The dimensions, each limited separately so that a pivot of two has at most ``limit + 1`` rows and columns.
    limit : int or None
        None keeps everything.
    added : sequence of polars.Expr
        How totals add up.
    """
    if limit is None:
        return totals
    for name in by:
        named = ranks(totals, name).filter(pl.col(name).is_null() | (pl.col(name) != OTHER)).head(limit)[name]
        kept = pl.col(name).is_in(named.to_list(), nulls_equal=True)
        totals = totals.with_columns(pl.when(kept).then(name).otherwise(pl.lit(OTHER)).alias(name))
    keys = [name for name in totals.columns if name in by or name == "slot"]
    return totals.group_by(keys).agg(added)


def ranks(totals: pl.DataFrame, name: str) -> pl.DataFrame:
    """Order the values of a dimension: by cost, list cost, requests and name; the largest has rank 0."""
    sizes = ("cost_pico", "list_pico", "requests")
    sums = totals.group_by(name).agg(pl.col(sizes).sum())
    ordered = sums.sort(*sizes, name, descending=[True, True, True, False])
    return ordered.select(name).with_row_index(f"{_RANK}{name}")


def sort(frame: pl.DataFrame, totals: pl.DataFrame, by: Sequence[str], first: Sequence[str] = ()) -> pl.DataFrame:
    """Order an answer's rows: by `first`, then the largest group first and ``other`` last.

    Parameters
    ----------
    totals : polars.DataFrame
        What the groups are ranked by.
    """
    keys: list[pl.Expr] = [pl.col(name) for name in first]
    for name in by:
        frame = frame.join(ranks(totals, name), on=name, nulls_equal=True)
        keys += [pl.col(name).eq_missing(OTHER), pl.col(f"{_RANK}{name}")]
    return frame.sort(keys).select(pl.exclude(f"^{_RANK}.*$")) if keys else frame
