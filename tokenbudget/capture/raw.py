"""Raw responses (``with_raw_response``, ``with_streaming_response``): read along with the caller, byte for byte.

The caller may parse the body, read it as text or go through its lines; all of that comes through the response's
``iter_bytes``.  A body that is there already is read at once.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from tokenbudget.capture.call import Call
from tokenbudget.capture.streams import Watched, notice_close

_decode = msgspec.json.Decoder().decode
_TEES = ("iter_bytes", "aiter_bytes")


def observe_raw(response: Any, call: Call) -> None:
    """Record a raw HTTP response: now if its body is there, else when the caller has read it."""
    content = Content(call, events="event-stream" in response.headers.get("content-type", ""))
    if response.is_closed:
        content.take(response.content)
        content.finish()
        return
    notice_close(response.stream, read_along(response, call, content))


def read_along(response: Any, call: Any, content: Any) -> Body:
    """Have `content` take the bytes of a body as the caller reads them, and finish at their end."""
    body = Body(response, call, content)
    for name in _TEES:
        if hasattr(response, name):
            response.__dict__[name] = getattr(body, name)
    return body


class Content:
    """The bytes of a body, made into what a `Call` understands: the items of an event stream, or one answer."""

    __slots__ = ("_call", "_chunks", "_events")

    def __init__(self, call: Call, *, events: bool) -> None:
        self._call = call
        self._events = events
        self._chunks: list[bytes] = []

    def take(self, chunk: bytes) -> None:
        """Add some bytes."""
        self._chunks.append(chunk)
        if self._events and b"\n" in chunk:
            *lines, rest = b"".join(self._chunks).split(b"\n")
            self._chunks = [rest]
            for line in lines:
                self._line(line)

    def finish(self) -> None:
        """Record the call: there are no more bytes."""
        rest, self._chunks = b"".join(self._chunks), []
        if self._events:
            self._line(rest)
            self._call.finished()
        elif self._call.api.request_only:
            self._call.answered(None)
        else:
            answer = None
            with contextlib.suppress(msgspec.DecodeError):  # e.g. a transcription asked for as plain text
                answer = _decode(rest)
            self._call.answered(answer)

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            with contextlib.suppress(msgspec.DecodeError):  # [DONE]
                self._call.item(_decode(line[5:]))


class Body(Watched):
    """A raw body under way: what the caller reads of it is read along."""

    __slots__ = ("_content", "_response")

    def __init__(self, response: Any, call: Any, content: Any) -> None:
        super().__init__(call)
        self._content = content
        # Weakly, as the response has us: without a cycle a dropped response is noticed at once.
        self._response = weakref.ref(response)

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Stand in for the response's method of this name."""
        chunks = self._source("iter_bytes", chunk_size)
        while True:
            self._reading = True
            try:
                chunk = next(chunks, None)
            finally:
                self._reading = False
            if chunk is None:
                break
            self._content.take(chunk)
            yield chunk
        self._finish()

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Stand in for the response's method of this name."""
        chunks = self._source("aiter_bytes", chunk_size)
        while True:
            self._reading = True
            try:
                chunk = await anext(chunks, None)
            finally:
                self._reading = False
            if chunk is None:
                break
            self._content.take(chunk)
            yield chunk
        self._finish()

    def _finish(self) -> None:
        response = self._response()
        for name in _TEES if response is not None else ():
            response.__dict__.pop(name, None)
        self._content.finish()

    def _source(self, name: str, chunk_size: int | None) -> Any:
        response: Any = self._response()
        return getattr(type(response), name)(response, chunk_size)
