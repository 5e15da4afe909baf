"""Questions about usage and cost as a feature of the API."""

from __future__ import annotations

from litestar.di import Provide

from tokenbudget_server.analytics.conditional import AnswerCache, Replies
from tokenbudget_server.analytics.routes import AnalyticsController, ProjectAnalyticsController, get_events
from tokenbudget_server.analytics.source import provide_source
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.web.features import Dependency, Feature


def feature(redis: RedisClient | None) -> Feature:
    """Make the feature."""
    return Feature(
        name="analytics",
        description="Questions about usage and cost, as JSON or as Arrow.",
        routes=[AnalyticsController, ProjectAnalyticsController, get_events],
        dependencies={
            "replies": Dependency.of(Replies(AnswerCache(redis))),
            "source": Dependency(provide=Provide(provide_source)),
        },
    )
