"""What sealed Parquet holds beside the ledger's columns: all it takes to price an event again, and its first price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tokenbudget.core.event import Event
from tokenbudget.ledger.schema import INSTANT, to_frame
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
