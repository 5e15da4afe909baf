"""The events of some projects, as `tokenbudget.ledger.schema.Source` says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from tokenbudget_server.db.url import psycopg_url
from tokenbudget_server.ledger.day_cache import days_of
from tokenbudget_server.ledger.display_names import Names
from tokenbudget_server.ledger.memory_budget import MemoryBudget
from tokenbudget_server.ledger.snapshot import LedgerSnapshot

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_UNREADABLE = (OSError, pl.exceptions.ComputeError)


class PostgresLedger:
    """Reads the events of some projects from a server's Postgres and its closed days.

    Cheap to make: what is remembered is shared by all ledgers of one database.  Synchronous and thread-safe.

    Parameters
    ----------
    dsn : str
        URL of the database.
    project_ids : iterable of int
        The projects to read; none gives no events.
    place : Path or str, optional
        Where closed days are kept as Parquet: a directory, or the URL of an object store; in memory when left out.
    memory : MemoryBudget, optional
        What may be used; a part of the machine's when left out.
    """

    def __init__(
        self, dsn: str, project_ids: Iterable[int], place: Path | str | None = None, memory: MemoryBudget | None = None
    ) -> None:
        self._days = days_of(psycopg_url(dsn), place, memory)
        self._projects = sorted(set(project_ids))

    def at_one_moment(self, start: datetime, end: datetime) -> LedgerSnapshot:
        """Return the ledger as it is now, for a span.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        if not self._projects or start >= end:
            return LedgerSnapshot(Names(), {}, {}, {})
        return self._days.at(self._projects, start, end)

    def ask(self, start: datetime, end: datetime, question: Callable[[LedgerSnapshot], Answer]) -> Answer:
        """Have a question answered from the ledger as it is now.

        Closed days are read while it is answered, some time after they were seen to be there.  If they are gone or out
        of reach by then, the question is asked once more, of what there is now: the database has every day.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        try:
            return question(self.at_one_moment(start, end))
        except _UNREADABLE as error:
            _log.warning("Closed days went away while a question was answered, which is asked again: %s", error)
        self._days.look_again()
        return question(self.at_one_moment(start, end))

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read the events of ``start <= occurred_at < end``.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        return self.at_one_moment(start, end).scan(start, end, columns)

    def names(self) -> Names:
        """Return the names of the projects, of their keys and of the members who own them.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        return self._days.names(self._projects) if self._projects else Names()
