"""Select the events of a query, and its groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import polars as pl

from tokenbudget.analytics.metrics import DTYPES, TOTALS
from tokenbudget.core.errors import QueryError
from tokenbudget.core.query import DIMENSIONS, Query, column
from tokenbudget.ledger.schema import Source

NOT_SET = ""
"""The filter value that selects events without a value, e.g. without a tag."""

_OWN_COLUMNS = {"bucket", "share", "span", "slot", "measure", "bin", "count", "max", "exact", *TOTALS, *DTYPES}
_LABELS = {"unpriced": "unpriced_reason"}
"""Dimensions whose column would have the same name as a metric."""


def events_of(source: Source, query: Query, start: datetime, end: datetime, needs: Iterable[str]) -> pl.LazyFrame:
    """Return the events of a span that match the query's filters.

    Parameters
    ----------
    needs : iterable of str
        Columns of the ledger to read; those of the filters and of ``by`` are added.
    """
    return filtered(source.scan(start, end, list(dict.fromkeys([*needs, *asked(query)]))), query)


def asked(query: Query) -> list[str]:
    """Return the ledger columns that a query filters or groups by."""
    return list(dict.fromkeys(map(column, (*query.filters, *query.by))))


def filtered(frame: pl.LazyFrame, query: Query) -> pl.LazyFrame:
    """Apply a query's filters."""
    conditions = [_one_of(column(name), values) for name, values in query.filters.items()]
    return frame.filter(conditions) if conditions else frame


def _one_of(name: str, values: Sequence[str]) -> pl.Expr:
    matches = pl.col(name).is_in(list(values))
    return (matches | pl.col(name).is_null()) if NOT_SET in values else matches


def labels(query: Query) -> list[str]:
    """Name an answer's columns of groups: as they were asked for, only the reasons of ``unpriced`` do not fit there.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tokenbudget.core.period import parse
    >>> labels(Query(period=parse("7d", datetime.now(UTC)), by=("unpriced", "model")))
    ['unpriced_reason', 'model']
    """
    return [_LABELS.get(name, name) for name in query.by]


def dimensions(query: Query) -> list[pl.Expr]:
    """Return the columns to group by, named by `labels`.

    Raises
    ------
    QueryError
        If there are more than two, one is named twice, or one has the name of a column of the answer.
    """
    if len(query.by) > 2 or len(set(map(column, query.by))) < len(query.by):  # noqa: PLR2004
        msg = f"group by at most two different dimensions or tags, got {', '.join(query.by)}"
        raise QueryError(msg)
    for name in query.by:
        if name not in DIMENSIONS and name in {*_OWN_COLUMNS, *_LABELS.values()}:
            msg = f"answers have a column {name!r} of their own: ask for the tag as 'tag.{name}'"
            raise QueryError(msg)
    return [pl.col(column(name)).alias(label) for name, label in zip(query.by, labels(query), strict=True)]
