"""The application's outermost layer: what holds for each request and each answer, of routes not yet written, too.

It refuses what no route can take (`web.request_checks`), lets HEAD work wherever GET does, answers OPTIONS, and
completes the headers of answers and errors (`web.response_headers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

import msgspec
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from tokenbudget_server.web.cors import Cors, Headers
from tokenbudget_server.web.problems import INVALID_REQUEST, MEDIA_TYPE, FieldError, describe_problem
from tokenbudget_server.web.request_checks import find_fault
from tokenbudget_server.web.response_headers import complete

_METHODS = frozenset(HttpMethod)
_NOBODYS = HttpMethod.TRACE
"""A method that no route takes, so that the answer tells which it takes."""


class Boundary:
    """Stands between the server that speaks HTTP and the application.

    Parameters
    ----------
    app : ASGIApp
    allowed_origins : sequence of str
        Of pages that may read answers.
    """

    def __init__(self, app: ASGIApp, allowed_origins: Sequence[str] = ()) -> None:
        self._app = app
        self._cors = Cors(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless no route could take it."""
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if (allowed := self._cors.preflight(scope)) is not None:
            await _no_content(allowed, _completing(scope, send))
            return
        send = _completing(scope, send, self._cors.headers(scope))
        if fault := find_fault(scope):
            await _refuse(fault, send, is_head=scope["method"] == HttpMethod.HEAD)
            return
        match scope["method"]:
            case HttpMethod.HEAD:
                scope["method"] = HttpMethod.GET
                head = _Head(receive, send)
                receive, send = head.receive, head.send
            case HttpMethod.OPTIONS:
                scope["method"] = _NOBODYS
                send = _Options(send).send
            case method if method not in _METHODS:
                scope["method"] = _NOBODYS
        await self._app(scope, receive, send)


class _Head:
    """An answer without its body: what makes one piece by piece is told that the client is gone."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_answered = False

    async def receive(self) -> HTTPReceiveMessage:
        if self._is_answered:
            return {"type": "http.disconnect"}
        return cast("HTTPReceiveMessage", await self._receive())

    async def send(self, message: Message) -> None:
        if self._is_answered:
            return
        await self._send(message)
        if message["type"] == "http.response.start":
            self._is_answered = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class _Options:
    """What a path takes: the answer to a method that it does not take names it, of all of its routes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_answered = False

    async def send(self, message: Message) -> None:
        if self._is_answered:
            return
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
            self._is_answered = True
            allowed = [(name, value) for name, value in message["headers"] if name.lower() == b"allow"]
            await _no_content(allowed, self._send)
        else:
            await self._send(message)


async def _no_content(headers: Headers, send: Send) -> None:
    await send({"type": "http.response.start", "status": HTTPStatus.NO_CONTENT, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _completing(scope: HTTPScope, send: Send, more: Headers = []) -> Send:  # noqa: B006 (never changed)
    async def completed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = complete([*message["headers"], *more], scope)
        await send(message)

    return completed


async def _refuse(fault: FieldError, send: Send, *, is_head: bool) -> None:
    problem = describe_problem(INVALID_REQUEST, f"{fault.field} {fault.reason}", [fault])
    content = msgspec.json.encode(problem)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else content, "more_body": False})
