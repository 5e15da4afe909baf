"""The server: its parts put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from sqlalchemy.ext.asyncio import create_async_engine

from tokenbudget import __version__
from tokenbudget_server.accounts.admin import provide_admin
from tokenbudget_server.accounts.authentication import provide_principal
from tokenbudget_server.accounts.cache import KeyCache, MemoryKeyCache, RedisKeyCache
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.routes import AccountsController
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.analytics.conditional import Replies, answer_cache
from tokenbudget_server.analytics.routes import AnalyticsController, ProjectAnalyticsController, get_events
from tokenbudget_server.analytics.source import provide_source
from tokenbudget_server.health.routes import get_health
from tokenbudget_server.ingest.controllers import post_event, post_events
from tokenbudget_server.ingest.service import Ingest
from tokenbudget_server.pricing import admin_routes as pricing_admin
from tokenbudget_server.pricing.overrides import OwnPrices
from tokenbudget_server.pricing.prices import Prices, provide_pricer
from tokenbudget_server.pricing.routes import get_pricing, post_reprice
from tokenbudget_server.pricing.schedule import daily
from tokenbudget_server.pricing.sync import PriceSync
from tokenbudget_server.settings import Settings, read_settings
from tokenbudget_server.store.maintenance import maintained
from tokenbudget_server.store.url import sqlalchemy_url
from tokenbudget_server.store.writer import Writer
from tokenbudget_server.web.decimal_response import ExactResponse
from tokenbudget_server.web.openapi_descriptions import SECURITY, Documented
from tokenbudget_server.web.openapi_schemas import DecimalSchemas, StructSchemas
from tokenbudget_server.web.problems import answer_problem
from tokenbudget_server.web.scope import provide_question_scope, provide_scope
from tokenbudget_server.web.static_site import make_site


def create_app(settings: Settings | None = None) -> Litestar:
    """Make the application.

    The database must have been migrated (`tokenbudget_server.store.migrate`).

    Parameters
    ----------
    settings : Settings, optional
        Read from the environment when left out.

    Raises
    ------
    SettingsError
        If a setting is missing or cannot be used.
    """
    settings = settings or read_settings()
    engine = create_async_engine(sqlalchemy_url(settings.database), pool_pre_ping=True)
    writer = Writer(settings.database)
    cache = _key_cache(settings)
    accounts = Accounts(engine, cache)
    prices = Prices(engine, settings.home)
    own_prices = OwnPrices(engine, prices)
    price_sync = PriceSync(engine, prices, settings.price_url)
    replies = Replies(answer_cache(settings.redis_url))
    ingest = Ingest(writer, prices, settings.retention)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with maintained(settings.database, settings.retention):
            await writer.start()
            try:
                async with daily(engine, price_sync) if settings.syncs_prices else nullcontext():
                    yield
            finally:
                await writer.stop()
                await cache.close()
                await engine.dispose()

    def provide_ingest(principal: Principal) -> Ingest:  # noqa: ARG001
        # Who needs nothing of another is resolved beside it, in a task group: that costs more than both of them.
        return ingest

    return Litestar(
        route_handlers=[
            get_health,
            post_event,
            post_events,
            AccountsController,
            AnalyticsController,
            ProjectAnalyticsController,
            get_events,
            get_pricing,
            post_reprice,
            pricing_admin.post_sync_pricing,
            pricing_admin.get_price_changes,
            pricing_admin.get_price_overrides,
            pricing_admin.post_price_override,
            pricing_admin.delete_price_override,
            make_site(),
        ],
        response_class=ExactResponse,
        dependencies={
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "accounts": Provide(lambda: accounts, sync_to_thread=False),
            "ingest": Provide(provide_ingest, sync_to_thread=False),
            "own_prices": Provide(lambda: own_prices, sync_to_thread=False),
            "price_sync": Provide(lambda: price_sync, sync_to_thread=False),
            "prices": Provide(lambda: prices, sync_to_thread=False),
            "pricer": Provide(provide_pricer),
            "replies": Provide(lambda: replies, sync_to_thread=False),
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "admin": Provide(provide_admin),
            "principal": Provide(provide_principal),
            "question_scope": Provide(provide_question_scope, sync_to_thread=False),
            "caller_scope": Provide(provide_scope),
            "source": Provide(provide_source),
        },
        exception_handlers={Exception: answer_problem},
        lifespan=[lifespan],
        plugins=[StructSchemas(), DecimalSchemas(), Documented()],
        openapi_config=OpenAPIConfig(title="TokenBudget", version=__version__, path="/schema", components=SECURITY),
        logging_config=None,
    )


def _key_cache(settings: Settings) -> KeyCache:
    if settings.redis_url is None:
        return MemoryKeyCache()
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    # It saves time and must never cost it: without an answer at once, the request goes on without Redis.
    once = Retry(NoBackoff(), 0)
    return RedisKeyCache(Redis.from_url(settings.redis_url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=once))
