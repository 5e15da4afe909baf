"""Work for a client is given up when the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import ClientException

T = TypeVar("T")

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


async def while_connected(request: Request[Any, Any, Any], work: Coroutine[Any, Any, T]) -> T:
    """Do some work, and cancel it if the client hangs up meanwhile.

    A request that may have a body is not watched: what is received while watching would be missed by whoever reads it.

    Raises
    ------
    ClientException
        If the client has gone; nobody reads the answer.
    """
    if request.method not in _WITHOUT_BODY:
        return await work
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise ClientException("the client has gone")
    finally:
        doing.cancel()
        gone.cancel()


async def _gone(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
