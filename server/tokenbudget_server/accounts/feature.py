"""Projects and keys as a feature of the API: who asks, and what they may see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Request
from litestar.di import Provide
from litestar.openapi.spec import SecurityScheme
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tokenbudget_server.accounts.admin import provide_admin
from tokenbudget_server.accounts.authentication import provide_principal
from tokenbudget_server.accounts.cache import MemoryKeyCache, RedisKeyCache
from tokenbudget_server.accounts.cookies import refuse_forged
from tokenbudget_server.accounts.invitation_routes import InvitationsController
from tokenbudget_server.accounts.invitations import Invitations
from tokenbudget_server.accounts.member_routes import MembersController
from tokenbudget_server.accounts.members import Members
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.project_routes import ProjectsController
from tokenbudget_server.accounts.projects import Projects
from tokenbudget_server.accounts.request_limits import RequestLimits
from tokenbudget_server.accounts.rotation import Rotation
from tokenbudget_server.accounts.routes import KeysController
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.accounts.session_routes import SessionsController
from tokenbudget_server.accounts.sessions import Sessions
from tokenbudget_server.accounts.team_routes import TeamsController
from tokenbudget_server.accounts.teams import Teams
from tokenbudget_server.accounts.verification import Verifier
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.db.engines import Engines
from tokenbudget_server.jobs.outbox import Handler, Message, enqueue
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.parameters import PROJECT
from tokenbudget_server.web.pools import Pools
from tokenbudget_server.web.scope import Scope, provide_question_scope, request_scope

_API_KEY = SecurityScheme(type="http", scheme="bearer", description="An API key, `tb_ak_…`.")
_SESSION = SecurityScheme(
    type="apiKey", name="tokenbudget_session", security_scheme_in="cookie", description="Set by `POST /api/sessions`."
)
_ADMIN_KEY = SecurityScheme(type="apiKey", name="X-Admin-Key", security_scheme_in="header")
_PROBLEMS = (401, 429, 503)
_FORGET_KEY = "accounts.forget-key"


def feature(
    settings: Settings, engines: Engines, redis: RedisClient | None, pools: Pools, rate_limits: RateLimits
) -> Feature:
    """Make the feature."""
    engine = engines.requests
    accounts, handlers = _accounts(engines, redis, pools, requires_sign_in=settings.requires_sign_in)
    invitations = Invitations(engine, accounts.sessions, pools.passwords)

    @asynccontextmanager
    async def noting() -> AsyncIterator[None]:
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):  # The database may have gone before.
                await accounts.last_used.write()

    async def provide_scope(request: Request[Any, Any, Any], principal: Principal) -> Scope:
        return await request_scope(engine, request, principal, shows_demo=settings.demo)

    return Feature(
        name="accounts",
        description="Projects, teams, users, API keys and sessions.",
        routes=[
            InvitationsController,
            KeysController,
            MembersController,
            ProjectsController,
            SessionsController,
            TeamsController,
        ],
        dependencies={
            "accounts": Dependency.of(accounts),
            "rotation": Dependency.of(Rotation(engine, accounts, pools.hashing)),
            "projects": Dependency.of(Projects(engine, accounts)),
            "invitations": Dependency.of(invitations),
            "teams": Dependency.of(Teams(engine, accounts)),
            "members": Dependency.of(Members(engine, accounts, pools.passwords)),
            "principal": Dependency(
                provide=Provide(provide_principal), problems=_PROBLEMS, security=["ApiKey", "Session"]
            ),
            "admin": Dependency(provide=Provide(provide_admin), problems=(403, 503), security=["AdminKey"]),
            "caller_scope": Dependency(provide=Provide(provide_scope)),
            "question_scope": Dependency(
                provide=Provide(provide_question_scope, sync_to_thread=False), problems=(400, 404), parameters=[PROJECT]
            ),
        },
        security={"ApiKey": _API_KEY, "AdminKey": _ADMIN_KEY, "Session": _SESSION},
        jobs=[accounts.last_used.job, accounts.sessions.job, invitations.job],
        guards=[refuse_forged, RequestLimits(rate_limits, settings.key_limit, settings.address_limit).admit],
        lifespans=[noting],
        handlers=handlers,
    )


def _accounts(
    engines: Engines, redis: RedisClient | None, pools: Pools, *, requires_sign_in: bool
) -> tuple[Accounts, dict[str, Handler]]:
    """Make the accounts with the memory of keys that fits the settings, and the handler of what it puts off."""
    cache = MemoryKeyCache() if redis is None else RedisKeyCache(redis)
    sessions, verifier = Sessions(engines.requests, pools.passwords), Verifier(engines.ingest, cache, pools.hashing)
    shared = engines.requests, cache, pools.hashing, sessions, verifier
    if not isinstance(cache, RedisKeyCache):
        return Accounts(*shared, requires_sign_in=requires_sign_in), {}

    def forget_later(connection: Connection, api_key_id: int) -> None:
        enqueue(connection, _FORGET_KEY, api_key_id)

    async def forget(message: Message) -> None:
        await cache.forget_shared(message.payload)

    accounts = Accounts(*shared, forget_later, requires_sign_in=requires_sign_in)
    return accounts, {_FORGET_KEY: forget}
