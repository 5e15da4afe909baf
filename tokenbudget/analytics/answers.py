"""Query results as JSON documents.

Money is ``Decimal``; `encode` writes it as a JSON number with every digit.  Frames travel as Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from tokenbudget.analytics import quantiles, questions
from tokenbudget.analytics.limits import NONE, Limits
from tokenbudget.analytics.metrics import NAMES
from tokenbudget.analytics.selection import labels
from tokenbudget.core.period import Period
from tokenbudget.core.query import Query, default_interval
from tokenbudget.ledger.schema import COST, INSTANT, Source

Document = dict[str, Any]

_READERS: dict[pl.DataType, Callable[[Any], Any]] = {
    INSTANT: datetime.fromisoformat,
    COST: Decimal,
    pl.Float64(): float,
}
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def summary(source: Source, query: Query, limits: Limits = NONE) -> Document:  # noqa: ARG001 - as the others
    """Return the totals of a period and of the one before it: ``period``, ``summary``, ``previous``."""
    current, previous = questions.summary(source, query).select(NAMES).to_dicts()
    return {"period": period(query.period), "summary": current, "previous": previous}


def by(source: Source, query: Query, limits: Limits = NONE) -> Document:
    """Split a period: ``period``, ``by``, ``rows``."""
    return {
        "period": period(query.period),
        "by": labels(query),
        "rows": questions.by(source, query, limits).to_dicts(),
    }


def timeseries(source: Source, query: Query, limits: Limits = NONE) -> Document:
    """Return a period as a time series: ``period``, ``interval``, ``by``, ``rows``."""
    return {
        "period": period(query.period),
        "interval": query.interval or default_interval(query.period),
        "by": labels(query),
        "rows": questions.timeseries(source, query, limits).to_dicts(),
    }


def percentiles(source: Source, query: Query, limits: Limits = NONE, **how: Any) -> Document:
    """Return percentiles, `how` being as for `tokenbudget.analytics.percentiles`: ``period``, ``by``, ``rows``."""
    return {
        "period": period(query.period),
        "by": labels(query),
        "rows": quantiles.percentiles(source, query, limits=limits, **how).to_dicts(),
    }


def period(asked: Period) -> Document:
    """Describe a period."""
    return msgspec.structs.asdict(asked)


def encode(document: Document) -> bytes:
    """Write a document as JSON; money as numbers with every digit, instants in UTC with ``Z``."""
    return _encoder.encode(document)


def decode(body: bytes) -> Document:
    """Read a document.

    Raises
    ------
    msgspec.DecodeError
        If `body` is not JSON.
    """
    document: Document = _decoder.decode(body)
    return document


def typed(rows: Sequence[Mapping[str, Any]], types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rebuild a frame with columns of these types; missing values are null."""
    return pl.DataFrame({name: _series([row.get(name) for row in rows], dtype) for name, dtype in types.items()})


def _series(values: list[Any], dtype: pl.DataType) -> pl.Series:
    read = _READERS.get(dtype)
    return pl.Series([None if v is None else read(v) for v in values] if read else values, dtype=dtype)
