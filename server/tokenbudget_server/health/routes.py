"""``GET /health``: whether this process can do its work."""

from __future__ import annotations

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.health.schemas import Health
from tokenbudget_server.health.service import health_of
from tokenbudget_server.jobs.periodic import PeriodicJobs
from tokenbudget_server.web.authorization import OPEN

_UNAVAILABLE = ResponseSpec(Health, generate_examples=False, description="The database does not answer.")


@get("/health", needs=OPEN, responses={503: _UNAVAILABLE}, tags=["health"])
async def get_health(health_engine: AsyncEngine, jobs: PeriodicJobs) -> Response[Health]:
    """Return whether the server and its database work."""
    health = await health_of(health_engine, jobs)
    return Response(Health("unavailable"), status_code=503) if health is None else Response(health)
