"""``GET /health``: whether this process can do its work."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget import __version__
from tokenbudget_server.jobs.periodic import JobState, PeriodicJobs

_PATIENCE_SECONDS = 5


class Health(msgspec.Struct, frozen=True):
    """``ok``, or ``unavailable`` with status 503 when the database does not answer; and how background jobs fared."""

    status: str
    version: str = __version__
    jobs: list[JobState] = []


_UNAVAILABLE = ResponseSpec(Health, generate_examples=False, description="The database does not answer.")


@get("/health", responses={503: _UNAVAILABLE}, tags=["health"])
async def get_health(health_engine: AsyncEngine, jobs: PeriodicJobs) -> Response[Health]:
    """Return whether the server and its database work."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), health_engine.connect() as connection:
            return Response(Health("ok", jobs=await jobs.states(connection)))
    except (SQLAlchemyError, TimeoutError):
        return Response(Health("unavailable"), status_code=503)
