"""Health as a feature of the API."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.health.routes import get_health
from tokenbudget_server.web.features import Dependency, Feature


def feature(engine: AsyncEngine) -> Feature:
    """Make the feature; the engine's connections are its own, as those of requests may all be taken."""
    return Feature(
        name="health",
        description="Whether the server can do its work.",
        routes=[get_health],
        dependencies={"health_engine": Dependency.of(engine)},
    )
