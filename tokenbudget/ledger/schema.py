"""The ledger schema: the frame of events that analytics reads, on a laptop and on a server.

One row is one model call.  Every tag key in use is a String column ``tag_<key>``; money is whole picodollars
(``cost_pico``), null where the call is unpriced; ``list_cost_pico`` is null where it is the same.  Times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Protocol

import polars as pl

from tokenbudget.core.event import Event
from tokenbudget.core.money import to_pico
from tokenbudget.core.usage import TOKEN_FIELDS

INSTANT = pl.Datetime("us", "UTC")
COST = pl.Decimal(38, 12)
TAG_PREFIX = "tag_"

_TEXTS = (
    "project",
    "provider",
    "model",
    "requested_model",
    "operation",
    "status",
    "measured",
    "service_tier",
    "source",
    "billing",
    "unpriced",
    "error_type",
    "response_id",
    "price_key",
)
_DURATIONS = ("latency_ms", "time_to_first_token_ms")

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "occurred_at": INSTANT,
    **dict.fromkeys(_TEXTS, pl.String()),
    **dict.fromkeys(_DURATIONS, pl.Float64()),
    "attempts": pl.Int32(),
    **dict.fromkeys(TOKEN_FIELDS, pl.Int64()),
    "cost_pico": pl.Int64(),
    "list_cost_pico": pl.Int64(),
}
"""Columns every ledger frame has, in order; the tag columns follow, sorted by name."""

SERVER_SCHEMA: dict[str, pl.DataType] = {"project_id": pl.Int64(), "api_key_id": pl.Int64()}
"""Additional columns of a server's ledger."""

SENDERS: dict[str, pl.DataType] = {"member": pl.String(), "api_key": pl.String()}
"""Columns of a server's ledger that must be requested by name: who sent an event, and with which key."""


_BILLING, _BILLED = "billing", "api"
"""What was recorded before events said how they are billed was billed by the token."""


class Source(Protocol):
    """A source from which analytics reads events."""

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read the events of ``start <= occurred_at < end``.

        Parameters
        ----------
        start, end : datetime
            UTC instants, time-zone aware.
        columns : sequence of str, optional
            What to read; a tag column that no event has comes as nulls.  Everything when left out.
        """
        ...


def tag_column(key: str) -> str:
    """Name the column of a tag."""
    return TAG_PREFIX + key


def dtype(column: str) -> pl.DataType:
    """Return the type of a column of the ledger.

    Raises
    ------
    KeyError
        If there is no such column.
    """
    if column.startswith(TAG_PREFIX):
        return pl.String()
    return {**SCHEMA, **SERVER_SCHEMA, **SENDERS}[column]


def ordered(columns: Iterable[str]) -> list[str]:
    """Sort columns into the ledger's order: its own, the server's, then tags by name."""
    present = set(columns)
    fixed = [name for name in (*SCHEMA, *SERVER_SCHEMA) if name in present]
    return [*fixed, *sorted(present.difference(fixed))]


def select(frame: pl.LazyFrame, columns: Sequence[str] | None) -> pl.LazyFrame:
    """Select columns in the given order; a missing one is null."""
    present = frame.collect_schema().names()
    if columns is None:
        return frame.select(ordered(present))
    known = set(present)
    found = {name: pl.col(name) if name in known else pl.lit(None, dtype(name)).alias(name) for name in columns}
    if _BILLING in found:
        found[_BILLING] = found[_BILLING].fill_null(_BILLED)
    return frame.select(found.values())


def within(frame: pl.LazyFrame, start: datetime, end: datetime) -> pl.LazyFrame:
    """Keep the events of ``start <= occurred_at < end``."""
    occurred = pl.col("occurred_at")
    return frame.filter((occurred >= pl.lit(start, INSTANT)) & (occurred < pl.lit(end, INSTANT)))


def empty() -> pl.DataFrame:
    """Return a ledger frame of no events."""
    return pl.DataFrame(schema=SCHEMA)


def to_frame(events: Sequence[Event]) -> pl.DataFrame:
    """Turn events into a ledger frame.

    Parameters
    ----------
    events : sequence of Event
        Or anything with the same attributes.

    Returns
    -------
    polars.DataFrame
        One row per event, in the order given; the columns of `SCHEMA`, then one per tag key in use.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from decimal import Decimal
    >>> from tokenbudget.core.usage import Usage
    >>> event = Event(
    ...     id="018bcfe5-6800-7000-8000-000000000000",
    ...     occurred_at=datetime(2026, 10, 5, tzinfo=UTC),
    ...     provider="openai",
    ...     model="gpt-4o-mini",
    ...     usage=Usage(input_tokens=1_000, output_tokens=200),
    ...     cost_usd=Decimal("0.00027"),
    ...     tags={"feature": "chatbot"},
    ... )
    >>> to_frame([event]).select("model", "input_tokens", "cost_pico", "tag_feature").row(0)
    ('gpt-4o-mini', 1000, 270000000, 'chatbot')
    """
    usages = [event.usage for event in events]
    columns: dict[str, pl.Series] = {
        "id": _column("id", events),
        "occurred_at": _instants([event.occurred_at.timestamp() for event in events]),
        **{name: _column(name, events) for name in (*_TEXTS, *_DURATIONS, "attempts")},
        **{name: _column(name, usages) for name in TOKEN_FIELDS},
        "cost_pico": _money("cost_pico", [event.cost_usd for event in events]),
        "list_cost_pico": _money("list_cost_pico", [event.list_cost_usd for event in events]),
        **_tags([event.tags for event in events]),
    }
    return pl.DataFrame(columns)


def _column(name: str, rows: Sequence[Any]) -> pl.Series:
    return _series(name, list(map(attrgetter(name), rows)))


def _money(name: str, amounts: list[Decimal | None]) -> pl.Series:
    return _series(name, [None if usd is None else to_pico(usd) for usd in amounts])


def _series(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(values, dtype=SCHEMA[name])
    except (TypeError, OverflowError):  # A count past 64 bits, a call of more than nine million dollars: not known.
        return pl.Series(values, dtype=SCHEMA[name], strict=False)


def _instants(seconds: list[float]) -> pl.Series:
    # A double holds microseconds exactly until the year 2255, so rounding restores them.
    return (pl.Series(seconds, dtype=pl.Float64) * 1e6).round().cast(pl.Int64).cast(INSTANT)


def _tags(tags: list[dict[str, str]]) -> dict[str, pl.Series]:
    keys = sorted(set().union(*tags))
    return {tag_column(key): pl.Series([row.get(key) for row in tags], dtype=pl.String) for key in keys}
