"""Raw responses (``with_raw_response``, ``with_streaming_response``): read the same bytes as the caller.

The caller may parse the body, read it as text or go through its lines; all of that comes through the response's
``iter_bytes``.  A body that is there already is read at once.  Where a stream's usage was asked for on our own account,
its bytes are given on as they would have come without.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from struct import Struct
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.responses.streams import Watched, is_hidden, is_usage_alone, notice_close
from tokenbudget.capture.usage.fields import fields
from tokenbudget.capture.usage.lenient_json import decode_json

_PRELUDE = Struct(">II")
"""Lengths of a message of AWS's event stream, and of its headers."""
_CHECKSUM = 4
_FRAME = _PRELUDE.size + 2 * _CHECKSUM
"""What a message has beside its headers and its payload."""
_TEES = ("iter_bytes", "aiter_bytes")
_NO_USAGE = re.compile(rb',\s*"usage":\s*null|"usage":\s*null\s*,\s*')
"""What chunks have for being asked; in a text inside, the quotes would be escaped."""


def observe_raw(response: Any, call: Call, *, hide_usage: bool = False) -> None:
    """Record a raw HTTP response: now if its body is there, else when the caller has read it."""
    content = _kind(response.headers.get("content-type", ""), hide_usage=hide_usage)(call, hide_usage=hide_usage)
    if response.is_closed:
        seen = content.take(response.content) + content.finish()
        if hide_usage:
            _replace_content(response, seen)
        return
    notice_close(response.stream, read_along(response, call, content))


def _kind(content_type: str, *, hide_usage: bool) -> type[Content]:
    if "amazon.eventstream" in content_type:
        return AwsEvents
    # Who mocks a stream may give its body no type.
    is_stream = "event-stream" in content_type or (hide_usage and "json" not in content_type)
    return Events if is_stream else Content


def _replace_content(response: Any, seen: bytes) -> None:
    """Return a response whose body is there already another one."""
    response._content = seen  # noqa: SLF001 (httpx and httpx2 have no public way)
    response.__dict__.pop("_text", None)
    if "content-length" in response.headers:
        response.headers["content-length"] = str(len(seen))


def read_along(response: Any, call: Any, content: Any) -> Body:
    """Have `content` take the bytes of a body as the caller reads them, and finish at their end."""
    body = Body(response, call, content)
    for name in _TEES:
        if hasattr(response, name):
            response.__dict__[name] = getattr(body, name)
    return body


class Content:
    """The bytes of a body, made into one answer."""

    __slots__ = ("_call", "_chunks", "_hide")

    def __init__(self, call: Call, *, hide_usage: bool = False) -> None:
        self._call = call
        self._chunks: list[bytes] = []
        self._hide = hide_usage

    def take(self, chunk: bytes) -> bytes:
        """Add some bytes; return those that are for the caller."""
        self._chunks.append(chunk)
        return chunk

    def finish(self) -> bytes:
        """Record the call: there are no more bytes.  Gives those held back."""
        body, self._chunks = b"".join(self._chunks), []
        answer = None
        if not self._call.api.request_only:
            with contextlib.suppress(ValueError):  # e.g. a transcription asked for as plain text
                answer = decode_json(body)
        self._call.answered(answer)
        return b""


class Events(Content):
    """The bytes of an event stream, made into items.

    Where some are hidden, the caller gets whole events.
    """

    __slots__ = ("_event", "_hidden")

    def __init__(self, call: Call, *, hide_usage: bool = False) -> None:
        super().__init__(call, hide_usage=hide_usage)
        self._event: list[bytes] = []
        self._hidden = False

    def take(self, chunk: bytes) -> bytes:
        """Add some bytes; return those that are for the caller."""
        self._chunks.append(chunk)
        if b"\n" not in chunk:
            return b"" if self._hide else chunk
        *lines, rest = b"".join(self._chunks).split(b"\n")
        self._chunks = [rest]
        if self._hide:
            return b"".join(self._passed(self._line(line) + b"\n") for line in lines)
        for line in lines:
            self._line(line)
        return chunk

    def finish(self) -> bytes:
        """Record the call: there are no more bytes.  Gives those held back."""
        rest, self._chunks = b"".join(self._chunks), []
        line = self._line(rest)
        self._call.finished()
        return self._passed(line) + self._ended() if self._hide else b""

    def _line(self, line: bytes) -> bytes:
        """Take a line into account; return it as the caller is to see it."""
        if not line.startswith(b"data:"):
            return line
        data = line[5:]
        try:
            item = decode_json(data)
        except ValueError:
            if data.strip() == b"[DONE]":
                self._call.partial["complete"] = True  # a reader who stops now has missed nothing
            return line
        states_usage = self._call.item(item)
        if not self._hide:
            return line
        if states_usage:
            self._hidden = is_hidden(item, is_usage_alone)
            return line
        return _NO_USAGE.sub(b"", line) if fields(item).get("usage", 0) is None else line

    def _passed(self, line: bytes) -> bytes:
        """Hold a line back until its event has ended."""
        self._event.append(line)
        return b"" if line.strip() else self._ended()

    def _ended(self) -> bytes:
        """Return the event that has ended, if it is for the caller."""
        event, self._event = self._event, []
        hidden, self._hidden = self._hidden, False
        return b"" if hidden else b"".join(event)


class AwsEvents(Content):
    """The bytes of AWS's event stream, made into items: each message holds one, in base64."""

    __slots__ = ()

    def take(self, chunk: bytes) -> bytes:
        """Add some bytes; all of them are for the caller."""
        rest = b"".join((*self._chunks, chunk))
        while len(rest) >= _PRELUDE.size:
            length, headers = _PRELUDE.unpack_from(rest)
            if length < _FRAME or len(rest) < length:
                break
            self._message(rest[_FRAME - _CHECKSUM + headers : length - _CHECKSUM])
            rest = rest[length:]
        self._chunks = [rest]
        return chunk

    def finish(self) -> bytes:
        """Record the call: there are no more bytes."""
        self._chunks = []
        self._call.finished()
        return b""

    def _message(self, payload: bytes) -> None:
        with contextlib.suppress(KeyError, TypeError, ValueError):  # of another kind
            self._call.item(decode_json(b64decode(decode_json(payload)["bytes"])))


class Body(Watched):
    """A raw body in progress: observes what the caller reads."""

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
            if seen := self._content.take(chunk):
                yield seen
        if rest := self._finish():
            yield rest

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
            if seen := self._content.take(chunk):
                yield seen
        if rest := self._finish():
            yield rest

    def _finish(self) -> bytes:
        response = self._response()
        for name in _TEES if response is not None else ():
            response.__dict__.pop(name, None)
        rest: bytes = self._content.finish()
        return rest

    def _source(self, name: str, chunk_size: int | None) -> Any:
        response: Any = self._response()
        return getattr(type(response), name)(response, chunk_size)
