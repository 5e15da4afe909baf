"""Questions about usage and cost as a feature of the API."""

from __future__ import annotations

from litestar.di import Provide

from tokenbudget_server.analytics.conditional import AnswerCache, Replies
from tokenbudget_server.analytics.routes import AnalyticsController, ProjectAnalyticsController, get_events
from tokenbudget_server.analytics.source import provide_source
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.ledger.memory_budget import MemoryBudget, of_this_machine
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.pools import Pools


def feature(settings: Settings, redis: RedisClient | None, pools: Pools) -> Feature:
    """Make the feature."""
    memory = of_this_machine() if settings.memory_size is None else MemoryBudget(settings.memory_size)
    return Feature(
        name="analytics",
        description="Questions about usage and cost, as JSON or as Arrow.",
        routes=[AnalyticsController, ProjectAnalyticsController, get_events],
        dependencies={
            "replies": Dependency.of(Replies(AnswerCache(redis), pools, memory)),
            "memory": Dependency.of(memory),
            "source": Dependency(provide=Provide(provide_source)),
        },
    )
