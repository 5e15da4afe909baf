"""The server: a list of features on shared services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Tag
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tokenbudget import __version__
from tokenbudget_server.accounts import feature as accounts
from tokenbudget_server.accounts.cache import KeyCache, MemoryKeyCache, RedisKeyCache
from tokenbudget_server.analytics import feature as analytics
from tokenbudget_server.analytics.conditional import answer_cache
from tokenbudget_server.health import feature as health
from tokenbudget_server.ingest import feature as ingest
from tokenbudget_server.jobs.outbox import Dispatcher
from tokenbudget_server.jobs.periodic import Periodic, PeriodicJobs
from tokenbudget_server.pricing import feature as pricing
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.settings import Settings, read_settings
from tokenbudget_server.store.locks import MAINTENANCE
from tokenbudget_server.store.maintenance import DELAY, EVERY, maintain_now
from tokenbudget_server.store.url import sqlalchemy_url
from tokenbudget_server.web import static_site
from tokenbudget_server.web.decimal_response import ExactResponse
from tokenbudget_server.web.features import Dependency, Feature, Lifespan
from tokenbudget_server.web.openapi_descriptions import Documented, problem_table
from tokenbudget_server.web.openapi_schemas import DecimalSchemas, StructSchemas
from tokenbudget_server.web.problems import Problems


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
    cache = _key_cache(settings)
    prices = Prices(engine, settings.home)

    @asynccontextmanager
    async def shared() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await cache.close()
            await engine.dispose()

    maintenance = Periodic(
        name="maintain-tables",
        every=EVERY,
        delay=DELAY,
        run=partial(maintain_now, engine, settings.retention),
        lock=MAINTENANCE,
    )
    services = Feature(
        name="services",
        dependencies={"engine": Dependency.of(engine), "settings": Dependency.of(settings)},
        lifespans=[shared],
        jobs=[maintenance],
    )
    return mount(
        [
            services,
            health.feature(),
            accounts.feature(settings, engine, cache),
            ingest.feature(settings, prices),
            analytics.feature(answer_cache(settings.redis_url)),
            pricing.feature(settings, engine, prices),
            static_site.feature(),
        ],
        engine,
    )


def mount(features: Sequence[Feature], engine: AsyncEngine) -> Litestar:
    """Make an application of features; their lifespans open in this order, and jobs run inside of them."""
    dispatcher = Dispatcher(
        engine, {topic: handle for feature in features for topic, handle in feature.handlers.items()}
    )
    jobs = PeriodicJobs(engine, [*(job for feature in features for job in feature.jobs), *dispatcher.jobs])
    lifespans = [*(lifespan for feature in features for lifespan in feature.lifespans), jobs.running]
    dependencies = {name: each for feature in features for name, each in feature.dependencies.items()}
    dependencies["jobs"] = Dependency.of(jobs)
    problems = Problems({error: kind for feature in features for error, kind in feature.problems.items()})
    schemes = {name: scheme for feature in features for name, scheme in feature.security.items()}
    return Litestar(
        route_handlers=[route for feature in features for route in feature.routes],
        response_class=ExactResponse,
        dependencies={name: each.provide for name, each in dependencies.items()},
        exception_handlers={Exception: problems},
        lifespan=[partial(_open, lifespans)],
        plugins=[StructSchemas(), DecimalSchemas(), Documented(dependencies, problems.types)],
        openapi_config=OpenAPIConfig(
            title="TokenBudget",
            version=__version__,
            description="What is refused is answered with problem details (RFC 9457).\n\n"
            + problem_table(problems.types),
            path="/schema",
            components=Components(security_schemes={**schemes}),
            tags=[Tag(feature.name, feature.description) for feature in features if feature.description],
        ),
        logging_config=None,
    )


@asynccontextmanager
async def _open(lifespans: Sequence[Lifespan], _: Litestar) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for lifespan in lifespans:
            await stack.enter_async_context(lifespan())
        yield


def _key_cache(settings: Settings) -> KeyCache:
    if settings.redis_url is None:
        return MemoryKeyCache()
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    # It saves time and must never cost it: without an answer at once, the request goes on without Redis.
    once = Retry(NoBackoff(), 0)
    return RedisKeyCache(Redis.from_url(settings.redis_url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=once))
