"""The server: a list of features on shared services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from litestar import Litestar
from litestar.datastructures import State
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts import feature as accounts
from tokenbudget_server.analytics import feature as analytics
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.db.engines import Engines
from tokenbudget_server.db.installation import installation_id
from tokenbudget_server.health import feature as health
from tokenbudget_server.ingest import feature as ingest
from tokenbudget_server.jobs.outbox import Dispatcher
from tokenbudget_server.jobs.partitions import maintenance_job
from tokenbudget_server.jobs.periodic import PeriodicJobs
from tokenbudget_server.pricing import feature as pricing
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.settings import Settings, read_settings
from tokenbudget_server.waitlist import feature as waitlist
from tokenbudget_server.web import static_site
from tokenbudget_server.web.bodies import LARGEST_BODY, TimedRequest
from tokenbudget_server.web.boundary import Boundary
from tokenbudget_server.web.credentials import Credentials
from tokenbudget_server.web.decimal_response import ExactResponse
from tokenbudget_server.web.features import Dependency, Feature, Lifespan
from tokenbudget_server.web.openapi_descriptions import Documented, describe
from tokenbudget_server.web.openapi_schemas import DecimalSchemas, StructSchemas
from tokenbudget_server.web.pools import Pools
from tokenbudget_server.web.problems import Problems
from tokenbudget_server.web.route_checks import IdsInPaths, check_request


def create_app(settings: Settings | None = None) -> Litestar:
    """Make the application.

    The database must have been migrated (`tokenbudget_server.db.migrate`).

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
    engines = Engines.of(settings.database)
    engine = engines.requests
    redis = RedisClient(settings.redis_url, partial(installation_id, engine)) if settings.redis_url else None
    rate_limits = RateLimits(redis)
    pools = Pools()
    prices = Prices(engines.ingest, settings.home, pools.books)
    features = [
        _services(settings, engines, redis, pools, rate_limits),
        health.feature(engines.health, redis, prices.load),
        accounts.feature(settings, engines, redis, pools, rate_limits),
        ingest.feature(settings, prices, pools.decoding),
        analytics.feature(settings, redis, pools),
        pricing.feature(settings, engine, prices),
        waitlist.feature(engine),
        static_site.feature(),
    ]
    return mount(features, engines.jobs, proxies=settings.proxies, allowed_origins=settings.allowed_origins)


def mount(
    features: Sequence[Feature], engine: AsyncEngine, *, proxies: int = 0, allowed_origins: Sequence[str] = ()
) -> Litestar:
    """Make an application of features; their lifespans open in this order, and jobs run inside of them.

    Parameters
    ----------
    features : sequence of Feature
    engine : AsyncEngine
        For the jobs.
    proxies : int
        Proxies of ours that a request passes.
    allowed_origins : sequence of str
        Origins whose pages may read answers.
    """
    handlers = {topic: handler for feature in features for topic, handler in feature.handlers.items()}
    jobs = [job for feature in features for job in feature.jobs] + Dispatcher(engine, handlers).jobs
    background = PeriodicJobs(engine, jobs)
    lifespans = [lifespan for feature in features for lifespan in feature.lifespans]
    dependencies = {name: each for feature in features for name, each in feature.dependencies.items()}
    dependencies["jobs"] = Dependency.of(background)
    problems = Problems({error: kind for feature in features for error, kind in feature.problems.items()})
    credentials = Credentials(dependencies)
    application = Litestar(
        route_handlers=[route for feature in features for route in feature.routes],
        request_class=TimedRequest,
        request_max_body_size=LARGEST_BODY,
        response_class=ExactResponse,
        dependencies={name: credentials.provide(name, each) for name, each in dependencies.items()},
        before_request=check_request,
        guards=[guard for feature in features for guard in feature.guards],
        exception_handlers={Exception: problems},
        lifespan=[partial(_open, [*lifespans, background.running])],
        plugins=[
            StructSchemas(),
            DecimalSchemas(),
            IdsInPaths(),
            credentials,
            Documented(dependencies, problems.types),
        ],
        openapi_config=describe(features, problems.types),
        state=State({"proxies": proxies}),
        logging_config=None,
    )
    application.asgi_handler = Boundary(application.asgi_handler, allowed_origins)
    return application


@asynccontextmanager
async def _open(lifespans: Sequence[Lifespan], _: Litestar) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for lifespan in lifespans:
            await stack.enter_async_context(lifespan())
        yield


def _services(
    settings: Settings, engines: Engines, redis: RedisClient | None, pools: Pools, rate_limits: RateLimits
) -> Feature:
    """Make what all features share a feature itself: connections, pools of threads, and the care for the tables."""

    @asynccontextmanager
    async def connected() -> AsyncIterator[None]:
        if redis is not None:
            redis.open()
        try:
            yield
        finally:
            pools.close()
            if redis is not None:
                await redis.close()
            await engines.dispose()

    maintenance = maintenance_job(engines.jobs, settings.retention)
    return Feature(
        name="services",
        dependencies={
            "engine": Dependency.of(engines.requests),
            "pools": Dependency.of(pools),
            "settings": Dependency.of(settings),
            "rate_limits": Dependency.of(rate_limits, problems=(429,)),
        },
        lifespans=[connected],
        jobs=[maintenance] if redis is None else [maintenance, redis.job],
    )
