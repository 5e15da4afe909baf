"""Warn if a cost leaves out calls without a price."""

from __future__ import annotations

import warnings

import polars as pl

from tokenbudget.core.formatting import number
from tokenbudget.core.query import Query


class UnpricedWarning(UserWarning):
    """Some calls have no price, so the cost is not complete."""


def warn_of_unpriced(asked: Query, frame: pl.DataFrame) -> None:
    """Warn the user if the costs in `frame` are not complete."""
    if "unpriced" in (*asked.by, *asked.filters):
        return  # A question about them needs no warning.
    unpriced, requests = frame.select(pl.col("unpriced", "requests").sum()).row(0)
    if unpriced:
        warnings.warn(
            f"{number(unpriced)} of {number(requests)} calls have no price, so cost_usd does not include them: "
            "tb.coverage() tells which, why and what to do",
            UnpricedWarning,
            stacklevel=3,
        )
