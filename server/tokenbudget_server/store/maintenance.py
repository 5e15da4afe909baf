"""What the server does to its tables by itself: partitions ahead of time, and the end of what is too old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tokenbudget_server.store.locks import MAINTENANCE
from tokenbudget_server.store.partitions import drop_partitions, ensure_partitions
from tokenbudget_server.store.url import sqlalchemy_url

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 3 * 3600
_FIRST_AFTER_SECONDS = 60


@asynccontextmanager
async def maintained(url: str, retention: timedelta | None) -> AsyncIterator[None]:
    """Maintain the tables every few hours for the length of a ``with`` block; of several processes, one does it."""
    task = asyncio.create_task(_repeat(url, retention))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _repeat(url: str, retention: timedelta | None) -> None:
    await asyncio.sleep(_FIRST_AFTER_SECONDS)
    while True:
        try:
            await asyncio.to_thread(maintain, url, retention, datetime.now(UTC))
        except SQLAlchemyError as error:
            _log.warning("The tables could not be maintained, trying again later: %s", error)
        await asyncio.sleep(_EVERY_SECONDS)


def maintain(url: str, retention: timedelta | None, now: datetime) -> None:
    """Make the partitions of the coming months and drop those in which everything is older than `retention`.

    Does nothing while another process is at it.

    Parameters
    ----------
    url : str
    retention : timedelta or None
        None keeps everything.
    now : datetime
        The present, time-zone aware.
    """
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": MAINTENANCE}):
                return
            connection.commit()  # The lock is the session's, and goes with it.
            oldest = None if retention is None else now - retention
            made = ensure_partitions(connection, now, oldest)
            dropped = [] if oldest is None else drop_partitions(connection, oldest)
            if made or dropped:
                _log.info("Partitions made: %s; dropped: %s", ", ".join(made) or "none", ", ".join(dropped) or "none")
    finally:
        engine.dispose()
