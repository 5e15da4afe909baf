"""The ledger of this machine: sealed Parquet, open segments, and events in this process's memory.

What is not sealed is parsed once and remembered.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
import polars as pl

from tokenbudget.core.event import Event, decode
from tokenbudget.journal import JournalSnapshot, compact, read_snapshot
from tokenbudget.journal.compaction.duplicates import amended as amended_among
from tokenbudget.journal.compaction.duplicates import once, sealed_among
from tokenbudget.ledger import schema
from tokenbudget.ledger.sealed import HIDDEN, to_sealed

log = logging.getLogger("tokenbudget")

_BATCH = 20_000
_PIECE_BYTES = 8 << 20
_WAIT_SECONDS = 10.0
"""How long a query waits for a compaction: reading the same segments would take as long."""
_SEGMENT = "segment_"
_MEMORY = "memory"
"""Used as a segment's name for the events in this process's memory."""
_all_at_once = msgspec.json.Decoder(list[Event])


class LocalSource:
    """Reads the events recorded under a home directory: sealed parts as Parquet, open segments from memory.

    Only what was written since the last question is parsed.  A question seals finished segments first when there are
    enough of them, so that nothing is parsed twice.  Thread-safe.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read_to: dict[str, int] = {}
        self._open: dict[str, pl.DataFrame] = {}
        self._held: tuple[bytes, ...] = ()
        self._amended: set[str] = set()
        self._generation = -1
        self._lock = threading.Lock()

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read the events of ``start <= occurred_at < end``; see `tokenbudget.ledger.schema.Source`.

        Raises
        ------
        OSError
            If the journal cannot be read.
        """
        with self._lock:
            _seal(self._home)
            snapshot = read_snapshot(self._home, self._read_to)
            self._remember(snapshot)
            tail = [frame.lazy() for frame in self._open.values()]
            amended = list(self._amended)
        parts = [part for part in snapshot.parts if part.first < end and part.last >= start]
        whole = [part for part in parts if start <= part.first and part.last < end]  # No time of theirs needs reading.
        cut = [_answering(part.path(self._home), amended) for part in parts if part not in whole]
        rest = pl.concat([schema.empty().lazy(), *cut, *tail], how="diagonal")
        frames = [schema.within(rest, start, end), *(_answering(part.path(self._home), amended) for part in whole)]
        return pl.concat([schema.select(frame, columns) for frame in frames], how="diagonal")

    def _remember(self, snapshot: JournalSnapshot) -> None:
        before, nothing = self._open, schema.empty()
        fresh = {tail.segment: _frames(tail.records) for tail in snapshot.tails}
        if snapshot.held != self._held:
            before.pop(_MEMORY, None)
            fresh[_MEMORY] = _frames(snapshot.held)
        elif snapshot.held:
            fresh[_MEMORY] = []
        self._open = {name: _joined([before.get(name, nothing), *frames]) for name, frames in fresh.items()}
        self._read_to = {tail.segment: tail.end for tail in snapshot.tails}
        self._held = snapshot.held
        if snapshot.generation != self._generation:
            self._generation = snapshot.generation
            self._amended = set()
            self._count_once(snapshot, self._open.values())
        elif news := [frame for frames in fresh.values() for frame in frames]:
            self._count_once(snapshot, news)

    def _count_once(self, snapshot: JournalSnapshot, news: Iterable[pl.DataFrame]) -> None:
        """Drop duplicates of open or sealed events from the `news`; the record that knows most counts."""
        new = [frame["id"] for frame in news]
        sealed = sealed_among(self._home, snapshot.parts, pl.concat(new)) if new else pl.Series(dtype=pl.String)
        ids = pl.concat([schema.empty()["id"], *(frame["id"] for frame in self._open.values())])
        if sealed.is_empty() and ids.n_unique() == ids.len():
            return
        parts = [frame.with_columns(pl.lit(name).alias(_SEGMENT)) for name, frame in self._open.items()]
        events = once(pl.concat(parts, how="diagonal"))
        if not sealed.is_empty():
            more = amended_among(self._home, snapshot.parts, events, sealed)
            self._amended.update(more)
            events = events.filter(~pl.col("id").is_in(sealed.filter(~sealed.is_in(more.implode())).implode()))
        for name, frame in self._open.items():
            own = events.filter(pl.col(_SEGMENT) == name).drop(_SEGMENT)
            self._open[name] = own.drop(set(own.columns) - set(frame.columns))


@cache
def local_source(home: Path) -> LocalSource:
    """Return this process's reader of the journal under `home`, with its cache."""
    return LocalSource(home)


def _answering(part: Path, amended: list[str]) -> pl.LazyFrame:
    """Read a sealed part, but for events that an open record amends."""
    frame = pl.scan_parquet(part).drop(HIDDEN, strict=False)
    return frame.filter(~pl.col("id").is_in(amended)) if amended else frame


def _events(records: Sequence[bytes]) -> list[Event]:
    try:
        return _all_at_once.decode(b"[" + b",".join(records) + b"]")
    except msgspec.DecodeError:
        return [event for event in map(_event_or_none, records) if event is not None]


def _event_or_none(record: bytes) -> Event | None:
    try:
        return decode(record)
    except msgspec.DecodeError as error:
        log.warning("a record of the journal is no event and is left out (%s): %.80r", error, record)
        return None


def _frames(records: Sequence[bytes]) -> list[pl.DataFrame]:
    return [schema.to_frame(_events(batch)) for batch in _batches(records)]


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]


def _batches(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Divide records into pieces that are small enough for the garbage collector."""
    return (records[start : start + _BATCH] for start in range(0, len(records), _BATCH))


def seal_piece(home: Path) -> bool:
    """Compact some finished segments; return whether there were any.

    Raises
    ------
    JournalError
        If the manifest cannot be read.
    OSError
        If the ledger cannot be written; nothing is lost then.
    """
    return compact(home, to_sealed, most_bytes=_PIECE_BYTES).segments > 0


def _seal(home: Path) -> None:
    """Compact finished segments; if that fails, queries read the segments."""
    try:
        compact(home, to_sealed, wait=_WAIT_SECONDS)
    except OSError as error:
        log.warning("the journal under %s cannot be compacted, so answers are slower: %s", home, error)
