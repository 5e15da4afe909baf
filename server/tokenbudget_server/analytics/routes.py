"""``GET /api/analytics/…`` and ``/api/events``: read the question, have it answered, send the answer as it is."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget import analytics
from tokenbudget.analytics import answers, coverage
from tokenbudget.core.errors import QueryError
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import SENDERS
from tokenbudget_server.analytics import members
from tokenbudget_server.analytics.conditional import ARROW, FrameStream, Replies, arrow, wants_arrow
from tokenbudget_server.analytics.events import StoredEvent, list_events
from tokenbudget_server.analytics.frames import list_frame, stream
from tokenbudget_server.analytics.parameters import (
    BY,
    CURSOR,
    EXACT,
    INTERVAL,
    KEY,
    LEVEL,
    MEASURE,
    PAGE_SIZE,
    QUESTION,
    SPLIT,
    read_levels,
    read_query,
    read_switch,
    this_minute,
)
from tokenbudget_server.analytics.schemas import (
    ByFeatureAnswer,
    ByMemberAnswer,
    ByModelAnswer,
    ByProjectAnswer,
    ByTagAnswer,
    ByUserAnswer,
    CoverageAnswer,
    PercentilesAnswer,
    SummaryAnswer,
    TimeseriesAnswer,
)
from tokenbudget_server.ledger import PostgresLedger
from tokenbudget_server.ledger.display_names import Names
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.web.pagination import NEXT, NEXT_HEADER, Page
from tokenbudget_server.web.scope import Scope

_Request = Request[Any, Any, Any]
_LIMIT = 20


class AnalyticsController(Controller):
    """Questions about usage and cost, in all projects that the caller may see.

    Each runs in a thread: polars computes outside the event loop.
    """

    path = "/api/analytics"
    tags = ["analytics"]  # noqa: RUF012 - Litestar's way
    opt = {"needs": "read", "also_as": ARROW, "etag": True}  # noqa: RUF012

    @get("/summary", parameters=QUESTION, sync_to_thread=True)
    def summary(self, request: _Request, source: PostgresLedger, replies: Replies) -> SummaryAnswer:
        """Sum up a period and the one before it."""
        query = read_query(request.query_params)
        return replies.reply(request, source, query, answers.summary, analytics.summary)  # type: ignore[return-value]

    @get("/timeseries", parameters=[*SPLIT, BY, INTERVAL], sync_to_thread=True)
    def timeseries(self, request: _Request, source: PostgresLedger, replies: Replies) -> TimeseriesAnswer:
        """Follow a period in buckets of time."""
        query = read_query(request.query_params)
        return replies.reply(request, source, query, answers.timeseries, analytics.timeseries)  # type: ignore[return-value]

    @get("/by-model", parameters=SPLIT, sync_to_thread=True)
    def by_model(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByModelAnswer:
        """Split a period by model."""
        return _by(replies, request, source, "model")  # type: ignore[return-value]

    @get("/by-feature", parameters=SPLIT, sync_to_thread=True)
    def by_feature(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByFeatureAnswer:
        """Split a period by the tag ``feature``."""
        return _by(replies, request, source, "feature")  # type: ignore[return-value]

    @get("/by-user", parameters=SPLIT, sync_to_thread=True)
    def by_user(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByUserAnswer:
        """Split a period by end user, the tag ``user_id``."""
        return _by(replies, request, source, "user_id")  # type: ignore[return-value]

    @get("/by-member", parameters=SPLIT, sync_to_thread=True)
    def by_member(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByMemberAnswer:
        """Split a period by the members who own the API keys."""
        query = read_query(request.query_params, default_limit=_LIMIT)
        return replies.reply(request, source, query, members.document, members.frame)  # type: ignore[return-value]

    @get("/by-project", parameters=SPLIT, sync_to_thread=True)
    def by_project(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByProjectAnswer:
        """Split a period by project."""
        return _by(replies, request, source, "project")  # type: ignore[return-value]

    @get("/by-tag", parameters=[*SPLIT, KEY], sync_to_thread=True)
    def by_tag(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByTagAnswer:
        """Split a period by the tag that ``key`` names."""
        key = request.query_params.get("key")
        if not key:
            raise QueryError("name the tag to split by, e.g. /api/analytics/by-tag?key=env")
        return _by(replies, request, source, f"tag.{key}")  # type: ignore[return-value]

    @get("/query", parameters=[*SPLIT, BY], sync_to_thread=True)
    def query(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByTagAnswer:
        """Split a period by one or two dimensions or tags, e.g. ``?by=model&by=feature``."""
        return _by(replies, request, source)  # type: ignore[return-value]

    @get("/percentiles", parameters=[*QUESTION, BY, LEVEL, MEASURE, EXACT], sync_to_thread=True)
    def percentiles(self, request: _Request, source: PostgresLedger, replies: Replies) -> PercentilesAnswer:
        """Return percentiles of cost and time per call.

        Of up to a million calls they are exact; of more, they come from histograms and are at most 1.6 % off, unless
        ``exact=true``. Each row says in ``exact`` which it is.
        """
        parameters = request.query_params
        how: dict[str, Any] = {
            "levels": read_levels(parameters),
            "measures": parameters.getall("measure", []),
            "exact": read_switch(parameters, "exact"),
        }
        document, frame = partial(answers.percentiles, **how), partial(analytics.percentiles, **how)
        return replies.reply(request, source, read_query(parameters), document, frame)  # type: ignore[return-value]

    @get("/coverage", parameters=QUESTION)
    async def coverage(
        self, request: _Request, source: PostgresLedger, replies: Replies, prices: Prices
    ) -> CoverageAnswer:
        """Say which charged calls have no price, why, and what to do; no rows where all have one."""
        query, (pricer, version) = read_query(request.query_params), await prices.current()
        document, frame = partial(coverage.document, pricer=pricer), partial(coverage.coverage, pricer=pricer)
        reply = partial(replies.reply, request, source, query, document, frame, also=(version, this_minute()))
        return await asyncio.to_thread(reply)  # type: ignore[arg-type]


class ProjectAnalyticsController(AnalyticsController):
    """The same questions about one project."""

    path = "/api/projects/{project_id:int}/analytics"


@get(
    "/api/events",
    needs="read",
    parameters=[*QUESTION, PAGE_SIZE, CURSOR],
    also_as=ARROW,
    response_headers=[NEXT],
    tags=["analytics"],
)
async def get_events(
    request: _Request, engine: AsyncEngine, question_scope: Scope, source: PostgresLedger
) -> Page[StoredEvent]:
    """List single events, newest first, page by page: ``next`` is the ``cursor`` of the following page.

    As Arrow, all events come in one stream; with ``limit``, a page of so many, and the cursor of the following one in
    the header ``X-Next-Cursor``.
    """
    parameters = request.query_params
    query, cursor = read_query(parameters), parameters.get("cursor")
    if wants_arrow(request):
        return await _events_as_arrow(source, query, cursor)  # type: ignore[return-value]
    names = await asyncio.to_thread(source.names) if query.filters.keys() & SENDERS else Names()
    return await list_events(engine, question_scope, query, names, cursor)


async def _events_as_arrow(source: PostgresLedger, query: Query, cursor: str | None) -> Response[bytes] | Stream:
    headers = {"Vary": "Accept, Authorization"}
    if query.limit is None and cursor is None:
        moment = await asyncio.to_thread(source.at_one_moment, query.period.start, query.period.end)
        return FrameStream(stream(moment, query), headers=headers)
    frame, following = await asyncio.to_thread(list_frame, source, query, cursor)
    if following is not None:
        headers[NEXT_HEADER] = following
    return Response(arrow(frame), headers=headers, media_type=ARROW)


def _by(replies: Replies, request: _Request, source: PostgresLedger, *names: str) -> Response[bytes]:
    query = read_query(request.query_params, names, _LIMIT)
    return replies.reply(request, source, query, answers.by, analytics.by)
