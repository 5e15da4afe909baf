"""``/api/projects`` and ``/api/keys``."""

from __future__ import annotations

from litestar import Controller, delete, get, post
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.queries import list_keys, list_projects
from tokenbudget_server.accounts.schemas import Key, KeyRequest, KeyWithText, Project
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.web.pagination import LARGEST_PAGE, Page, PageCursor, PageSize
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope


class AccountsController(Controller):
    """Projects and keys."""

    path = "/api"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/projects")
    async def projects(
        self, engine: AsyncEngine, caller_scope: Scope, cursor: PageCursor = None, limit: PageSize = LARGEST_PAGE
    ) -> Page[Project]:
        """List the projects you may see, by name, page by page."""
        return await list_projects(engine, caller_scope, cursor, limit)

    @post("/projects/{project_id:int}/keys")
    async def create_key(
        self, project_id: int, data: KeyRequest, caller_scope: Scope, accounts: Accounts
    ) -> KeyWithText:
        """Make a key for a project."""
        return await accounts.create_key(caller_scope, project_id, data.name)

    @get("/keys")
    async def keys(
        self, engine: AsyncEngine, caller_scope: Scope, cursor: PageCursor = None, limit: PageSize = LARGEST_PAGE
    ) -> Page[Key]:
        """List the keys you may see, newest first, page by page."""
        return await list_keys(engine, caller_scope, cursor, limit)

    @delete("/keys/{key_id:int}")
    async def revoke_key(self, key_id: int, caller_scope: Scope, accounts: Accounts) -> None:
        """Revoke a key; it is refused everywhere from now on."""
        if not await accounts.revoke_key(caller_scope, key_id):
            raise ProblemError(404, f"there is no key {key_id} that your key may manage")
