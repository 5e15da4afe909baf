"""``GET /health``: whether this process can do its work."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget import __version__

_PATIENCE_SECONDS = 5


class Health(msgspec.Struct, frozen=True):
    """``ok``, or ``unavailable`` with status 503 when the database does not answer."""

    status: str
    version: str = __version__


_UNAVAILABLE = ResponseSpec(Health, generate_examples=False, description="The database does not answer.")


@get("/health", responses={503: _UNAVAILABLE}, tags=["health"])
async def get_health(engine: AsyncEngine) -> Response[Health]:
    """Say whether the server and its database work."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, TimeoutError):
        return Response(Health("unavailable"), status_code=503)
    return Response(Health("ok"))
