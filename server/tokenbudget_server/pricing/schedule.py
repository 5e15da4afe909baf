"""Fetch the price table every day, whichever of several processes comes first."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.errors import PriceError
from tokenbudget_server.pricing import rows as stored
from tokenbudget_server.pricing.sync import PriceSync, Synced
from tokenbudget_server.store.locks import PRICE_SYNC

_log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
LOOK_SECONDS = 900.0
"""How often each process looks whether a day has passed; also how soon a failed sync is tried again."""


async def sync_if_due(engine: AsyncEngine, sync: PriceSync, now: datetime | None = None) -> Synced | None:
    """Sync if the last sync is a day old and no other process is at it; None when there was nothing to do.

    Raises
    ------
    PriceError
        If the table cannot be fetched or believed; nothing is changed then.
    """
    now = now or datetime.now(UTC)
    async with engine.connect() as connection:
        if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": PRICE_SYNC}):
            return None
        try:
            state = await connection.run_sync(stored.read_state)
            await connection.commit()  # The lock is the session's; no transaction waits for the download.
            if state.synced_at is not None and now - state.synced_at < EVERY:
                return None
            return await sync.sync()
        finally:
            await connection.rollback()
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": PRICE_SYNC})


@asynccontextmanager
async def daily(engine: AsyncEngine, sync: PriceSync) -> AsyncIterator[None]:
    """Sync every day while the context is open."""
    task = asyncio.create_task(_run(engine, sync))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(engine: AsyncEngine, sync: PriceSync) -> None:
    while True:
        try:
            if (done := await sync_if_due(engine, sync)) is not None:
                _log.info("Prices synced: %s", done)
                for held in done.to_confirm:
                    _log.warning("A price moved more than tenfold and waits to be confirmed: %s", held)
        except (PriceError, SQLAlchemyError, OSError) as error:
            _log.error("The prices were not synced: %s", error)
        # Not all processes at the same moment.
        await asyncio.sleep(LOOK_SECONDS * random.uniform(0.9, 1.1))  # noqa: S311
