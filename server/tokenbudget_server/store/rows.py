"""An event as a row: which column takes what, in one place for the writer and for whoever reads it back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.core.money import to_pico
from tokenbudget_server.store.arrays import (
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
"""The values of `COLUMNS`, in order."""


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

COLUMNS: tuple[EventColumn, ...] = (
    EventColumn("occurred_at", TimestamptzArray),
    EventColumn("id", UuidArray),
    EventColumn("api_key_id", Int8Array),
    EventColumn("input_tokens", Int8Array),
    EventColumn("output_tokens", Int8Array),
    EventColumn("cache_read_tokens", Int8Array),
    EventColumn("cache_write_tokens", Int8Array),
    EventColumn("reasoning_tokens", Int8Array),
    EventColumn("latency_ms", Float8Array),
    EventColumn("time_to_first_token_ms", Float8Array),
    EventColumn("attempts", Int8Array),
    EventColumn("batch", BoolArray),
    EventColumn("provider", TextArray),
    EventColumn("model", TextArray),
    EventColumn("operation", TextArray),
    EventColumn("requested_model", TextArray),
    EventColumn("status", TextArray),
    EventColumn("measured", TextArray),
    EventColumn("source", TextArray),
    EventColumn("cost_usd", Int8Array, _FROM_PICO),
    EventColumn("client_cost_usd", Int8Array, _FROM_PICO),
    EventColumn("unpriced", TextArray),
    EventColumn("price_key", TextArray),
    EventColumn("service_tier", TextArray),
    EventColumn("speed", TextArray),
    EventColumn("region", TextArray),
    EventColumn("error_type", TextArray),
    EventColumn("response_id", TextArray),
    EventColumn("usage_rest", JsonbArray),
    EventColumn("tags", JsonbArray),
    EventColumn("metadata", JsonbArray),
    EventColumn("warnings", JsonbArray),
)

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
_json = msgspec.json.Encoder().encode


def microseconds(instant: datetime) -> int:
    """Count the microseconds since 2000-01-01 UTC, Postgres' own epoch.

    Examples
    --------
    >>> microseconds(datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (instant - _EPOCH) // _MICROSECOND


def to_row(event: Event, client_cost_usd: Decimal | None, api_key_id: int) -> Row:
    """Lay out an event for the writer.

    Parameters
    ----------
    event : Event
        As the server prices it.
    client_cost_usd : Decimal or None
        US dollars, as the client had worked out.
    api_key_id : int
        The key it came with.
    """
    usage = event.usage
    rest = _json(msgspec.structs.replace(usage, **USAGE_COLUMNS))
    return (
        microseconds(event.occurred_at),
        bytes.fromhex(event.id.replace("-", "")),
        api_key_id,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        event.latency_ms,
        event.time_to_first_token_ms,
        event.attempts,
        event.batch,
        event.provider,
        event.model,
        event.operation,
        event.requested_model,
        event.status,
        event.measured,
        event.source,
        None if event.cost_usd is None else to_pico(event.cost_usd),
        None if client_cost_usd is None else to_pico(client_cost_usd),
        event.unpriced,
        event.price_key,
        event.service_tier,
        event.speed,
        event.region,
        event.error_type,
        event.response_id,
        None if rest == b"{}" else rest,
        _json(event.tags) if event.tags else None,
        _json(event.metadata) if event.metadata else None,
        _json(event.warnings) if event.warnings else None,
    )


def packed(rows: Iterable[Row]) -> list[PackedArray]:
    """Turn rows into one array per column, ready to send."""
    columns = zip(*rows, strict=True)
    return [column.kind(values) for column, values in zip(COLUMNS, columns, strict=True)]
