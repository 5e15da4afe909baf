"""One connection that stores batches of events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors

from tokenbudget_server.db import arrays
from tokenbudget_server.db.locks import ROLLUP_SHARDS
from tokenbudget_server.db.url import psycopg_url
from tokenbudget_server.store.rows import Row, packed
from tokenbudget_server.store.statement import INSERT, INSERT_BESIDE_OLDER, PARAMETERS
from tokenbudget_server.web.errors import StoreUnavailableError

_log = logging.getLogger(__name__)

ATTEMPTS = 4
SHARDS = 256
_ID = 1
_key = itemgetter(0, _ID)
_CONFLICTS = (errors.DeadlockDetected, errors.SerializationFailure)


class Flusher:
    """Stores batches, one at a time.

    It holds a shard of the rollups of its own by an advisory lock, whichever processes and machines write: nobody
    waits for another's rows.  The sums are right even if two should share one.
    """

    def __init__(self, url: str) -> None:
        self._url = psycopg_url(url)
        self._connection: AsyncConnection[Any] | None = None
        self._shard = 0

    async def insert(self, project_id: int, rows: Sequence[Row]) -> set[bytes] | None:
        """Store rows of one project and keep the rollups, in one transaction.

        Of several rows with the same id the first is stored.

        Returns
        -------
        set of bytes or None
            Ids of the events stored; None when all were new.

        Raises
        ------
        StoreUnavailableError
            The database does not answer; nothing of it is stored, or all of it: sending it again is safe.
        """
        first = {row[_ID]: row for row in reversed(rows)}
        values = {**packed(sorted(first.values(), key=_key)), "project_id": project_id, "sent": len(first)}
        try:
            stored = await self._store(INSERT, values)
        except errors.UniqueViolation:
            stored = await self._store(INSERT_BESIDE_OLDER, values)
        return set(first) if stored is None and len(first) < len(rows) else stored

    async def _store(self, statement: bytes, values: dict[str, Any]) -> set[bytes] | None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._execute(statement, values)
            except psycopg.OperationalError as error:
                if attempt == ATTEMPTS:
                    raise StoreUnavailableError(f"the database does not store events: {error}") from error
                if not isinstance(error, _CONFLICTS):
                    _log.warning("Storing events failed, trying again: %s", error)
                    await self.close()
                await asyncio.sleep(0.05 * 4 ** (attempt - 1))
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    async def close(self) -> None:
        """Close the connection; the next batch opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _execute(self, statement: bytes, values: dict[str, Any]) -> set[bytes] | None:
        connection = self._connection or await self._connect()
        values["shard"] = self._shard
        # A raw cursor sends the statement as it is: others would look for placeholders in it every time.
        cursor = AsyncRawCursor(connection)
        await cursor.execute(statement, [values[name] for name in PARAMETERS], prepare=True, binary=True)
        count, ids = await cursor.fetchone() or (0, None)
        return None if count == values["sent"] else {id_.bytes for id_ in ids or ()}

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=10)
        try:
            arrays.register(connection)
            self._shard = await _claim_shard(connection)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return connection


async def _claim_shard(connection: AsyncConnection[Any]) -> int:
    """Find a shard that nobody else writes; the lock goes with the connection."""
    for shard in range(SHARDS):
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (ROLLUP_SHARDS, shard))
        if (row := await cursor.fetchone()) and row[0]:
            return shard
    return SHARDS - 1
