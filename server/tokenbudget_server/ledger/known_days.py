"""Days that this process knows, each at a version: in memory, or sealed where closed days are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import polars as pl

from tokenbudget_server.ledger import queries
from tokenbudget_server.ledger.files import SealedDay
from tokenbudget_server.ledger.queries import Day, Version


@dataclass(frozen=True, slots=True)
class Known:
    """A day at a version: its events in memory, or sealed on disk."""

    version: Version
    horizon: int
    events: pl.DataFrame | None = None
    sealed: SealedDay | None = None

    @property
    def size(self) -> int:
        """Bytes it takes in memory."""
        frame = self.events if self.events is not None else self.sealed.cube if self.sealed is not None else None
        return 0 if frame is None else int(frame.estimated_size())

    @property
    def is_there(self) -> bool:
        """Return whether its events can still be read: the disk may have been cleared."""
        return self.sealed is None or self.sealed.is_there

    def read(self) -> pl.DataFrame:
        """Return its events."""
        if self.events is not None:
            return self.events
        return self.sealed.read() if self.sealed is not None else queries.empty()


class KnownDays:
    """The days least recently asked for are forgotten first.  Thread-safe.

    Parameters
    ----------
    most_bytes : int
        To keep in memory.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._days: OrderedDict[Day, Known] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def at(self, day: Day, version: Version) -> Known | None:
        """Return a day, if it is known at this version and still there."""
        known = self.latest(day)
        if known is None or known.version != version or not known.is_there:
            return None
        with self._lock:
            if day in self._days:
                self._days.move_to_end(day)
        return known

    def latest(self, day: Day) -> Known | None:
        """Return a day at the version that is known of it."""
        with self._lock:
            return self._days.get(day)

    def keep(self, day: Day, known: Known) -> Known:
        """Remember a day, unless it is known as a later snapshot had it; return it."""
        with self._lock:
            before = self._days.get(day)
            if before is None or before.horizon <= known.horizon:
                self._bytes += known.size - (0 if before is None else before.size)
                self._days[day] = known
                self._days.move_to_end(day)
            return known

    def forget_the_least_used(self) -> None:
        """Make room."""
        with self._lock:
            while self._bytes > self._most_bytes:
                _, known = self._days.popitem(last=False)
                self._bytes -= known.size
