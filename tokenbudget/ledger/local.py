"""The ledger of this machine: the journal's segments, parsed once and remembered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
import polars as pl

from tokenbudget.core.event import Event, decode
from tokenbudget.journal import listed, read_chunk
from tokenbudget.ledger import schema

log = logging.getLogger("tokenbudget")

_all_at_once = msgspec.json.Decoder(list[Event])


class _Tail:
    """The events of one segment, as far as it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = 0
        self.parts: list[pl.DataFrame] = []

    def catch_up(self, size: int) -> None:
        """Parse what was written since the last look."""
        while self._read_to < size:
            chunk = read_chunk(self._path, self._read_to)
            if chunk.end == self._read_to:
                return
            self._read_to = chunk.end
            if chunk.records:
                self.parts.append(schema.to_frame(_events(chunk.records)))
        if len(self.parts) > 1:
            self.parts = [_joined(self.parts)]


class LocalSource:
    """Reads the events journaled under a home directory.

    Only what was written since the last question is parsed; a question asked twice costs the analytics alone.
    Thread-safe.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._tails: dict[str, _Tail] = {}
        self._lock = threading.Lock()

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read the events of ``start <= occurred_at < end``; see `tokenbudget.ledger.schema.Source`.

        Raises
        ------
        OSError
            If the journal cannot be read.
        """
        with self._lock:
            frames = [frame.lazy() for frame in self._open_tail()]
        everything = pl.concat([schema.empty().lazy(), *frames], how="diagonal")
        return schema.select(schema.within(everything, start, end), columns)

    def _open_tail(self) -> list[pl.DataFrame]:
        segments = listed(self._home)
        self._tails = {s.name: self._tails.get(s.name) or _Tail(s.path) for s in segments}
        for segment in segments:
            try:
                self._tails[segment.name].catch_up(segment.size)
            except FileNotFoundError:  # Settled since it was listed.
                del self._tails[segment.name]
        return [part for tail in self._tails.values() for part in tail.parts]


@cache
def local_source(home: Path) -> LocalSource:
    """Give this process's one reader of the journal under `home`, with what it remembers."""
    return LocalSource(home)


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


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames, how="diagonal")
