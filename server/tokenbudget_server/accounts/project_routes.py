"""``/api/projects``: projects, their keys and who belongs to them."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import Parameter
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.projects import Projects
from tokenbudget_server.accounts.queries import list_keys, list_projects
from tokenbudget_server.accounts.schemas import (
    Key,
    KeyRequest,
    KeyWithText,
    Project,
    ProjectChange,
    ProjectRequest,
    TeamMember,
)
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.web.authorization import ANY_CREDENTIAL, MANAGE_TEAM
from tokenbudget_server.web.concurrency import IfMatch, with_etag
from tokenbudget_server.web.pagination import DEFAULT_PAGE, LARGEST_PAGE, Page, PageCursor, PageSize, page_or_rows
from tokenbudget_server.web.scope import Scope

_Archived = Annotated[bool, Parameter(description="Whether those that are archived are listed too")]


class ProjectsController(Controller):
    """Projects."""

    path = "/api/projects"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/", needs=ANY_CREDENTIAL)
    async def projects(
        self,
        request: Request[Any, Any, Any],
        engine: AsyncEngine,
        caller_scope: Scope,
        cursor: PageCursor = None,
        limit: PageSize = LARGEST_PAGE,
        archived: _Archived = False,  # noqa: FBT002 - a parameter of the URL
    ) -> Page[Project]:
        """List the projects you may see, by name, page by page; for a key of an application, the one that it is for."""
        page = await list_projects(engine, caller_scope, cursor, limit, archived=archived)
        return page_or_rows(request, page)  # type: ignore[return-value]

    @post("/", needs=MANAGE_TEAM, problems=(404, 409))
    async def create_project(self, data: ProjectRequest, caller_scope: Scope, projects: Projects) -> Response[Project]:
        """Make a project of a team."""
        return with_etag(await projects.create(caller_scope, data), 201)

    @get("/{project_id:int}", needs=ANY_CREDENTIAL)
    async def project(self, project_id: int, caller_scope: Scope, projects: Projects) -> Response[Project]:
        """Return a project."""
        del caller_scope  # It holds the project, or there was none.
        return with_etag(await projects.read(project_id))

    @patch("/{project_id:int}", needs=MANAGE_TEAM, problems=(409, 412))
    async def change_project(
        self,
        project_id: int,
        data: ProjectChange,
        caller_scope: Scope,
        projects: Projects,
        if_match: IfMatch = None,
    ) -> Response[Project]:
        """Change a project; with ``archived: false``, lists have it again."""
        return with_etag(await projects.change(caller_scope, project_id, data, if_match))

    @delete("/{project_id:int}", needs=MANAGE_TEAM, problems=(412,))
    async def archive_project(
        self, project_id: int, caller_scope: Scope, projects: Projects, if_match: IfMatch = None
    ) -> None:
        """Archive a project: lists leave it out. It still takes events, so that none is lost."""
        await projects.change(caller_scope, project_id, ProjectChange(archived=True), if_match)

    @get("/{project_id:int}/keys", needs="admin")
    async def project_keys(
        self,
        project_id: int,
        engine: AsyncEngine,
        caller_scope: Scope,
        cursor: PageCursor = None,
        limit: PageSize = DEFAULT_PAGE,
    ) -> Page[Key]:
        """List the project's keys that you may see, newest first, page by page."""
        return await list_keys(engine, caller_scope, cursor, limit, project_id=project_id)

    @post("/{project_id:int}/keys", needs="admin")
    async def create_key(
        self, project_id: int, data: KeyRequest, caller_scope: Scope, accounts: Accounts
    ) -> KeyWithText:
        """Make a key for a project: one that sends events and does nothing else, unless ``scopes`` says otherwise."""
        return await accounts.create_key(caller_scope, project_id, data)

    @get("/{project_id:int}/members", needs="admin")
    async def project_members(
        self,
        project_id: int,
        caller_scope: Scope,
        projects: Projects,
        cursor: PageCursor = None,
        limit: PageSize = DEFAULT_PAGE,
    ) -> Page[TeamMember]:
        """List who belongs to the project's team, page by page; owners and admins of the organisation see it too."""
        del caller_scope  # It holds the project, or there was none.
        return await projects.members(project_id, cursor, limit)
