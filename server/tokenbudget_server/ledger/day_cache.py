"""The days of one database that this process knows, each with the version it was read at.

``spend_day`` says, in the same transaction that stores events, how many there are in each project's day, what they
cost, and how often that changed.  A question reads these versions, and what of the days that differ it does not have,
in one snapshot of the database: late events, repricing and deletions are in the next answer, and no event is missed
that was committed late.

Of a day that is known at an earlier version only that is read which transactions wrote that the earlier snapshot could
not see (all of): new events and changed ones.  If what is known, with these in it, has as many events as the version
says, it is the day: it holds every event there is, so it holds no other.  Else (events were deleted) the day is read
anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from tokenbudget_server.ledger import queries
from tokenbudget_server.ledger.connection import Connection
from tokenbudget_server.ledger.display_names import Names
from tokenbudget_server.ledger.files import DayFiles, SealedDay
from tokenbudget_server.ledger.queries import Day, Identity, Version
from tokenbudget_server.ledger.snapshot import Moment
from tokenbudget_server.ledger.storage import storage_at

_log = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""Kept in memory by one process; the days least recently asked for are forgotten first."""
_EVENTS_AT_ONCE = 250_000
_FARTHEST = 1 << 30
"""Transactions after which a day is read anew: the ids of rows repeat after four billion."""
_SWEEP_SECONDS = 3600.0

Versions = Mapping[Day, Version]


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


