"""``GET /api/analytics/…`` and ``/api/events``: read the question, have it answered, send the answer as it is."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from litestar import Controller, Request, Response, get
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget import analytics
from tokenbudget.analytics import answers, coverage
from tokenbudget.core.errors import QueryError
from tokenbudget.pricing import Pricer
from tokenbudget_server.analytics.events import EventsPage, list_events, list_frame
from tokenbudget_server.analytics.parameters import read_levels, read_query
from tokenbudget_server.analytics.replies import ARROW, Replies, arrow, wants_arrow
from tokenbudget_server.analytics.schemas import (
    ByFeatureAnswer,
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

_Request = Request[Any, Any, Any]
_LIMIT = 20


class AnalyticsController(Controller):
    """Questions about usage and cost.

    Each runs in a thread: polars computes outside the event loop.
    """

    path = "/api/analytics"
    tags = ["analytics"]  # noqa: RUF012 - Litestar's way

    @get("/summary", sync_to_thread=True)
    def summary(self, request: _Request, source: PostgresLedger, replies: Replies) -> SummaryAnswer:
        """Sum up a period and the one before it."""
        query = read_query(request.query_params)
        return replies.reply(request, source, query, answers.summary, analytics.summary)  # type: ignore[return-value]

    @get("/timeseries", sync_to_thread=True)
    def timeseries(self, request: _Request, source: PostgresLedger, replies: Replies) -> TimeseriesAnswer:
        """Follow a period in buckets of time."""
        query = read_query(request.query_params)
        return replies.reply(request, source, query, answers.timeseries, analytics.timeseries)  # type: ignore[return-value]

    @get("/by-model", sync_to_thread=True)
    def by_model(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByModelAnswer:
        """Split a period by model."""
        return _by(replies, request, source, "model")  # type: ignore[return-value]

    @get("/by-feature", sync_to_thread=True)
    def by_feature(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByFeatureAnswer:
        """Split a period by the tag ``feature``."""
        return _by(replies, request, source, "feature")  # type: ignore[return-value]

    @get("/by-user", sync_to_thread=True)
    def by_user(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByUserAnswer:
        """Split a period by end user, the tag ``user_id``."""
        return _by(replies, request, source, "user_id")  # type: ignore[return-value]

    @get("/by-project", sync_to_thread=True)
    def by_project(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByProjectAnswer:
        """Split a period by project."""
        return _by(replies, request, source, "project")  # type: ignore[return-value]

    @get("/by-tag", sync_to_thread=True)
    def by_tag(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByTagAnswer:
        """Split a period by the tag that ``key`` names."""
        key = request.query_params.get("key")
        if not key:
            raise QueryError("name the tag to split by, e.g. /api/analytics/by-tag?key=env")
        return _by(replies, request, source, f"tag.{key}")  # type: ignore[return-value]

    @get("/query", sync_to_thread=True)
    def query(self, request: _Request, source: PostgresLedger, replies: Replies) -> ByTagAnswer:
        """Split a period by one or two dimensions or tags, e.g. ``?by=model&by=feature``."""
        return _by(replies, request, source)  # type: ignore[return-value]

    @get("/percentiles", sync_to_thread=True)
    def percentiles(self, request: _Request, source: PostgresLedger, replies: Replies) -> PercentilesAnswer:
        """Give percentiles of cost and time per call; ``level`` (0 to 1) says which."""
        query, levels = read_query(request.query_params), read_levels(request.query_params)
        document, frame = partial(answers.percentiles, levels=levels), partial(analytics.percentiles, levels=levels)
        return replies.reply(request, source, query, document, frame)  # type: ignore[return-value]

    @get("/coverage", sync_to_thread=True)
    def coverage(self, request: _Request, source: PostgresLedger, pricer: Pricer) -> CoverageAnswer:
        """Say which charged calls have no price, why, and what to do; no rows where all have one."""
        return coverage.document(source, read_query(request.query_params), pricer)  # type: ignore[return-value]


@get("/api/events", tags=["analytics"])
async def get_events(
    request: _Request, engine: AsyncEngine, project_ids: list[int], source: PostgresLedger
) -> EventsPage:
    """List single events, newest first, page by page: ``next`` is the ``cursor`` of the following page.

    As Arrow, the cursor comes in the header ``X-Next-Cursor``.
    """
    parameters = request.query_params
    query, cursor = read_query(parameters), parameters.get("cursor")
    if not wants_arrow(request):
        return await list_events(engine, project_ids, query, cursor)
    frame, following = await asyncio.to_thread(list_frame, source, query, cursor)
    headers = {"Vary": "Accept, Authorization", **({"X-Next-Cursor": following} if following else {})}
    return Response(arrow(frame), headers=headers, media_type=ARROW)  # type: ignore[return-value]


def _by(replies: Replies, request: _Request, source: PostgresLedger, *names: str) -> Response[bytes]:
    query = read_query(request.query_params, names, _LIMIT)
    return replies.reply(request, source, query, answers.by, analytics.by)
