"""``/api/projects`` and ``/api/keys``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Controller, delete, get, post

from tokenbudget_server.accounts.service import Accounts, Key, Project
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope


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

    @get("/projects")
    async def projects(self, caller_scope: Scope, accounts: Accounts) -> list[Project]:
        """List the projects you may see, by name."""
        return await accounts.projects(caller_scope)

    @post("/projects/{project_id:int}/keys")
    async def create_key(
        self, project_id: int, data: KeyRequest, caller_scope: Scope, accounts: Accounts
    ) -> KeyWithText:
        """Make a key for a project."""
        created = await accounts.create_key(caller_scope, project_id, data.name)
        return KeyWithText(created.key, created.text)

    @get("/keys")
    async def keys(self, caller_scope: Scope, accounts: Accounts) -> Sequence[Key]:
        """List the keys you may see, newest first."""
        return await accounts.keys(caller_scope)

    @delete("/keys/{key_id:int}")
    async def revoke_key(self, key_id: int, caller_scope: Scope, accounts: Accounts) -> None:
        """Revoke a key; it is refused everywhere from now on."""
        if not await accounts.revoke_key(caller_scope, key_id):
            raise ProblemError(404, f"there is no key {key_id} that your key may manage")
