"""How answers go out: JSON or Arrow, named by an ETag, and remembered for a short while.

An ETag stands for the question and for the versions of all days that it is about, so an answer that is remembered is
right for as long as it is found: what is stored next makes another name.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import msgspec
import polars as pl
from litestar import Request, Response
from litestar.response import Stream
from litestar.response.base import ASGIResponse

from tokenbudget import __version__
from tokenbudget.analytics import answers
from tokenbudget.core.query import Query
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.ledger import Moment, PostgresLedger
from tokenbudget_server.web.errors import CacheUnavailableError

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
_SECONDS = 60
_MOST_BYTES = 32 << 20
_LARGEST = 1 << 20

Ask = Callable[[Moment, Query], Any]


class AnswerCache:
    """Remembers answers by their ETag: in Redis where processes share it, in memory where there is none or it is away.

    Parameters
    ----------
    redis : RedisClient or None
    """

    def __init__(self, redis: RedisClient | None = None) -> None:
        self._redis = redis
        self._memory: MemoryCache[bytes] = MemoryCache(_MOST_BYTES, weigh=len)

    def get(self, etag: str) -> bytes | None:
        """Return what is remembered."""
        if self._redis is not None:
            with suppress(CacheUnavailableError):
                return self._redis.get_blocking(_entry(etag))
        return self._memory.get(etag)

    def put(self, etag: str, body: bytes) -> None:
        """Remember for a short while."""
        if self._redis is not None:
            with suppress(CacheUnavailableError):
                return self._redis.put_blocking(_entry(etag), body, _SECONDS)
        return self._memory.put(etag, body)


class Replies:
    """Answers questions of one application.

    Parameters
    ----------
    cache : AnswerCache
    """

    def __init__(self, cache: AnswerCache) -> None:
        self._cache = cache

    def reply(
        self,
        request: Request[Any, Any, Any],
        source: PostgresLedger,
        query: Query,
        document: Ask,
        frame: Ask,
        *,
        also: object = None,
    ) -> Response[bytes]:
        """Answer a question in the way that the request accepts.

        Parameters
        ----------
        document, frame : callable
            Give the answer for JSON and for Arrow: of `tokenbudget.analytics.answers`, and of `tokenbudget.analytics`.
        also : object, optional
            What else the answer depends on, as ``repr`` tells it.
        """
        media_type = ARROW if wants_arrow(request) else JSON
        asked = repr((__version__, request.url.path, msgspec.json.encode(query), request.url.query, media_type, also))

        def answer(moment: Moment) -> Response[bytes]:
            etag = f'"{sha256(f"{asked} {moment.token()}".encode()).hexdigest()[:32]}"'
            headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
            if request.headers.get("if-none-match") == etag:
                return Response(b"", status_code=304, headers=headers, media_type=media_type)
            body = self._cache.get(etag)
            if body is None:
                body = arrow(frame(moment, query)) if media_type == ARROW else answers.encode(document(moment, query))
                if len(body) <= _LARGEST:
                    self._cache.put(etag, body)
            return Response(body, headers=headers, media_type=media_type)

        return source.ask(min(query.period.start, query.period.previous_start), query.period.end, answer)


class FrameStream(Stream):
    """A frame that is sent piece by piece; Litestar's own stream would say that it is what the route says, JSON."""

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIResponse:
        """Return the response of ASGI, whose media type is Arrow's."""
        return super().to_asgi_response(*args, **(kwargs | {"media_type": ARROW}))


def wants_arrow(request: Request[Any, Any, Any]) -> bool:
    """Return whether a request asks for Arrow rather than JSON."""
    return ARROW in request.headers.get("accept", "")


def arrow(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow stream that every reader of the format understands."""
    stream = io.BytesIO()
    frame.write_ipc_stream(stream, compat_level=pl.CompatLevel.oldest())
    return stream.getvalue()


def _entry(etag: str) -> str:
    return f"answer:{etag}"
