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
from tokenbudget_server.analytics.bounds import check_query
from tokenbudget_server.analytics.conditional import ARROW, FrameStream, Replies, wants_arrow
from tokenbudget_server.analytics.event_stream import send_events
from tokenbudget_server.analytics.events import StoredEvent, list_events
from tokenbudget_server.analytics.frames import list_page
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
from tokenbudget_server.web.cancellation import run_for, while_connected
from tokenbudget_server.web.pagination import NEXT, NEXT_HEADER, Page
from tokenbudget_server.web.pools import Pools
from tokenbudget_server.web.scope import Scope

_Request = Request[Any, Any, Any]
_LIMIT = 20


class AnalyticsController(Controller):
    """Questions about usage and cost, in all projects that the caller may see.

    Each is answered in a thread of the pool for questions, within limits (`tokenbudget_server.analytics.bounds`).
    """

    path = "/api/analytics"
    tags = ["analytics"]  # noqa: RUF012 - Litestar's way
    opt = {"needs": "read", "also_as": ARROW, "etag": True}  # noqa: RUF012

    @get("/summary", parameters=QUESTION)
    async def summary(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> SummaryAnswer:
        """Sum up a period and the one before it."""
        query = read_query(request.query_params)
        return await replies.reply(request, question_scope, source, query, answers.summary, analytics.summary)  # type: ignore[return-value]

    @get("/timeseries", parameters=[*SPLIT, BY, INTERVAL])
    async def timeseries(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> TimeseriesAnswer:
        """Follow a period in buckets of time."""
        query = read_query(request.query_params)
        return await replies.reply(request, question_scope, source, query, answers.timeseries, analytics.timeseries)  # type: ignore[return-value]

    @get("/by-model", parameters=SPLIT)
    async def by_model(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByModelAnswer:
        """Split a period by model."""
        return await _by(replies, request, question_scope, source, "model")  # type: ignore[return-value]

    @get("/by-feature", parameters=SPLIT)
    async def by_feature(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByFeatureAnswer:
        """Split a period by the tag ``feature``."""
        return await _by(replies, request, question_scope, source, "feature")  # type: ignore[return-value]

    @get("/by-user", parameters=SPLIT)
    async def by_user(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByUserAnswer:
        """Split a period by end user, the tag ``user_id``."""
        return await _by(replies, request, question_scope, source, "user_id")  # type: ignore[return-value]

    @get("/by-member", parameters=SPLIT)
    async def by_member(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByMemberAnswer:
        """Split a period by the members who own the API keys."""
        query = read_query(request.query_params, default_limit=_LIMIT)
        return await replies.reply(request, question_scope, source, query, members.document, members.frame)  # type: ignore[return-value]

    @get("/by-project", parameters=SPLIT)
    async def by_project(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByProjectAnswer:
        """Split a period by project."""
        return await _by(replies, request, question_scope, source, "project")  # type: ignore[return-value]

    @get("/by-tag", parameters=[*SPLIT, KEY])
    async def by_tag(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByTagAnswer:
        """Split a period by the tag that ``key`` names."""
        key = request.query_params.get("key")
        if not key:
            raise QueryError("name the tag to split by, e.g. /api/analytics/by-tag?key=env")
        return await _by(replies, request, question_scope, source, f"tag.{key}")  # type: ignore[return-value]

    @get("/query", parameters=[*SPLIT, BY])
    async def query(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> ByTagAnswer:
        """Split a period by one or two dimensions or tags, e.g. ``?by=model&by=feature``."""
        return await _by(replies, request, question_scope, source)  # type: ignore[return-value]

    @get("/percentiles", parameters=[*QUESTION, BY, LEVEL, MEASURE, EXACT])
    async def percentiles(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies
    ) -> PercentilesAnswer:
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
        return await replies.reply(request, question_scope, source, read_query(parameters), document, frame)  # type: ignore[return-value]

    @get("/coverage", parameters=QUESTION)
    async def coverage(
        self, request: _Request, question_scope: Scope, source: PostgresLedger, replies: Replies, prices: Prices
    ) -> CoverageAnswer:
        """Say which charged calls have no price, why, and what to do; no rows where all have one."""
        query, (pricer, version) = read_query(request.query_params), await prices.current()
        document, frame = partial(coverage.document, pricer=pricer), partial(coverage.coverage, pricer=pricer)
        also = version, this_minute()
        return await replies.reply(request, question_scope, source, query, document, frame, also=also)  # type: ignore[return-value]


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
    request: _Request, engine: AsyncEngine, question_scope: Scope, source: PostgresLedger, pools: Pools
) -> Page[StoredEvent]:
    """List single events, newest first, page by page: ``next`` is the ``cursor`` of the following page.

    As Arrow, all events come in one stream; with ``limit``, a page of so many, and the cursor of the following one in
    the header ``X-Next-Cursor``.
    """
    parameters, caller = request.query_params, question_scope.actor.id
    query, cursor = read_query(parameters), parameters.get("cursor")
    check_query(query)
    if wants_arrow(request):
        return await _events_as_arrow(request, source, query, cursor, caller, pools)  # type: ignore[return-value]
    asks_names = query.filters.keys() & SENDERS
    names = await run_for(request, pools.questions.run, source.names, caller=caller) if asks_names else Names()
    page = asyncio.ensure_future(list_events(engine, question_scope, query, names, cursor))
    return await while_connected(request, page)


async def _events_as_arrow(
    request: _Request, source: PostgresLedger, query: Query, cursor: str | None, caller: str | None, pools: Pools
) -> Response[bytes] | Stream:
    headers = {"Vary": "Accept, Authorization"}
    if query.limit is None and cursor is None:
        pieces = await send_events(request, pools.streams, source, query, caller)
        return FrameStream(pieces, headers=headers)
    page = partial(list_page, source, query, cursor)
    body, following = await run_for(request, pools.questions.run, page, caller=caller)
    if following is not None:
        headers[NEXT_HEADER] = following
    return Response(body, headers=headers, media_type=ARROW)


async def _by(
    replies: Replies, request: _Request, scope: Scope, source: PostgresLedger, *names: str
) -> Response[bytes]:
    query = read_query(request.query_params, names, _LIMIT)
    return await replies.reply(request, scope, source, query, answers.by, analytics.by)
