"""How bodies are read: when it is known who sends them, no more than is allowed, and within a time.

It holds for every route, also where a handler has its body decoded by Litestar: `TimedRequest` is how all of them
come to their bodies.
"""

from __future__ import annotations

import asyncio

from litestar.connection.base import empty_receive, empty_send
from litestar.types import HTTPReceiveMessage, Receive, Scope, Send

from tokenbudget_server.web.credentials import authenticate
from tokenbudget_server.web.problems import INCOMPLETE_BODY, ProblemError
from tokenbudget_server.web.strict_request import StrictRequest

LARGEST_BODY = 64 * 2**10
"""Bytes of a body, where the route sets no limit of its own."""
SILENT_SECONDS = 10.0
"""How long a body may pause."""
WHOLE_SECONDS = 60.0
"""How long a body may take."""
_CLOSE = {"Connection": "close"}


_waits: set[asyncio.Timeout] = set()


def give_up() -> None:
    """Wait no longer for any body that is under way: the process stops."""
    for timeout in list(_waits):
        timeout.reschedule(0.0)


class TimedRequest(StrictRequest):
    """A request whose body is read after its sender is known, and not waited for without end."""

    __slots__ = ("_from_client", "_is_whole", "_until")

    def __init__(self, scope: Scope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        self._until: float | None = None
        self._is_whole = False
        super().__init__(scope, receive, send)

    @property  # Kept as an attribute, the method would keep request and connection alive until the collector comes.
    def receive(self) -> Receive:
        """What the client sends next, if it comes in time."""
        return self._receive_in_time

    @receive.setter
    def receive(self, from_client: Receive) -> None:
        self._from_client = from_client

    async def _receive_in_time(self) -> HTTPReceiveMessage:
        if self._is_whole:  # Who asks now waits for the client to hang up.
            return await self._from_client()  # type: ignore[return-value]
        now = asyncio.get_running_loop().time()
        if self._until is None:
            await authenticate(self)
            self._until = now + WHOLE_SECONDS
        timeout = asyncio.timeout_at(min(now + SILENT_SECONDS, self._until))
        _waits.add(timeout)
        try:
            async with timeout:
                message = await self._from_client()
        except TimeoutError:
            waited = f"it may take {WHOLE_SECONDS:.0f} seconds, and pause for {SILENT_SECONDS:.0f}"
            raise ProblemError(INCOMPLETE_BODY, f"the body did not come whole: {waited}", headers=_CLOSE) from None
        finally:
            _waits.discard(timeout)
        if message["type"] == "http.disconnect":
            raise ProblemError(INCOMPLETE_BODY, "the body ended too early: send it whole", headers=_CLOSE)
        self._is_whole = not message.get("more_body", False)
        return message  # type: ignore[return-value]
