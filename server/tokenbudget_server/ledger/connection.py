"""Connections to Postgres, and snapshots on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import adbc_driver_manager
from adbc_driver_postgresql import dbapi

from tokenbudget_server.web.cancellation import current_cancellation
from tokenbudget_server.web.errors import StoreUnavailableError

STATEMENT_SECONDS = 60
"""How long one statement of a question may take."""
_IDLE = 4
"""Connections that are kept for the next question."""


class Connections:
    """Connections that are made when they are needed, and again when they were lost.  Thread-safe.

    There are as many as there are snapshots open at once: whoever opens them bounds these.

    Parameters
    ----------
    dsn : str
        URL of the database.
    statement_seconds : int
        How long one statement may take; 0 is no limit.
    """

    def __init__(self, dsn: str, statement_seconds: int = STATEMENT_SECONDS) -> None:
        self._dsn = dsn
        self._settings = f"SET statement_timeout = '{statement_seconds}s'"
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        """Open one unchanging view of the database; return a cursor.

        What is asked with it ends when nobody waits for it any more (`tokenbudget_server.web.cancellation`).

        Raises
        ------
        StoreUnavailableError
            If the database does not answer, or not in time.
        ClientGoneError
            If nobody waits any more.
        """
        connection = None
        try:
            current_cancellation().check()
            connection = self._begun()
            with current_cancellation().stoppable(connection.adbc_cancel), connection.cursor() as cursor:
                yield cursor
                cursor.execute("ROLLBACK")
        except adbc_driver_manager.Error as error:
            _close(connection)
            msg = f"the events cannot be read from the database: {error}"
            raise StoreUnavailableError(msg) from error
        except BaseException:
            _close(connection)
            raise
        self._give_back(connection)

    def close(self) -> None:
        """Let go of the connections that no snapshot is open on; the next snapshot makes a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)

    def _begun(self) -> Any:
        """Return a connection with a snapshot begun; a new one where the old were lost since the last question."""
        while (connection := self._take()) is not None:
            try:
                return _begin(connection)
            except adbc_driver_manager.Error:
                _close(connection)
        connection = dbapi.connect(self._dsn, autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute(self._settings)
        return _begin(connection)

    def _take(self) -> Any:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: Any) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(connection)
                return
        _close(connection)


def _begin(connection: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return connection


def _close(connection: Any) -> None:
    if connection is not None:
        with suppress(adbc_driver_manager.Error):
            connection.close()
