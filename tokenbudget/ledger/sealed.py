"""The columns of sealed Parquet beside the ledger's, from which events are restored as recorded.

`to_sealed` turns events into rows and `from_sealed` rows into events; whatever needs the event of a sealed call
(explaining it, sending it to a server) takes it from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tokenbudget.core.event import Event
from tokenbudget.core.money import from_pico
from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.journal.compaction.manifest import load
from tokenbudget.ledger.schema import INSTANT, SCHEMA, TAG_PREFIX, to_frame
from tokenbudget.pricing.engine.frame_pricing import EXTRAS, Extras, usage_of

PRICING: dict[str, pl.DataType] = {
    "speed": pl.String(),
    "region": pl.String(),
    "batch": pl.Boolean(),
    EXTRAS: pl.String(),
    "original_cost_pico": pl.Int64(),
    "repriced_at": INSTANT,
}
"""Columns that an event needs to be priced again; a file of the first versions, or a row merged from one, lacks them.

``original_cost_pico`` is what the event cost before it was first priced again (null: it had no price); it counts where
``repriced_at`` is set.
"""
HIDDEN: dict[str, pl.DataType] = {**PRICING, "warnings": pl.List(pl.String())}
"""Columns that query results never include."""
_MONEY = {"cost_pico": "cost_usd", "list_cost_pico": "list_cost_usd"}
_FIELDS = [name for name in (*SCHEMA, "speed", "region", "batch") if name not in {*TOKEN_FIELDS, *_MONEY}]


def to_sealed(events: Sequence[Event]) -> pl.DataFrame:
    """Turn events into the frame that is sealed: the ledger's, and `HIDDEN`."""
    columns: dict[str, list[Any]] = {
        "speed": [event.speed for event in events],
        "region": [event.region for event in events],
        "batch": [event.batch for event in events],
        EXTRAS: [Extras.json_of(event.usage) for event in events],
        "original_cost_pico": [None] * len(events),
        "repriced_at": [None] * len(events),
        "warnings": [list(event.warnings) or None for event in events],
    }
    return to_frame(events).with_columns(pl.Series(name, columns[name], dtype=HIDDEN[name]) for name in HIDDEN)


def complete(sealed: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that have everything their price depends on; the others cannot be priced again."""
    if PRICING.keys() <= set(sealed.columns):
        return sealed.filter(pl.col("batch").is_not_null())
    return sealed.clear().with_columns(pl.lit(None, dtype).alias(name) for name, dtype in PRICING.items())


def from_sealed(frame: pl.DataFrame) -> list[Event]:
    """Restore events from a sealed frame; their metadata is not stored."""
    return [_event(row) for row in frame.iter_rows(named=True)]


class SealedEvent(NamedTuple):
    """An event from a sealed file, and whether the file has everything that its price depends on."""

    event: Event
    is_complete: bool


def find_sealed(home: Path, wanted: str) -> SealedEvent | None:
    """Find a sealed event by its id, or by the id of the response.

    Raises
    ------
    JournalError
        If the manifest of the ledger cannot be read.
    OSError
        If a file of the ledger cannot be read.
    """
    is_wanted = (pl.col("id") == wanted) | (pl.col("response_id") == wanted)
    for part in load(home).parts:
        found = pl.scan_parquet(part.path(home)).filter(is_wanted).head(1).collect()
        if not found.is_empty():
            return SealedEvent(from_sealed(found)[0], not complete(found).is_empty())
    return None


def _event(row: dict[str, Any]) -> Event:
    known = {name: value for name, value in row.items() if value is not None}
    money: dict[str, Any] = {field: from_pico(known[name]) for name, field in _MONEY.items() if name in known}
    return Event(
        **{name: known[name] for name in _FIELDS if name in known},
        usage=usage_of(row),
        **money,
        tags={name.removeprefix(TAG_PREFIX): known[name] for name in known if name.startswith(TAG_PREFIX)},
        warnings=tuple(known.get("warnings", ())),
    )
