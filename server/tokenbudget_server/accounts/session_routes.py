"""``/api/sessions`` and ``/api/me``: signing in and out with a browser."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.routes import HTTPRoute
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.authentication import verify_key
from tokenbudget_server.accounts.cookies import TOKEN, cookies_for, make_cookie, refuse_foreign, token_of
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.queries import read_me
from tokenbudget_server.accounts.schemas import Me, OpenSession, Permission, SessionToken, SignIn, SignInCode
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.accounts.sessions import ABSOLUTE, TOKEN_LIFE, Owner
from tokenbudget_server.web.authorization import ANY_CREDENTIAL, OPEN, is_allowed, needs_of
from tokenbudget_server.web.client_address import address_of
from tokenbudget_server.web.pagination import Page
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_Request = Request[Any, Any, Any]
_NO_STORE = {"Cache-Control": "no-store"}


class SessionsController(Controller):
    """Sessions, and who asks."""

    path = "/api"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @post("/sessions", needs=OPEN, problems=(401, 403, 429, 503))
    async def sign_in(self, request: _Request, data: SignIn, accounts: Accounts) -> Response[OpenSession]:
        """Begin a session, and set its cookies.

        Requests with the cookie that change something carry the value of the cookie ``tokenbudget_csrf`` in the header
        ``X-CSRF-Token``.
        """
        refuse_foreign(request, needs_origin=False)
        return await begin_session(request, accounts, await _owner(request, data, accounts))

    @post("/sessions/tokens", needs=OPEN, problems=(401, 403, 429, 503))
    async def make_token(self, request: _Request, data: SignIn, accounts: Accounts) -> Response[SessionToken]:
        """Begin a session without a cookie, of twelve hours at most: for a page of another origin.

        It sends the token as ``Authorization: Bearer tb_st_…``, and may read answers if the server allows its origin.
        """
        owner = await _owner(request, data, accounts)
        token, expires_at = TOKEN + secrets.token_urlsafe(32), datetime.now(UTC) + TOKEN_LIFE
        address, agent = address_of(request), request.headers.get("user-agent")
        id_ = await accounts.sessions.begin(owner, token_of(token), address, agent, expires_at)
        return Response(SessionToken(id=id_, token=token, expires_at=expires_at), headers=_NO_STORE)

    @get("/sessions", needs="admin")
    async def sessions(self, caller_scope: Scope, accounts: Accounts) -> Page[OpenSession]:
        """List your open sessions, newest first."""
        actor = caller_scope.actor
        return Page(rows=await accounts.sessions.list(actor.user_id, actor.id), next=None)

    @delete("/sessions/current", needs=ANY_CREDENTIAL, problems=(400,))
    async def sign_out(self, caller_scope: Scope, accounts: Accounts) -> Response[None]:
        """End the session that the request comes with, and remove its cookies."""
        if caller_scope.actor.kind != "session":
            raise ProblemError(400, "this ends the session that the request comes with, and there is none")
        await accounts.sessions.end(caller_scope, caller_scope.actor.id or "")
        return Response(None, cookies=cookies_for(None, 0))

    @delete("/sessions/{session_id:str}", needs="admin")
    async def end_session(self, session_id: str, caller_scope: Scope, accounts: Accounts) -> None:
        """End one of your sessions."""
        if "\0" in session_id or not await accounts.sessions.end(caller_scope, session_id):
            raise ProblemError(404, f"you have no session {session_id[:64]}")

    @post("/sessions/codes", needs="admin")
    async def make_code(self, principal: Principal, caller_scope: Scope, accounts: Accounts) -> Response[SignInCode]:
        """Make a code that begins one session as you, within ten minutes: for ``/#code=…``."""
        return Response(await accounts.sessions.make_code(caller_scope, principal.root_key_id), headers=_NO_STORE)

    @get("/me", needs=ANY_CREDENTIAL)
    async def me(self, engine: AsyncEngine, principal: Principal) -> Me:
        """Say who asks, and what the credential is for."""
        return await read_me(engine, principal)

    @get("/me/permissions", needs=ANY_CREDENTIAL, sync_to_thread=False)
    def permissions(self, request: _Request, principal: Principal) -> list[Permission]:
        """Say of each route whether you may call it, so that pages show what the server allows."""
        return [
            Permission(
                method=method,
                path=route.path_format,
                allowed=is_allowed(principal, method, needs_of(handler.opt)),
            )
            for route in request.app.routes
            if isinstance(route, HTTPRoute)
            for method, (handler, _) in sorted(route.route_handler_map.items())
            if handler.resolve_include_in_schema()
        ]


async def begin_session(request: _Request, accounts: Accounts, owner: Owner) -> Response[OpenSession]:
    """Begin a session of a browser; answer with its cookies."""
    address, agent = address_of(request), request.headers.get("user-agent")
    cookie, now = make_cookie(request, secrets.token_urlsafe(32)), datetime.now(UTC)
    id_ = await accounts.sessions.begin(owner, cookie, address, agent)
    shown = OpenSession(id=id_, created_at=now, last_seen_at=now, address=address, user_agent=agent, is_current=True)
    seconds = int(ABSOLUTE.total_seconds())
    return Response(shown, headers=_NO_STORE, cookies=cookies_for(cookie, seconds))


async def _owner(request: _Request, asked: SignIn, accounts: Accounts) -> Owner:
    if asked.code is not None:
        return await accounts.sessions.by_code(asked.code, address_of(request))
    if asked.email is not None and asked.password is not None:
        return await accounts.sessions.by_password(asked.email, asked.password, address_of(request))
    if asked.api_key is None or not keys.is_key(asked.api_key.strip()):
        raise ProblemError(400, "send api_key (tb_ak_ and 32 characters of 0–9 and a–f), email and password, or code")
    principal = await verify_key(request, accounts, asked.api_key.strip())
    return Owner(principal.organisation_id, principal.user_id, principal.root_key_id)