class Days:
    """What this process knows of one database.  Thread-safe.

    Parameters
    ----------
    dsn : str
        URL of the database.
    place : Path or str, optional
        Where closed days are kept: a directory, or the URL of an object store; in memory, like today, when left out.
    most_bytes : int
        To keep in memory.
    """

    def __init__(self, dsn: str, place: Path | str | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._connection = Connection(dsn)
        self._place = place
        self._most_bytes = most_bytes
        self._identity: Identity | None = None
        self._known: OrderedDict[Day, Known] = OrderedDict()
        self._bytes = 0
        self._sweep_at = 0.0
        self._lock = threading.Lock()

    def at(self, projects: Sequence[int], start: datetime, end: datetime) -> Moment:
        """Return the days that the span touches, as they are in the database now.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        with self._lock, self._connection.snapshot() as cursor:
            versions = queries.versions(cursor, projects, start, end)
            files = self._files(cursor)
            found = self._bring_up(cursor, files, versions)
            names = queries.names(cursor, projects)
            self._sweep(cursor, files)
            self._forget_the_least_used()
        frames = {day: known.events for day, known in found.items() if known.events is not None}
        sealed = {day: known.sealed for day, known in found.items() if known.sealed is not None}
        return Moment(names, versions, frames, sealed)

    def look_again(self) -> None:
        """Believe of no closed day that it is still kept: one was gone when it was to be read."""
        if self._place is not None and self._identity is not None:
            storage_at(self._place, self._identity.digest).look_again()

    def names(self, projects: Sequence[int]) -> Names:
        """Return the names of projects, of their keys and of the members who own them, as they are now.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        with self._lock, self._connection.snapshot() as cursor:
            return queries.names(cursor, projects)

    def versions(self, projects: Sequence[int], start: datetime, end: datetime) -> tuple[Versions, Names]:
        """Return the versions of the days that the span touches, and the names, as they are now.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        with self._lock, self._connection.snapshot() as cursor:
            return queries.versions(cursor, projects, start, end), queries.names(cursor, projects)

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """Write every closed day, of all projects, anew; gives, now and then, the days done and the days in all.

        Files are replaced one by one while others read them.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        OSError
            If the disk does not take them.
        """
        with self._lock, self._connection.snapshot() as cursor:
            files, horizon, today = self._files(cursor), queries.horizon(cursor), datetime.now(UTC).date()
            versions = queries.all_days(cursor)
            closed = {day: version for day, version in versions.items() if day[1] < today}
            done = 0
            for some in _portions(closed):
                read = queries.read(cursor, some)
                for day, version in some.items():
                    if files is not None:
                        files.write(day, version, read.pop(day, queries.empty()), horizon)
                done += len(some)
                yield done, len(closed)
            if files is not None:
                files.sweep(versions)

    def close(self) -> None:
        """Let go of the connection; the next question makes a new one."""
        with self._lock:
            self._connection.close()

    def _bring_up(self, cursor: Any, files: DayFiles | None, versions: Versions) -> dict[Day, Known]:
        """Know these days at these versions."""
        today = datetime.now(UTC).date()
        stale: dict[Day, Version] = {}
        found: dict[Day, Known] = {}
        for day, version in versions.items():
            known = self._known.get(day)
            if known is not None and known.version == version and known.is_there:
                self._known.move_to_end(day)
                found[day] = known
            else:
                stale[day] = version
        closed = {day: version for day, version in stale.items() if day[1] < today}
        for day, sealed in (files.find(closed) if files is not None else {}).items():
            found[day] = self._keep(day, Known(stale.pop(day), sealed.horizon, sealed=sealed))
        if stale:
            found |= self._read(cursor, files, stale)
        return found

    def _read(self, cursor: Any, files: DayFiles | None, stale: Versions) -> dict[Day, Known]:
        horizon, today = queries.horizon(cursor), datetime.now(UTC).date()
        found: dict[Day, Known] = {}
        anew: dict[Day, Version] = {}
        for day, version in stale.items():
            events = self._updated(cursor, files, day, version, horizon)
            if events is None:
                anew[day] = version
            else:
                found[day] = self._keep(day, _kept(files, day, version, events, horizon, today))
        for some in _portions(anew):
            read = queries.read(cursor, some)
            for day, version in some.items():
                events = read.pop(day, queries.empty())
                found[day] = self._keep(day, _kept(files, day, version, events, horizon, today))
        return found

    def _updated(
        self, cursor: Any, files: DayFiles | None, day: Day, version: Version, horizon: int
    ) -> pl.DataFrame | None:
        """Bring what is known of a day up to a version; None if that cannot be done."""
        before = self._known.get(day)
        if before is None or not before.is_there:
            before = _newest(files, day)
        if before is None or not self._is_ordered(cursor) or not 0 <= horizon - before.horizon < _FARTHEST:
            return None
        try:
            old = before.read()
        except (OSError, pl.exceptions.PolarsError):  # It was there a moment ago.
            return None
        new = queries.read_since(cursor, day, before.horizon)
        events = pl.concat([old.join(new.select("id"), on="id", how="anti"), new], how="diagonal")
        return events if events.height == version.requests else None

    def _is_ordered(self, cursor: Any) -> bool:
        if self._identity is None:
            self._identity = queries.identity(cursor)
        return self._identity.orders

    def _files(self, cursor: Any) -> DayFiles | None:
        if self._place is None:
            return None
        if self._identity is None:
            self._identity = queries.identity(cursor)
        return DayFiles(storage_at(self._place, self._identity.digest))

    def _keep(self, day: Day, known: Known) -> Known:
        if day in self._known:
            self._bytes -= self._known.pop(day).size
        self._known[day] = known
        self._bytes += known.size
        return known

    def _forget_the_least_used(self) -> None:
        while self._bytes > self._most_bytes:
            _, known = self._known.popitem(last=False)
            self._bytes -= known.size

    def _sweep(self, cursor: Any, files: DayFiles | None) -> None:
        if files is not None and time.monotonic() > self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
            files.sweep(queries.all_days(cursor))


@cache
def days_of(dsn: str, place: Path | str | None = None) -> Days:
    """Return this process's one memory of a database."""
    return Days(dsn, place)


def _newest(files: DayFiles | None, day: Day) -> Known | None:
    sealed = None if files is None else files.newest(day)
    return None if sealed is None else Known(Version(-1, -1, ""), sealed.horizon, sealed=sealed)


def _kept(files: DayFiles | None, day: Day, version: Version, events: pl.DataFrame, horizon: int, today: Any) -> Known:
    """Seal a day if it is closed; where the disk does not take it, it stays in memory."""
    if files is not None and day[1] < today:
        try:
            return Known(version, horizon, sealed=files.write(day, version, events, horizon))
        except OSError as error:
            _log.warning("A day cannot be kept in %s and stays in memory: %s", files.storage, error)
    return Known(version, horizon, events=events.rechunk())


def _portions(versions: Versions) -> Iterator[dict[Day, Version]]:
    """Cut days into portions of bounded memory; a day is never cut."""
    portion: dict[Day, Version] = {}
    room = _EVENTS_AT_ONCE
    for day, version in sorted(versions.items()):
        if portion and version.requests > room:
            yield portion
            portion, room = {}, _EVENTS_AT_ONCE
        portion[day] = version
        room -= version.requests
    if portion:
        yield portion
