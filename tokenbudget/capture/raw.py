"""Raw responses (``with_raw_response``, ``with_streaming_response``): read along with the caller, byte for byte.

The caller may parse the body, read it as text or go through its lines; all of that comes through the response's
``iter_bytes``.  A body that is there already is read at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from tokenbudget import faults
from tokenbudget.capture.call import Call
from tokenbudget.capture.streams import Watched, notice_close

_decode = msgspec.json.Decoder().decode


def observe_raw(response: Any, call: Call) -> None:
    """Record a raw HTTP response: now if its body is there, else when the caller has read it."""
    if response.is_closed:
        _whole(response.content, call)
        return
    body = Body(response, call)
    for name, tee in (("iter_bytes", body.iter_bytes), ("aiter_bytes", body.aiter_bytes)):
        if hasattr(response, name):
            response.__dict__[name] = tee
    notice_close(response, body)


def _whole(content: bytes, call: Call) -> None:
    try:
        answer = None if call.api.request_only else _decode(content)
    except msgspec.DecodeError:
        answer = None  # e.g. a transcription asked for as plain text
    call.answered(answer)


class Body(Watched):
    """A raw body under way: what the caller reads of it is read along."""

    __slots__ = ("_aiter", "_chunks", "_events", "_iter", "_response_dict")

    def __init__(self, response: Any, call: Call) -> None:
        super().__init__(None, call)
        self._iter: Any = getattr(response, "iter_bytes", None)
        self._aiter: Any = getattr(response, "aiter_bytes", None)
        # Its dict and not the response, which has us: no cycle, so that a dropped response is noticed at once.
        self._response_dict = response.__dict__
        self._events = "event-stream" in response.headers.get("content-type", "")
        self._chunks: list[bytes] = []

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Stand in for the response's method of this name."""
        self._reading = True
        try:
            for chunk in self._iter(chunk_size):
                self._reading = False
                self._take(chunk)
                yield chunk
                self._reading = True
            self._finish()
        finally:
            self._reading = False

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Stand in for the response's method of this name."""
        self._reading = True
        try:
            async for chunk in self._aiter(chunk_size):
                self._reading = False
                self._take(chunk)
                yield chunk
                self._reading = True
            self._finish()
        finally:
            self._reading = False

    def _take(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        if self._events and b"\n" in chunk:
            *lines, rest = b"".join(self._chunks).split(b"\n")
            self._chunks = [rest]
            for line in lines:
                self._line(line)

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            try:
                self._call.item(_decode(line[5:]))
            except msgspec.DecodeError:
                pass  # [DONE]
            except Exception as error:  # noqa: BLE001
                faults.swallow("capture.raw", error)

    def _finish(self) -> None:
        for name in ("iter_bytes", "aiter_bytes"):
            self._response_dict.pop(name, None)
        rest = b"".join(self._chunks)
        self._chunks = []
        if self._events:
            self._line(rest)
            self._call.finished()
        else:
            _whole(rest, self._call)
