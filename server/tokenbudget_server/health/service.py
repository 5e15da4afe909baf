"""Whether this process can do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.db.revision import is_current
from tokenbudget_server.health.schemas import DatabaseState, Health, Readiness, RedisState, Status
from tokenbudget_server.jobs.periodic import JobState, PeriodicJobs

_PATIENCE_SECONDS = 5
_FAILURES_IN_A_ROW = 3
_NEEDED = ("migrations", "prices")
"""What requests cannot be answered without, beside the database."""


class HealthCheck:
    """Looks at what this process needs.  Those who ask while it looks wait for the same look, so a flood asks once.

    Parameters
    ----------
    engine : AsyncEngine
    redis : RedisClient or None
    loads_prices : callable
        Says whether there are prices; loads them where there are none yet.
    """

    def __init__(
        self, engine: AsyncEngine, redis: RedisClient | None, loads_prices: Callable[[], Awaitable[bool]]
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._loads_prices = loads_prices
        self._under_way: asyncio.Task[Health] | None = None

    async def health(self, jobs: PeriodicJobs) -> Health:
        """Return how the server and what it needs fare."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._look(jobs))
        return await asyncio.shield(self._under_way)

    async def readiness(self, jobs: PeriodicJobs) -> Readiness:
        """Return whether requests may be sent here."""
        health = await self.health(jobs)
        missing = ["db"] if health.db == "away" else [each for each in health.degraded if each in _NEEDED]
        return Readiness(status="not ready" if missing else "ready", missing=missing)

    async def _look(self, jobs: PeriodicJobs) -> Health:
        (db, amiss, states), redis = await asyncio.gather(self._of_database(jobs), self._of_redis())
        degraded = amiss + (["redis"] if redis == "away" else [])
        degraded += [f"job {state.name}" for state in states if state.failures >= _FAILURES_IN_A_ROW]
        status: Status = "unavailable" if db == "away" else "degraded" if degraded else "ok"
        return Health(status=status, db=db, redis=redis, degraded=degraded, jobs=states)

    async def _of_database(self, jobs: PeriodicJobs) -> tuple[DatabaseState, list[str], list[JobState]]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                async with self._engine.connect() as connection:
                    has = {"migrations": await is_current(connection)}
                    states = await jobs.states(connection) if has["migrations"] else []
                has["prices"] = await self._loads_prices()
        except (SQLAlchemyError, TimeoutError):
            return "away", [], []
        return "ok", [each for each in _NEEDED if not has[each]], states

    async def _of_redis(self) -> RedisState:
        if self._redis is None:
            return "off"
        return "ok" if await self._redis.answers() else "away"
