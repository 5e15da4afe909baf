"""``/api/projects`` and ``/api/keys``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post

from tokenbudget_server.accounts.service import Accounts, Key, Project
from tokenbudget_server.web.pagination import LARGEST_PAGE, NEXT, Keyset, PageCursor, PageSize, as_array
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_PROJECTS: Keyset[Project, tuple[str, int]] = Keyset("projects", tuple[str, int], lambda one: (one.name, one.id))
_KEYS: Keyset[Key, tuple[int]] = Keyset("keys", tuple[int], lambda key: (-key.id,))


class KeyRequest(msgspec.Struct, frozen=True):
    """A key to be made."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class KeyWithText(msgspec.Struct, frozen=True):
    """A key just made; `text` is shown this once."""

    key: Key
    text: str


class AccountsController(Controller):
    """Projects and keys."""

    path = "/api"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/projects", response_headers=[NEXT])
    async def projects(
        self, caller_scope: Scope, accounts: Accounts, cursor: PageCursor = None, limit: PageSize = LARGEST_PAGE
    ) -> Response[list[Project]]:
        """List the projects you may see, by name."""
        found = await accounts.projects(caller_scope)
        return as_array(_PROJECTS.page(_PROJECTS.after(found, cursor), limit))

    @post("/projects/{project_id:int}/keys")
    async def create_key(
        self, project_id: int, data: KeyRequest, caller_scope: Scope, accounts: Accounts
    ) -> KeyWithText:
        """Make a key for a project."""
        created = await accounts.create_key(caller_scope, project_id, data.name)
        return KeyWithText(created.key, created.text)

    @get("/keys", response_headers=[NEXT])
    async def keys(
        self, caller_scope: Scope, accounts: Accounts, cursor: PageCursor = None, limit: PageSize = LARGEST_PAGE
    ) -> Response[list[Key]]:
        """List the keys you may see, newest first."""
        found = await accounts.keys(caller_scope)
        return as_array(_KEYS.page(_KEYS.after(found, cursor), limit))

    @delete("/keys/{key_id:int}")
    async def revoke_key(self, key_id: int, caller_scope: Scope, accounts: Accounts) -> None:
        """Revoke a key; it is refused everywhere from now on."""
        if not await accounts.revoke_key(caller_scope, key_id):
            raise ProblemError(404, f"there is no key {key_id} that your key may manage")
