"""``/api/keys``: API keys; those of one project are at ``/api/projects/{id}/keys``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, post
from litestar.params import Parameter
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.queries import list_keys
from tokenbudget_server.accounts.rotation import Rotation
from tokenbudget_server.accounts.schemas import Key, RotatedKey, RotateRequest
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.db.tables import api_keys
from tokenbudget_server.web.authorization import ANY_CREDENTIAL
from tokenbudget_server.web.pagination import LARGEST_PAGE, Page, PageCursor, PageSize, page_or_rows
from tokenbudget_server.web.parameters import LARGEST_ID
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_IdempotencyKey = Annotated[
    str | None, Parameter(header="Idempotency-Key", min_length=1, max_length=200, description="Names the request")
]
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_PUBLIC_ID = re.compile(r"key_[0-9a-f]{32}")


class KeysController(Controller):
    """Keys."""

    path = "/api"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/keys", needs=ANY_CREDENTIAL)
    async def keys(
        self,
        request: Request[Any, Any, Any],
        engine: AsyncEngine,
        caller_scope: Scope,
        cursor: PageCursor = None,
        limit: PageSize = LARGEST_PAGE,
    ) -> Page[Key]:
        """List the keys you may see, newest first, page by page; a key without the scope `admin` sees itself."""
        return page_or_rows(request, await list_keys(engine, caller_scope, cursor, limit))  # type: ignore[return-value]

    @post("/keys/{key_id:str}/rotate", needs="admin")
    async def rotate_key(
        self,
        key_id: str,
        data: RotateRequest,
        caller_scope: Scope,
        rotation: Rotation,
        idempotency_key: _IdempotencyKey = None,
    ) -> RotatedKey:
        """Make a key in place of another, which goes on for a while so that whoever uses it can change over.

        A request that is sent again with the same ``Idempotency-Key`` makes no further key, and its answer has no text.
        """
        grace, named = timedelta(seconds=data.grace_seconds), _named(key_id)
        if named is not None:
            found = await rotation.rotate(caller_scope, named & caller_scope.keys(), grace, idempotency_key)
            if found is not None:
                return found
        raise ProblemError(404, f"there is no living key {key_id[:64]} that you may manage")

    @delete("/keys/self", needs=ANY_CREDENTIAL, problems=(400,))
    async def revoke_own_key(self, caller_scope: Scope, accounts: Accounts) -> None:
        """Revoke the key that the request comes with: whoever finds a leaked one can end it."""
        if caller_scope.actor.kind != "key":
            raise ProblemError(400, "this revokes the API key that the request comes with, and there is none")
        await accounts.revoke_key(caller_scope, api_keys.c.public_id == caller_scope.actor.id)

    @delete("/keys/{key_id:str}", needs="admin")
    async def revoke_key(self, key_id: str, caller_scope: Scope, accounts: Accounts) -> None:
        """Revoke a key, named by ``id`` or ``public_id``; it is refused everywhere from now on."""
        named = _named(key_id)
        if named is None or not await accounts.revoke_key(caller_scope, named & caller_scope.keys()):
            raise ProblemError(404, f"there is no key {key_id[:64]} that you may manage")


def _named(key_id: str) -> ColumnElement[bool] | None:
    """Return the condition for the key that a path names; None where nothing can have that name."""
    if _PUBLIC_ID.fullmatch(key_id):
        return api_keys.c.public_id == key_id
    if _NUMBER.fullmatch(key_id) and int(key_id) <= LARGEST_ID:
        return api_keys.c.id == int(key_id)
    return None
