"""Single events as Arrow, newest first: a page of them, or all in one stream.

Only as many are read at once as are sent at once, so that memory holds a piece of the answer, however long it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import polars as pl
import pyarrow as pa

from tokenbudget.analytics import listing
from tokenbudget.analytics.collecting import collect, collecting
from tokenbudget.analytics.selection import events_of
from tokenbudget.core.query import Query
from tokenbudget_server.analytics.bounds import collect_large
from tokenbudget_server.analytics.conditional import arrow
from tokenbudget_server.analytics.events import EVENTS, Position
from tokenbudget_server.ledger import LedgerSnapshot, PostgresLedger
from tokenbudget_server.web.pagination import DEFAULT_PAGE

_PIECE_ROWS = 10_000
_MINUTE = timedelta(minutes=1)


def list_page(source: PostgresLedger, query: Query, cursor: str | None = None) -> tuple[bytes, str | None]:
    """List a page of a period's events.

    Parameters
    ----------
    source : PostgresLedger
    query : Query
        Period and filters; ``limit`` is the size of a page.
    cursor : str, optional
        Of the page before.

    Returns
    -------
    bytes, str or None
        What `tokenbudget.analytics.events` gives, as Arrow; the cursor of the page after it.

    Raises
    ------
    CursorError
        If the cursor is not of this list.
    """
    size = query.limit or DEFAULT_PAGE
    before = None if cursor is None else EVENTS.read(cursor)
    with collecting(collect_large):
        start, end = query.period.start, query.period.end
        found = source.ask(start, end, lambda moment: _newest(moment, query, size + 1, before))
    page = listing.used(found.head(size))
    if found.height <= size:
        return arrow(page), None
    occurred_at, id_ = page.select("occurred_at", "id").row(-1)
    return arrow(page), EVENTS.write((occurred_at, UUID(id_)))


def stream(moment: LedgerSnapshot, query: Query) -> Iterator[bytes]:
    """Write all events of a period as one Arrow stream, a piece at a time.

    The columns are fixed before the events are read, so each tag of the period has one, even if no matching event uses
    it.
    """
    shape = _shape(moment, query)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, _table(shape).schema) as writer:
        for piece in _pieces(moment, query, _PIECE_ROWS):
            writer.write_table(_table(pl.concat([shape, piece], how="diagonal")))
            yield _taken(sink)
    yield _taken(sink)


def _shape(moment: LedgerSnapshot, query: Query) -> pl.DataFrame:
    """Return a frame of no events with all columns that the period's events have."""
    stored = moment.scan(query.period.start, query.period.end).collect_schema()
    return listing.in_dollars(pl.DataFrame(schema=stored))


def _newest(moment: LedgerSnapshot, query: Query, rows: int, before: Position | None) -> pl.DataFrame:
    """Read at least so many of the newest events before a position, if there are as many."""
    found = _shape(moment, query)
    for piece in _pieces(moment, msgspec.structs.replace(query, limit=rows), rows, before):
        found = pl.concat([found, piece], how="diagonal")
        if found.height >= rows:
            break
    return found


def _pieces(moment: LedgerSnapshot, query: Query, rows: int, before: Position | None = None) -> Iterator[pl.DataFrame]:
    """Read the events before a position, the newest first, about so many at a time."""
    for start, end, held in _spans(moment, query, rows, before):
        period = msgspec.structs.replace(query.period, start=start, end=end)
        asked, last = msgspec.structs.replace(query, period=period), before
        if held <= 2 * rows:
            yield listing.events(moment, asked, last)
            continue
        piece = rows
        while piece == rows:  # From position to position: however many events there are in a minute.
            found = listing.events(moment, msgspec.structs.replace(asked, limit=rows), last)
            if (piece := found.height) > 0:
                last = found.select("occurred_at", "id").row(-1)
                yield found


def _spans(
    moment: LedgerSnapshot, query: Query, rows: int, before: Position | None
) -> Iterator[tuple[datetime, datetime, int]]:
    """Cut a period, from its end, into spans of whole minutes with at least so many events, but for the last.

    Gives their number, too: a single minute may have any.
    """
    start, end = query.period.start, query.period.end
    if before is not None and before[0] < end:
        end = before[0] + timedelta(microseconds=1)
    minute = pl.col("occurred_at").dt.truncate("1m").alias("minute")
    events = events_of(moment, query, start, end, ["occurred_at"])
    counts = collect(events.group_by(minute).len().sort("minute", descending=True))
    held = 0
    for at, count in counts.iter_rows():
        held += count
        if held >= rows:
            yield max(at, start), end, held
            end, held = at, 0
    if held:
        yield start, end, held


def _table(frame: pl.DataFrame) -> pa.Table:
    return frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())


def _taken(sink: io.BytesIO) -> bytes:
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written
