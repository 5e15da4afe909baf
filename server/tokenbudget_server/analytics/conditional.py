"""How answers go out: JSON or Arrow, named by an ETag, and remembered for a short while.

An ETag stands for the question and for the versions of all days that it is about, so an answer that is remembered is
right for as long as it is found: what is stored next makes another name.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
import polars as pl
from litestar import Request, Response
from litestar.response import Stream
from litestar.response.base import ASGIResponse

from tokenbudget import __version__
from tokenbudget.analytics import answers
from tokenbudget.analytics.collecting import collecting
from tokenbudget.core.query import Query
from tokenbudget_server.analytics.bounds import STREAMED, check_query, collect_large, limits_of
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.ledger import LedgerSnapshot, PostgresLedger
from tokenbudget_server.ledger.memory_budget import MemoryBudget
from tokenbudget_server.web.cancellation import run_for
from tokenbudget_server.web.errors import CacheUnavailableError
from tokenbudget_server.web.pools import Pools
from tokenbudget_server.web.scope import Scope

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
_SECONDS = 60
_MOST_BYTES = 32 << 20
_LARGEST = 1 << 20

Ask = Callable[..., Any]
"""Takes a moment, a query and ``limits``."""


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


@dataclass(frozen=True)
class Question:
    """A question, in all that its answer depends on but the events.

    Attributes
    ----------
    source : PostgresLedger
    query : Query
    document, frame : callable
        Give the answer for JSON and for Arrow.
    known : str or None
        ETag of the answer that the client has.
    is_arrow : bool
    asked : str
        All of it as text.
    """

    source: PostgresLedger
    query: Query
    document: Ask
    frame: Ask
    known: str | None
    is_arrow: bool
    asked: str

    @property
    def media_type(self) -> str:
        """Of the answer."""
        return ARROW if self.is_arrow else JSON

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From when until when events may matter."""
        period = self.query.period
        return min(period.start, period.previous_start), period.end


class Replies:
    """Answers questions of one application.

    Parameters
    ----------
    cache : AnswerCache
    pools : Pools
    memory : MemoryBudget
        What questions may use.
    """

    def __init__(self, cache: AnswerCache, pools: Pools, memory: MemoryBudget) -> None:
        self._cache = cache
        self._pool = pools.questions
        self._memory = memory

    async def reply(
        self,
        request: Request[Any, Any, Any],
        scope: Scope,
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
        scope : Scope
            Whose question it is.
        document, frame : callable
            Give the answer for JSON and for Arrow: of `tokenbudget.analytics.answers`, and of `tokenbudget.analytics`.
        also : object, optional
            What else the answer depends on, as ``repr`` tells it.

        Raises
        ------
        QueryError
            If the question, or its answer, is too large.
        ClientGoneError, TooSlowError
            If nobody waits for it any more, or it takes too long.
        OverloadedError, TooManyAtOnceError
            If too many questions are under way.
        """
        is_arrow = wants_arrow(request)
        check_query(query)
        path, parameters = request.url.path, request.url.query
        asked = repr((__version__, path, msgspec.json.encode(query), parameters, is_arrow, also))
        known = request.headers.get("if-none-match")
        question = Question(source, query, document, frame, known, is_arrow, asked)
        return await run_for(request, self._pool.run, partial(self._answer, question), caller=scope.actor.id)

    def _answer(self, question: Question) -> Response[bytes]:
        return question.source.ask(*question.span, partial(self._answer_from, question))

    def _answer_from(self, question: Question, moment: LedgerSnapshot) -> Response[bytes]:
        etag = f'"{sha256(f"{question.asked} {moment.token()}".encode()).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
        if question.known == etag:
            return Response(b"", status_code=304, headers=headers, media_type=question.media_type)
        body = self._cache.get(etag)
        if body is None:
            body = self._write(question, moment)
            if len(body) <= _LARGEST:
                self._cache.put(etag, body)
        return Response(body, headers=headers, media_type=question.media_type)

    def _write(self, question: Question, moment: LedgerSnapshot) -> bytes:
        limits = limits_of(self._memory, is_arrow=question.is_arrow)
        is_large = moment.calls(*question.span) > STREAMED
        with collecting(collect_large) if is_large else nullcontext():
            if question.is_arrow:
                return arrow(question.frame(moment, question.query, limits=limits))
            return answers.encode(question.document(moment, question.query, limits=limits))


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
