"""What was refused to who is known, in the audit log: as far as it was to change something."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from litestar import Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.attempts import Attempts
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.client_address import address_of, network_of
from tokenbudget_server.web.methods import SAFE_METHODS
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import actor_scope


class Refusals:
    """Notes refusals: of an address a few at once and some each minute, so that nobody fills the log.

    Parameters
    ----------
    engine : AsyncEngine
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._left = Attempts("refusals", 30, 30)

    async def note(self, request: Request[Any, Any, Any], principal: Principal) -> None:
        """Record that a request may not do what it asks for; the refusal itself waits for nothing that fails here."""
        if request.method in SAFE_METHODS:
            return
        address = address_of(request)
        with suppress(ProblemError, SQLAlchemyError):
            self._left.take(network_of(address))
            target = Target("route", f"{request.method} {request.scope['path_template']}")
            async with self._engine.begin() as connection:
                await connection.run_sync(audit, actor_scope(principal, address), "request.refuse", target)
