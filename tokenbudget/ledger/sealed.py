"""What sealed Parquet holds beside the ledger's columns: all it takes to price an event again, and its first price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from tokenbudget.core.event import Event
from tokenbudget.core.money import from_pico
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.ledger.schema import INSTANT, SCHEMA, TAG_PREFIX, to_frame
from tokenbudget.pricing.frame import EXTRAS, Extras

PRICING: dict[str, pl.DataType] = {
    "speed": pl.String(),
    "region": pl.String(),
    "batch": pl.Boolean(),
    EXTRAS: pl.String(),
    "original_cost_pico": pl.Int64(),
    "repriced_at": INSTANT,
}
"""Columns that answers never show.

``original_cost_pico`` is what the event cost before it was first priced again (null: it had no price); it counts where
``repriced_at`` is set.
"""
_FIELDS = [name for name in (*SCHEMA, "speed", "region", "batch") if name not in {*TOKEN_FIELDS, "cost_pico"}]
_extras = msgspec.json.Decoder(Extras)


def to_sealed(events: Sequence[Event]) -> pl.DataFrame:
    """Turn events into the frame that is sealed: the ledger's, and `PRICING`."""
    columns: dict[str, list[Any]] = {
        "speed": [event.speed for event in events],
        "region": [event.region for event in events],
        "batch": [event.batch for event in events],
        EXTRAS: [Extras.of(event.usage) for event in events],
        "original_cost_pico": [None] * len(events),
        "repriced_at": [None] * len(events),
    }
    return to_frame(events).with_columns(pl.Series(name, columns[name], dtype=PRICING[name]) for name in PRICING)


def from_sealed(frame: pl.DataFrame) -> list[Event]:
    """Turn a frame that was sealed into events again, but for their metadata and warnings, which are not kept."""
    return [_event(row) for row in frame.iter_rows(named=True)]


def _event(row: dict[str, Any]) -> Event:
    known = {name: value for name, value in row.items() if value is not None}
    extras = _extras.decode(known[EXTRAS]) if EXTRAS in known else Extras()
    counts = {name: known[name] for name in TOKEN_FIELDS if name in known}
    return Event(
        **{name: known[name] for name in _FIELDS if name in known},
        usage=Usage(**counts, **msgspec.structs.asdict(extras)),
        cost_usd=from_pico(known["cost_pico"]) if "cost_pico" in known else None,
        tags={name.removeprefix(TAG_PREFIX): known[name] for name in known if name.startswith(TAG_PREFIX)},
    )
