"""Who asks: found out from what a request came with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from litestar import Request

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.cookies import TOKEN, SessionCookie, read_cookie, read_token
from tokenbudget_server.accounts.local_user import find_local_user
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.web.authorization import authorize
from tokenbudget_server.web.cancellation import while_connected
from tokenbudget_server.web.client_address import address_of
from tokenbudget_server.web.problems import ProblemError

Credential = Callable[[Request[Any, Any, Any], Accounts], Awaitable[Principal | None]]
"""Finds the principal by one kind of credential: None where the request has none, 401 where it is not valid."""

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="TokenBudget"'}


async def by_api_key(request: Request[Any, Any, Any], accounts: Accounts) -> Principal | None:
    """Return the holder of the API key in the header ``Authorization``; raises what `verify_key` does."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text or text.strip().startswith(TOKEN):
        return None
    return await verify_key(request, accounts, text.strip())


async def verify_key(request: Request[Any, Any, Any], accounts: Accounts, text: str) -> Principal:
    """Return the holder of an API key.

    Raises
    ------
    ProblemError
        401 when the key is not valid, 429 when too many of its address were not.
    """
    if keys.is_key(text):
        known = await accounts.verifier.remembered(text)
        if known is not None and known.has_expired(datetime.now(UTC)):
            known = None
        # What is not known yet is hashed, and may wait for that.
        known = known or await _while_connected(request, accounts.verifier.verify(text, address_of(request)))
        if known:
            accounts.last_used.note(known.api_key_id)
            return known
    raise ProblemError(401, "the API key is not valid, or was revoked: make another one", headers=_CHALLENGE)


async def _while_connected(request: Request[Any, Any, Any], work: Awaitable[Principal | None]) -> Principal | None:
    """Wait as long as the client does.

    A request that may have a body is not watched: what is received meanwhile would be missed by its reader.
    """
    return await (while_connected(request, work) if request.method in _WITHOUT_BODY else work)


async def by_session(request: Request[Any, Any, Any], accounts: Accounts) -> Principal | None:
    """Return whose session the request's cookie proves.

    Raises
    ------
    ProblemError
        401 when it is over.
    """
    if (cookie := read_cookie(request)) is None:
        return None
    return await _session(request, accounts, cookie)


async def by_token(request: Request[Any, Any, Any], accounts: Accounts) -> Principal | None:
    """Return whose session the token in the header ``Authorization`` proves; raises what `by_session` does."""
    token = read_token(request)
    return None if token is None else await _session(request, accounts, token)


async def by_machine(request: Request[Any, Any, Any], accounts: Accounts) -> Principal | None:
    """Return the first owner, where nobody has to sign in; raises what `find_local_user` does."""
    return None if accounts.requires_sign_in else await find_local_user(request, accounts.engine)


async def _session(request: Request[Any, Any, Any], accounts: Accounts, proof: SessionCookie) -> Principal:
    if principal := await accounts.sessions.find(proof, address_of(request)):
        return principal
    raise ProblemError(401, "your session is over: sign in again", headers=_CHALLENGE)


CREDENTIALS: tuple[Credential, ...] = (by_api_key, by_token, by_machine, by_session)
"""The kinds there are, in the order in which they are looked for: a key counts before the cookie of a session."""


async def provide_principal(request: Request[Any, Any, Any], accounts: Accounts) -> Principal:
    """Return who sent the request, and may.

    Raises
    ------
    ProblemError
        401 when it has no credential, or one that is not valid; 403 when that is not for what the route does.
    """
    for credential in CREDENTIALS:
        if principal := await credential(request, accounts):
            try:
                authorize(principal, request.method, request.route_handler.opt)
            except ProblemError:
                await accounts.refusals.note(request, principal)
                raise
            return principal
    raise ProblemError(401, "sign in, or send your API key: Authorization: Bearer tb_ak_…", headers=_CHALLENGE)
