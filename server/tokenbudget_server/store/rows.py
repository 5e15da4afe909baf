"""An event as a row: which column takes what, in one place for writing and reading."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.core.money import to_pico
from tokenbudget.core.usage import Usage
from tokenbudget_server.db.arrays import (
    BoolArray,
    Float8Array,
    Int8Array,
    JsonbArray,
    PackedArray,
    TextArray,
    TimestamptzArray,
    UuidArray,
)

Row = tuple[Any, ...]
"""The values of `EVENT_COLUMNS` in order, and then the event's `Kind`."""

Kind = tuple[Any, ...]
"""The values of `KIND_COLUMNS`, in order: what many events have in common."""


class EventColumn(NamedTuple):
    """A column of ``events`` that the writer fills.

    Attributes
    ----------
    name : str
    kind : type
        How the column is sent.
    value : str
        SQL that turns what is sent into what is stored; ``{}`` stands for it.
    """

    name: str
    kind: type[PackedArray]
    value: str = "{}"


_FROM_PICO = "{} * 0.000000000001"

EVENT_COLUMNS: tuple[EventColumn, ...] = (
    EventColumn("occurred_at", TimestamptzArray),
    EventColumn("id", UuidArray),
    EventColumn("input_tokens", Int8Array),
    EventColumn("output_tokens", Int8Array),
    EventColumn("cache_read_tokens", Int8Array),
    EventColumn("cache_write_tokens", Int8Array),
    EventColumn("reasoning_tokens", Int8Array),
    EventColumn("latency_ms", Float8Array),
    EventColumn("time_to_first_token_ms", Float8Array),
    EventColumn("cost_usd", Int8Array, _FROM_PICO),
    EventColumn("client_cost_usd", Int8Array, _FROM_PICO),
    EventColumn("list_cost_usd", Int8Array, _FROM_PICO),
    EventColumn("response_id", TextArray),
    EventColumn("usage_rest", JsonbArray),
    EventColumn("tags", JsonbArray),
    EventColumn("metadata", JsonbArray),
    EventColumn("warnings", JsonbArray),
)
"""What each event has of its own."""

KIND_COLUMNS: tuple[EventColumn, ...] = (
    EventColumn("api_key_id", Int8Array),
    EventColumn("price_key", TextArray),
    EventColumn("unpriced", TextArray),
    EventColumn("provider", TextArray),
    EventColumn("model", TextArray),
    EventColumn("requested_model", TextArray),
    EventColumn("operation", TextArray),
    EventColumn("service_tier", TextArray),
    EventColumn("speed", TextArray),
    EventColumn("region", TextArray),
    EventColumn("error_type", TextArray),
    EventColumn("status", TextArray),
    EventColumn("measured", TextArray),
    EventColumn("source", TextArray),
    EventColumn("billing", TextArray),
    EventColumn("batch", BoolArray),
    EventColumn("attempts", Int8Array),
)
"""What few values make up for many events: sent once for all events of a kind, which halves the cost of sending."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
USAGE_COLUMNS: dict[str, Any] = {
    "input_tokens": None,
    "output_tokens": None,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": 0,
}
"""Fields of a usage that have a column, with what they are left at in ``usage_rest``."""
_without_column = attrgetter(*(name for name in Usage.__struct_fields__ if name not in USAGE_COLUMNS))
_in_common = attrgetter(*(column.name for column in KIND_COLUMNS[3:]))
"""Gives the rest of an event's `Kind`: what neither the key it came with nor its price decides."""
_json = msgspec.json.Encoder().encode


def microseconds(instant: datetime) -> int:
    """Count the microseconds since 2000-01-01 UTC, Postgres' own epoch.

    Examples
    --------
    >>> microseconds(datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (instant - _EPOCH) // _MICROSECOND


class Cost(NamedTuple):
    """What the server makes of an event's price.

    Attributes
    ----------
    pico : int or None
        Picodollars.
    price_key : str or None
        The row of the price book.
    unpriced : str or None
        Why there is no cost.
    list_pico : int or None
        Picodollars at list price, where that is another cost.
    """

    pico: int | None
    price_key: str | None
    unpriced: str | None
    list_pico: int | None = None


def to_row(event: Event, client_cost_usd: Decimal | None, api_key_id: int) -> Row:
    """Lay out an event that the server has priced.

    Parameters
    ----------
    event : Event
    client_cost_usd : Decimal or None
        US dollars, as the client had worked out.
    api_key_id : int
        The key it came with.
    """
    cost = Cost(_pico(event.cost_usd), event.price_key, event.unpriced, _pico(event.list_cost_usd))
    return lay_out(msgspec.structs.replace(event, cost_usd=client_cost_usd), cost, api_key_id)


def has_rest(usage: Usage) -> bool:
    """Whether a usage states anything that has no column of its own; most do not."""
    return usage.reported_cost_usd is not None or any(_without_column(usage))


def lay_out(event: Event, cost: Cost, api_key_id: int, *, rest: bool = True) -> Row:
    """Lay out an event for the writer.

    Parameters
    ----------
    event : Event
        With the client's price.
    cost : Cost
        The server's.
    api_key_id : int
        The key it came with.
    rest : bool
        False where the caller knows that its usage `has_rest` not.
    """
    usage = event.usage
    return (
        microseconds(event.occurred_at),
        bytes.fromhex(event.id.replace("-", "")),
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        event.latency_ms,
        event.time_to_first_token_ms,
        cost.pico,
        _pico(event.cost_usd),
        cost.list_pico,
        event.response_id,
        _rest(usage) if rest else None,
        _json(event.tags) if event.tags else None,
        _json(event.metadata) if event.metadata else None,
        _json(event.warnings) if event.warnings else None,
        (api_key_id, cost.price_key, cost.unpriced, *_in_common(event)),
    )


def _pico(usd: Decimal | None) -> int | None:
    return None if usd is None else to_pico(usd)


def _rest(usage: Usage) -> bytes | None:
    """Encode what the columns do not hold."""
    if not has_rest(usage):
        return None
    rest = _json(msgspec.structs.replace(usage, **USAGE_COLUMNS))
    return None if rest == b"{}" else rest


def packed(rows: Iterable[Row]) -> dict[str, PackedArray]:
    """Turn rows into arrays ready to send: one per column, and ``kind``, each event's kind by number."""
    *columns, kinds = zip(*rows, strict=True)
    numbers: dict[Kind, int] = {}
    kind = Int8Array([numbers.setdefault(one, len(numbers)) for one in kinds])
    each = zip(EVENT_COLUMNS, columns, strict=True)
    common = zip(KIND_COLUMNS, zip(*numbers, strict=True), strict=True)
    return {"kind": kind} | {column.name: column.kind(values) for column, values in (*each, *common)}
