"""The job that looks after the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.db.locks import MAINTENANCE
from tokenbudget_server.db.maintenance import maintain
from tokenbudget_server.jobs.periodic import Periodic

_EVERY = timedelta(hours=3)
_DELAY = timedelta(minutes=1)
"""After the start, when `tokenbudget_server.db.migrate` has just done the same."""


def maintenance_job(engine: AsyncEngine, retention: timedelta | None) -> Periodic:
    """Return the job that makes partitions ahead of time, and drops what is older than `retention`."""

    async def run() -> None:
        async with engine.connect() as connection:
            await connection.run_sync(maintain, retention, datetime.now(UTC))

    return Periodic(name="maintain-tables", every=_EVERY, run=run, lock=MAINTENANCE, delay=_DELAY)
