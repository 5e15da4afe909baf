"""The days of one database that this process knows, each with the version it was read at.

``spend_day`` says, in the same transaction that stores events, how many there are in each project's day, what they
cost, and how often that changed.  A question reads these versions, and what of the days that differ it does not have,
in one snapshot of the database: late events, repricing and deletions are in the next answer, and no event is missed
that was committed late.

Where an older version of a day is known, only the rows are read that were written by transactions which the older
snapshot did not see completely: new and changed events.  They are merged into what is known.  If the number of events
is then the one that the version states, the day is complete.  Otherwise events were deleted, and the whole day is read.

Questions read at the same time, each in a snapshot of its own.  Only those that lack the same day wait for each other:
it is read once.  A question whose snapshot is older than what is known of a day by then reads its own version, for
itself alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from tokenbudget.core.errors import QueryError
from tokenbudget_server.ledger import queries
from tokenbudget_server.ledger.connection import Connections
from tokenbudget_server.ledger.day_locks import DayLocks
from tokenbudget_server.ledger.display_names import Names
from tokenbudget_server.ledger.files import DayFiles
from tokenbudget_server.ledger.known_days import Known, KnownDays
from tokenbudget_server.ledger.memory_budget import MemoryBudget, of_this_machine
from tokenbudget_server.ledger.queries import Day, Identity, Version
from tokenbudget_server.ledger.snapshot import LedgerSnapshot, concatenations
from tokenbudget_server.ledger.storage import storage_at
from tokenbudget_server.web.cancellation import current_cancellation

_log = logging.getLogger(__name__)

_EVENTS_AT_ONCE = 250_000
_DAYS_AT_ONCE = 500
_FARTHEST = 1 << 30
"""Transactions after which a day is read anew: the ids of rows repeat after four billion."""
_SWEEP_SECONDS = 3600.0

Versions = Mapping[Day, Version]


class Days:
    """What this process knows of one database.  Thread-safe.

    Parameters
    ----------
    dsn : str
        URL of the database.
    place : Path or str, optional
        Where closed days are kept: a directory, or the URL of an object store; in memory, like today, when left out.
    memory : MemoryBudget, optional
        What may be used; a part of the machine's when left out.  Of what is kept, the days least recently asked for are
        forgotten first.
    """

    def __init__(self, dsn: str, place: Path | str | None = None, memory: MemoryBudget | None = None) -> None:
        self._dsn = dsn
        self._connections = Connections(dsn)
        self._place = place
        self._memory = memory or of_this_machine()
        self._identity: Identity | None = None
        self._known = KnownDays(self._memory.remembered)
        self._concatenated = concatenations(self._memory.remembered // 4)
        self._day_locks = DayLocks()
        self._sweep_at = 0.0

    def at(self, projects: Sequence[int], start: datetime, end: datetime) -> LedgerSnapshot:
        """Return the days that the span touches, as they are in the database now.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        QueryError
            If it takes more memory than there is.
        """
        with self._connections.snapshot() as cursor:
            versions = queries.versions(cursor, projects, start, end)
            files = self._files(cursor)
            found = self._bring_up(cursor, files, versions)
            names = queries.names(cursor, projects)
            self._sweep(cursor, files)
            self._known.forget_the_least_used()
        frames = {day: known.events for day, known in found.items() if known.events is not None}
        sealed = {day: known.sealed for day, known in found.items() if known.sealed is not None}
        return LedgerSnapshot(names, versions, frames, sealed, self._concatenated)

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
        with self._connections.snapshot() as cursor:
            return queries.names(cursor, projects)

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
        with closing(Connections(self._dsn, statement_seconds=0)) as patient, patient.snapshot() as cursor:
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
        self._connections.close()

    def _bring_up(self, cursor: Any, files: DayFiles | None, versions: Versions) -> dict[Day, Known]:
        """Know these days at these versions."""
        found, stale = self._look_up(versions)
        if files is not None:
            found |= self._open(files, stale)
        stale = {day: version for day, version in stale.items() if day not in found}
        self._check_room(versions, stale, files)
        if stale:
            horizon = queries.horizon(cursor)
            for some in _portions(stale, self._memory.events):
                found |= self._read(cursor, files, some, horizon)
        return found

    def _open(self, files: DayFiles, stale: Versions) -> dict[Day, Known]:
        """Find closed days where they are kept, while their totals fit into memory."""
        closed = sorted(day for day in stale if day[1] < _today())
        found: dict[Day, Known] = {}
        for some in _batched(closed, _DAYS_AT_ONCE):
            for day, sealed in files.find({day: stale[day] for day in some}).items():
                found[day] = self._known.keep(day, Known(stale[day], sealed.horizon, sealed=sealed))
            if sum(known.size for known in found.values()) > self._memory.totals:
                raise QueryError(
                    f"the totals of {len(closed):,} days are more than this server's memory takes: ask about a shorter "
                    "period, or give the server more (TOKENBUDGET_MEMORY)"
                )
        return found

    def _look_up(self, versions: Versions) -> tuple[dict[Day, Known], dict[Day, Version]]:
        """Return the days that are known at these versions, and the others."""
        known = {day: self._known.at(day, version) for day, version in versions.items()}
        found = {day: at for day, at in known.items() if at is not None}
        return found, {day: version for day, version in versions.items() if day not in found}

    def _check_room(self, versions: Versions, stale: Versions, files: DayFiles | None) -> None:
        """Refuse to read more into memory than there is: days that stay there together, each other day by itself."""
        room = self._memory.events_in_memory
        staying = {day: version for day, version in versions.items() if files is None or day[1] >= _today()}
        held = sum(version.requests for version in staying.values())
        if staying.keys() & stale and held > room:
            raise QueryError(
                f"{held:,} calls of today are more than this server's memory takes, {room:,} are the most: ask about "
                "one project, or a period that ends yesterday, or give the server more (TOKENBUDGET_MEMORY)"
            )
        for (_, day), version in stale.items():
            if version.requests > room:
                raise QueryError(
                    f"the {version.requests:,} calls of {day} are more than this server's memory takes, {room:,} are "
                    "the most: ask about a period without that day, or give the server more (TOKENBUDGET_MEMORY)"
                )

    def _read(self, cursor: Any, files: DayFiles | None, stale: Versions, horizon: int) -> dict[Day, Known]:
        """Read days, and keep them; those that somebody is reading already are waited for."""
        with self._day_locks.holding(stale):
            found, stale = self._look_up(stale)
            anew: dict[Day, Version] = {}
            for day, version in stale.items():
                events = self._updated(cursor, files, day, version, horizon)
                if events is None:
                    anew[day] = version
                else:
                    found[day] = self._kept(files, day, version, events, horizon)
            current_cancellation().check()
            read = queries.read(cursor, anew) if anew else {}
            for day, version in anew.items():
                found[day] = self._kept(files, day, version, read.pop(day, queries.empty()), horizon)
            return found

    def _updated(
        self, cursor: Any, files: DayFiles | None, day: Day, version: Version, horizon: int
    ) -> pl.DataFrame | None:
        """Bring what is known of a day up to a version; None if that cannot be done."""
        before = self._known.latest(day)
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

    def _kept(self, files: DayFiles | None, day: Day, version: Version, events: pl.DataFrame, horizon: int) -> Known:
        """Seal a day if it is closed; where the disk does not take it, it stays in memory."""
        latest = self._known.latest(day)
        is_latest = latest is None or latest.horizon <= horizon
        if files is not None and day[1] < _today() and is_latest:
            try:
                sealed = files.write(day, version, events, horizon)
            except OSError as error:
                _log.warning("A day cannot be kept in %s and stays in memory: %s", files.storage, error)
            else:
                return self._known.keep(day, Known(version, horizon, sealed=sealed))
        return self._known.keep(day, Known(version, horizon, events=events.rechunk()))

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

    def _sweep(self, cursor: Any, files: DayFiles | None) -> None:
        if files is not None and time.monotonic() > self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
            files.sweep(queries.all_days(cursor))


@cache
def days_of(dsn: str, place: Path | str | None = None, memory: MemoryBudget | None = None) -> Days:
    """Return this process's one memory of a database."""
    return Days(dsn, place, memory)


def _newest(files: DayFiles | None, day: Day) -> Known | None:
    sealed = None if files is None else files.newest(day)
    return None if sealed is None else Known(Version(-1, -1, ""), sealed.horizon, sealed=sealed)


def _batched(items: Sequence[Day], size: int) -> Iterator[Sequence[Day]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _today() -> date:
    return datetime.now(UTC).date()


def _portions(versions: Versions, most: int = _EVENTS_AT_ONCE) -> Iterator[dict[Day, Version]]:
    """Cut days into portions of bounded memory; a day is never cut."""
    portion: dict[Day, Version] = {}
    most = min(most, _EVENTS_AT_ONCE)
    room = most
    for day, version in sorted(versions.items()):
        if portion and (version.requests > room or len(portion) == _DAYS_AT_ONCE):
            yield portion
            portion, room = {}, most
        portion[day] = version
        room -= version.requests
    if portion:
        yield portion
