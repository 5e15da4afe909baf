"""Observe the result of a method: a whole answer, an iterator of items, or an HTTP response.

Each function takes a method's result and its `Call`, and returns what the caller gets: the same object if it can be
observed in place, else one that behaves like it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.responses.http_bodies import Events, observe_raw
from tokenbudget.capture.instrument.responses.streams import AsyncItems, Items
from tokenbudget.capture.instrument.wrappers import Attempt, current_attempt
from tokenbudget.capture.usage.fields import NONE
from tokenbudget.capture.usage.lenient_json import decode_json
from tokenbudget.diagnostics import internal_errors


def whole(result: Any, call: Call) -> Any:
    """Observe an answer that came whole."""
    call.answered(result)
    return result


def items(result: Any, call: Call) -> Any:
    """Observe a generator of items, asynchronous or not."""
    if hasattr(result, "__anext__"):
        watched = AsyncItems(result, call)
        return _closing(watched.loop(watched), result)
    plain = Items(_sent_inside(iter(result), call), call)
    return plain.loop(plain)


def _sent_inside(inner: Iterator[Any], call: Call) -> Iterator[Any]:
    """Go through `inner`, which sends its request, one of the call's, only when its first item is asked for."""
    attempt = Attempt(call, None, (), {})
    attempt.hooks = None
    token = current_attempt.set(attempt)
    try:
        first = next(inner, None)
    finally:
        attempt.is_over = True
        current_attempt.reset(token)
    if first is not None:
        yield first
        yield from inner


async def _closing(outer: Any, inner: Any) -> Any:
    """Go through `outer`; closing it early closes `inner` too, and with it the connection."""
    try:
        async for item in outer:
            yield item
    finally:
        await outer.aclose()
        await inner.aclose()


def http(response: Any, call: Call) -> Any:
    """Observe an httpx response, read along as its reader goes on."""
    try:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            call.refused(f"HTTP {response.status_code}")
        else:
            observe_raw(response, call)
    except Exception as error:  # noqa: BLE001 (never into the host program)
        internal_errors.swallow("capture.http", error)
    return response


def http_context(result: Any, call: Call) -> Any:
    """Observe a context manager, asynchronous or not, that gives an httpx response."""
    return _Context(result, call)


class _Context:
    """A context manager that stands in for another and observes the response it gives."""

    __slots__ = ("_call", "_inner")

    def __init__(self, inner: Any, call: Call) -> None:
        self._inner = inner
        self._call = call

    def __enter__(self) -> Any:
        try:
            response = self._inner.__enter__()
        except BaseException as error:
            self._call.failed(error)
            raise
        return http(response, self._call)

    def __exit__(self, *error: object) -> Any:
        return self._inner.__exit__(*error)

    async def __aenter__(self) -> Any:
        try:
            response = await self._inner.__aenter__()
        except BaseException as error:
            self._call.failed(error)
            raise
        return http(response, self._call)

    async def __aexit__(self, *error: object) -> Any:
        return await self._inner.__aexit__(*error)


class ByteEvents:
    """Stands in for a `Call` where the items of a stream are the bytes of its events."""

    written = 0
    """Of text seen; always 0, as every item has to be looked into."""

    def __init__(self, call: Call) -> None:
        self.api = call.api
        self._call = call
        self._events = Events(call)

    def item(self, item: Any) -> bool:
        """Take some bytes into account; events that are decoded already count as well."""
        if isinstance(item, bytes | str):
            self._events.take(item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item)
        else:
            self._call.item(item)
        return False

    def finished(self) -> None:
        """Record a stream that was read to its end."""
        self._events.finish()

    def cut(self, error: BaseException | None = None) -> None:
        """Record a stream that ended early."""
        self._call.cut(error)


def json_object(body: bytes | str | bytearray | None) -> dict[str, Any]:
    """Return the JSON object in a body; an empty one if there is none.

    Examples
    --------
    >>> json_object(b'{"a": 1}'), json_object("no"), json_object(None)
    ({'a': 1}, {}, {})
    """
    with contextlib.suppress(ValueError):
        found = decode_json(body or b"")
        if isinstance(found, dict):
            return found
    return dict(NONE)
