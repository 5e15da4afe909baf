"""Price the events recorded on this machine again: preview, then apply.

Journal records never change.  Finished segments are sealed first; then each sealed part that changes is written anew
and all of them are put in place at once (`tokenbudget.journal.compaction.rewriting`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl

from tokenbudget.core.event import Event, decode
from tokenbudget.journal import JournalSnapshot, compact, read_snapshot
from tokenbudget.journal.compaction.rewriting import rewrite
from tokenbudget.ledger import schema
from tokenbudget.ledger.sealed import complete, to_sealed
from tokenbudget.pricing.engine.pricer import Pricer
from tokenbudget.pricing.engine.reprice import ANSWERS, repriced, was

_ROW = "row"
_LIST = "list_cost_pico"
"""A column that parts of earlier versions lack."""
_WAIT_SECONDS = 60.0
"""How long to wait for another process that is compacting."""

Seen = Callable[[pl.DataFrame], None]
"""Is given frames of `tokenbudget.pricing.engine.reprice.repriced`."""


def preview(home: Path, start: datetime, end: datetime, pricer: Pricer, seen: Seen) -> None:
    """Price the events of ``start <= occurred_at < end`` again, without changing them."""
    snapshot = read_snapshot(home)
    for part in snapshot.parts:
        if part.first < end and part.last >= start:
            seen(repriced(_within(pl.read_parquet(part.path(home)), start, end), pricer))
    events = list(_events(_not_sealed(snapshot)))
    if events:
        seen(repriced(_within(to_sealed(events), start, end), pricer))


def apply(home: Path, start: datetime, end: datetime, pricer: Pricer, seen: Seen) -> int:
    """Price the events of ``start <= occurred_at < end`` again, and store the new costs.

    What an event cost before it was first priced again stays with it.  Killed at any moment, all costs are the old
    ones or all are the new ones.

    Returns
    -------
    int
        Events of the period that could not be priced again: they are in segments that running programs still write,
        or wait to be sent to a server, which prices them.

    Raises
    ------
    JournalError
        If the ledger stays locked by another process, or the manifest cannot be read; nothing is changed then.
    OSError
        If the ledger cannot be written; nothing is changed then.
    """
    compact(home, to_sealed, min_bytes=0, min_segments=0, wait=_WAIT_SECONDS)
    now = datetime.now(UTC)

    def change(part: pl.DataFrame) -> pl.DataFrame | None:
        numbered = part.with_row_index(_ROW)
        priced = repriced(_within(numbered, start, end), pricer)
        seen(priced)
        return _merged(numbered, priced, now) if priced["is_changed"].any() else None

    rewrite(home, start, end, change)
    return sum(start <= event.occurred_at < end for event in _events(_not_sealed(read_snapshot(home))))


def _not_sealed(snapshot: JournalSnapshot) -> Iterator[bytes]:
    for tail in snapshot.tails:
        yield from tail.records
    yield from snapshot.held


def _events(records: Iterator[bytes]) -> Iterator[Event]:
    for record in records:
        try:
            yield decode(record)
        except msgspec.DecodeError:
            continue  # Reading the journal for answers says so.


def _within(sealed: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    return schema.within(complete(sealed).lazy(), start, end).collect()


def _merged(part: pl.DataFrame, priced: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Replace the prices; the first recorded price is kept beside them."""
    first = pl.when(pl.col("repriced_at").is_null()).then(was("cost_pico")).otherwise("original_cost_pico")
    own = {"original_cost_pico": first, "repriced_at": pl.lit(now, schema.INSTANT)}
    if _LIST not in part.columns:
        part = part.with_columns(pl.lit(None, schema.dtype(_LIST)).alias(_LIST))
    news = priced.filter("is_changed").select(_ROW, *ANSWERS, **own)
    return part.update(news, on=_ROW, how="left", include_nulls=True).drop(_ROW)
