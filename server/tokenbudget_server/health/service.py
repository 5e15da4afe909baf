"""Whether this process can do its work."""

from __future__ import annotations

import asyncio

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.health.schemas import Health
from tokenbudget_server.jobs.periodic import PeriodicJobs

_PATIENCE_SECONDS = 5


async def health_of(engine: AsyncEngine, jobs: PeriodicJobs) -> Health | None:
    """Return how the server and its database fare; None where the database does not answer in time."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), engine.connect() as connection:
            return Health("ok", jobs=await jobs.states(connection))
    except (SQLAlchemyError, TimeoutError):
        return None
