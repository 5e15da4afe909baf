"""Health as a feature of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.health.routes import get_health, get_liveness, get_readiness
from tokenbudget_server.health.service import HealthCheck
from tokenbudget_server.web.features import Dependency, Feature


def feature(engine: AsyncEngine, redis: RedisClient | None, loads_prices: Callable[[], Awaitable[bool]]) -> Feature:
    """Make the feature; the engine's connections are its own, as those of requests may all be taken."""
    return Feature(
        name="health",
        description="Whether the server can do its work.",
        routes=[get_health, get_liveness, get_readiness],
        dependencies={"health_check": Dependency.of(HealthCheck(engine, redis, loads_prices))},
    )
