"""One connection to Postgres, and snapshots on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import adbc_driver_manager
from adbc_driver_postgresql import dbapi

from tokenbudget_server.web.errors import StoreUnavailableError


class Connection:
    """A connection that is made when it is needed, and again when it was lost; for one thread at a time.

    Parameters
    ----------
    dsn : str
        URL of the database.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        """Open one unchanging view of the database; return a cursor.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        try:
            connection = self._connect()
            with connection.cursor() as cursor:
                yield cursor
                cursor.execute("ROLLBACK")
        except adbc_driver_manager.Error as error:
            self.close()
            msg = f"the events cannot be read from the database: {error}"
            raise StoreUnavailableError(msg) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection; the next snapshot makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(adbc_driver_manager.Error):
                connection.close()

    def _connect(self) -> Any:
        """Return the connection, with a snapshot begun; a new one where the old was lost since the last question."""
        if self._connection is not None:
            try:
                return _begun(self._connection)
            except adbc_driver_manager.Error:
                self.close()
        self._connection = _begun(dbapi.connect(self._dsn, autocommit=True))
        return self._connection


def _begun(connection: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return connection
