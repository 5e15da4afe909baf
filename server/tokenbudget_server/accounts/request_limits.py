"""How often one key, one session or one address may ask: the one place, for all routes.

What is let in counts for the key or the session that it came with.  What is not, and what needs no credential, counts
for the address.  So strangers use up nothing of whoever has a key, not even behind the same address.
"""

from __future__ import annotations

from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.web.client_address import address_of, network_of
from tokenbudget_server.web.credentials import authenticate
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.rates import Rate

_NOT_LET_IN = frozenset({401, 403})

_Request = Request[Any, Any, Any]


class RequestLimits:
    """Counts every request.

    Parameters
    ----------
    limits : RateLimits
    per_key, per_address : Rate or None
        None is without end.
    """

    def __init__(self, limits: RateLimits, per_key: Rate | None, per_address: Rate | None) -> None:
        self._limits = limits
        self._per_key = per_key
        self._per_address = per_address

    async def admit(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Find out who asks, and count the request; routes with the option ``limited=False`` are not counted.

        Raises
        ------
        ProblemError
            429 with ``Retry-After`` for too many requests; else what `authenticate` does.
        """
        if not handler.opt.get("limited", True):
            return
        request = cast("_Request", connection)
        try:
            await authenticate(request)
        except ProblemError as error:
            if error.status_code in _NOT_LET_IN:
                await self._count_address(request)
            raise
        if (caller := _caller(request)) is None:
            await self._count_address(request)
        elif self._per_key is not None:
            await self._limits.take(self._per_key, caller)

    async def _count_address(self, request: _Request) -> None:
        if self._per_address is not None:
            await self._limits.take(self._per_address, network_of(address_of(request)))


def _caller(request: _Request) -> str | None:
    """Name what the request proved itself with; None where the route asks for nothing."""
    proved = request.scope["state"]
    principal: Principal | None = proved.get("principal")
    if principal is not None:
        return str(principal.credential.id)
    return "admin key" if "admin" in proved else None
