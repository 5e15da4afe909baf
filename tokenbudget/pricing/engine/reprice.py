"""Price recorded events again, with the prices known now, beside the recorded ones."""

from __future__ import annotations

import polars as pl

from tokenbudget.core.money import PICO
from tokenbudget.pricing.engine.frame_pricing import reprice_frame
from tokenbudget.pricing.engine.pricer import Pricer

NOT_IN_THE_BOOK = frozenset({"unknown_model", "no_price", "other_currency"})
"""Reasons to keep a stated price: the book has none, which does not mean that the stated one is wrong."""

ANSWERS = ("cost_pico", "list_cost_pico", "price_key", "unpriced")
"""Columns of the ledger that pricing fills."""

_LARGEST_COST = 1_000_000 * PICO


def was(name: str) -> str:
    """Name the column that holds what was recorded.

    Examples
    --------
    >>> was("cost_pico")
    'recorded_cost_pico'
    """
    return f"recorded_{name}"


def repriced(frame: pl.DataFrame, pricer: Pricer) -> pl.DataFrame:
    """Price every row of a ledger frame again, as of when it occurred.

    Parameters
    ----------
    frame : polars.DataFrame
        As for `tokenbudget.pricing.engine.frame_pricing.reprice_frame`, with `ANSWERS` as they are recorded.
    pricer : Pricer
        Whose prices; `tokenbudget.pricing.default` is that of this process.

    Returns
    -------
    polars.DataFrame
        The same rows with `ANSWERS` as they are now, what was recorded beside them (`was`), and ``is_changed``.
        A price that was stated for a model which the book does not know stays, and so does the provider's own bill.
        A cost of more than a million dollars a call is not believed.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tokenbudget.pricing import default
    >>> row = {"provider": "openai", "model": "gpt-4o-mini", "occurred_at": datetime(2026, 10, 5, tzinfo=UTC)}
    >>> row |= {"input_tokens": 1000, "output_tokens": 200}
    >>> row |= {"cost_pico": None, "price_key": None, "unpriced": "no_price"}
    >>> again = repriced(pl.DataFrame([row]), default())
    >>> again.select("cost_pico", "unpriced", "recorded_unpriced", "is_changed").row(0)
    (270000000, None, 'no_price', True)
    """
    recorded = frame.select(
        pl.col("cost_pico").cast(pl.Int64), _list_cost(frame), pl.col("price_key", "unpriced").cast(pl.String)
    )
    now = _billed(reprice_frame(frame.with_columns(recorded), pricer)).select(ANSWERS)
    both = pl.concat([now, recorded.rename(was)], how="horizontal")
    stated = pl.col(was("cost_pico")).is_not_null() & pl.col(was("price_key")).is_not_null()
    unknown = pl.col("cost_pico").is_null() & pl.col("unpriced").is_in(NOT_IN_THE_BOOK)
    keep = (stated & unknown) | (pl.col("cost_pico") > _LARGEST_COST)
    answers = both.with_columns(
        pl.when(keep.fill_null(value=False)).then(was(name)).otherwise(name).alias(name) for name in ANSWERS
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(was(name))) for name in ANSWERS)
    return frame.with_columns(*answers.get_columns(), answers.select(differs.alias("is_changed"))["is_changed"])


def _list_cost(frame: pl.DataFrame) -> pl.Expr:
    known = "list_cost_pico" in frame.columns
    return (pl.col("list_cost_pico") if known else pl.repeat(None, pl.len())).cast(pl.Int64).alias("list_cost_pico")


def _billed(priced: pl.DataFrame) -> pl.DataFrame:
    """Take the cost of calls that a plan covers for their list cost; of prepaid tokens it stays as it is recorded."""
    if "billing" not in priced.columns:
        return priced
    covered = pl.col("billing").eq_missing("subscription")
    cost = pl.col("cost_pico")
    return priced.with_columns(
        cost_pico=pl.when(covered & cost.is_not_null()).then(0).otherwise(cost),
        list_cost_pico=pl.when(covered).then(cost).otherwise("list_cost_pico"),
    )
