"""How answers go out: JSON or Arrow, named by an ETag, and remembered for a short while.

An ETag stands for the question and for the versions of all days that it is about, so an answer that is remembered is
right for as long as it is found: what is stored next makes another name.
"""

from __future__ import annotations

import io
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import polars as pl
from litestar import Request, Response

from tokenbudget import __version__
from tokenbudget.analytics import answers
from tokenbudget.core.query import Query
from tokenbudget_server.ledger import Moment, PostgresLedger

if TYPE_CHECKING:
    from redis import Redis

_log = logging.getLogger(__name__)

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
_SECONDS = 60
_MOST_BYTES = 32 << 20
_LARGEST = 1 << 20

Ask = Callable[[Moment, Query], Any]


class AnswerCache(Protocol):
    """Remembers answers by their ETag."""

    def get(self, etag: str) -> bytes | None:
        """Give what is remembered."""

    def put(self, etag: str, body: bytes) -> None:
        """Remember for a short while."""


class MemoryAnswerCache:
    """The memory of one process: the answers asked for last."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, etag: str) -> bytes | None:
        """Give what is remembered."""
        with self._lock:
            if etag in self._known:
                self._known.move_to_end(etag)
            return self._known.get(etag)

    def put(self, etag: str, body: bytes) -> None:
        """Remember; the answers not asked for longest go."""
        with self._lock:
            self._bytes += len(body) - len(self._known.pop(etag, b""))
            self._known[etag] = body
            while self._bytes > _MOST_BYTES:
                self._bytes -= len(self._known.popitem(last=False)[1])


class RedisAnswerCache:
    """The memory that processes share; without Redis, answers are worked out each time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def get(self, etag: str) -> bytes | None:
        """Give what is remembered."""
        from redis.exceptions import RedisError

        try:
            return self._redis.get(_entry(etag))  # type: ignore[return-value]
        except RedisError as error:
            _log.warning("Redis does not answer, so an answer is worked out again: %s", error)
            return None

    def put(self, etag: str, body: bytes) -> None:
        """Remember for a minute."""
        from redis.exceptions import RedisError

        try:
            self._redis.set(_entry(etag), body, ex=_SECONDS)
        except RedisError as error:
            _log.warning("Redis does not take an answer: %s", error)


def answer_cache(redis_url: str | None) -> AnswerCache:
    """Give the cache that fits the settings."""
    if redis_url is None:
        return MemoryAnswerCache()
    from redis import Redis

    return RedisAnswerCache(Redis.from_url(redis_url))


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


def wants_arrow(request: Request[Any, Any, Any]) -> bool:
    """Tell whether a request asks for Arrow rather than JSON."""
    return ARROW in request.headers.get("accept", "")


def arrow(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow stream that every reader of the format understands."""
    stream = io.BytesIO()
    frame.write_ipc_stream(stream, compat_level=pl.CompatLevel.oldest())
    return stream.getvalue()


def _entry(etag: str) -> str:
    return f"tokenbudget:answer:{etag}"
