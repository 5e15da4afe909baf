"""``GET /api/analytics/…`` and ``/api/events``: read the question, have it answered, send the answer as it is."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.analytics import answers, coverage
from tokenbudget.core.errors import QueryError
from tokenbudget.pricing import Pricer
from tokenbudget_server.analytics.events import EventsPage, list_events
from tokenbudget_server.analytics.parameters import read_levels, read_query
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
    def summary(self, request: _Request, source: PostgresLedger) -> SummaryAnswer:
        """Sum up a period and the one before it."""
        return answers.summary(source, read_query(request.query_params))  # type: ignore[return-value]

    @get("/timeseries", sync_to_thread=True)
    def timeseries(self, request: _Request, source: PostgresLedger) -> TimeseriesAnswer:
        """Follow a period in buckets of time."""
        return answers.timeseries(source, read_query(request.query_params))  # type: ignore[return-value]

    @get("/by-model", sync_to_thread=True)
    def by_model(self, request: _Request, source: PostgresLedger) -> ByModelAnswer:
        """Split a period by model."""
        return _by(request, source, "model")  # type: ignore[return-value]

    @get("/by-feature", sync_to_thread=True)
    def by_feature(self, request: _Request, source: PostgresLedger) -> ByFeatureAnswer:
        """Split a period by the tag ``feature``."""
        return _by(request, source, "feature")  # type: ignore[return-value]

    @get("/by-user", sync_to_thread=True)
    def by_user(self, request: _Request, source: PostgresLedger) -> ByUserAnswer:
        """Split a period by end user, the tag ``user_id``."""
        return _by(request, source, "user_id")  # type: ignore[return-value]

    @get("/by-project", sync_to_thread=True)
    def by_project(self, request: _Request, source: PostgresLedger) -> ByProjectAnswer:
        """Split a period by project."""
        return _by(request, source, "project")  # type: ignore[return-value]

    @get("/by-tag", sync_to_thread=True)
    def by_tag(self, request: _Request, source: PostgresLedger) -> ByTagAnswer:
        """Split a period by the tag that ``key`` names."""
        key = request.query_params.get("key")
        if not key:
            raise QueryError("name the tag to split by, e.g. /api/analytics/by-tag?key=env")
        return _by(request, source, f"tag.{key}")  # type: ignore[return-value]

    @get("/query", sync_to_thread=True)
    def query(self, request: _Request, source: PostgresLedger) -> ByTagAnswer:
        """Split a period by one or two dimensions or tags, e.g. ``?by=model&by=feature``."""
        return _by(request, source)  # type: ignore[return-value]

    @get("/percentiles", sync_to_thread=True)
    def percentiles(self, request: _Request, source: PostgresLedger) -> PercentilesAnswer:
        """Give percentiles of cost and time per call; ``level`` (0 to 1) says which."""
        query, levels = read_query(request.query_params), read_levels(request.query_params)
        return answers.percentiles(source, query, levels)  # type: ignore[return-value]

    @get("/coverage", sync_to_thread=True)
    def coverage(self, request: _Request, source: PostgresLedger, pricer: Pricer) -> CoverageAnswer:
        """Say which charged calls have no price, why, and what to do; no rows where all have one."""
        return coverage.document(source, read_query(request.query_params), pricer)  # type: ignore[return-value]


@get("/api/events", tags=["analytics"])
async def get_events(request: _Request, engine: AsyncEngine, project_ids: list[int]) -> EventsPage:
    """List single events, newest first, page by page: ``next`` is the ``cursor`` of the following page."""
    parameters = request.query_params
    return await list_events(engine, project_ids, read_query(parameters), parameters.get("cursor"))


def _by(request: _Request, source: PostgresLedger, *names: str) -> answers.Document:
    return answers.by(source, read_query(request.query_params, names, _LIMIT))
