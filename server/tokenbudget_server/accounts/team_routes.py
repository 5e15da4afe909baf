"""``/api/teams``: teams and who belongs to them."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.params import Parameter

from tokenbudget_server.accounts.schemas import RoleChange, Team, TeamMember, TeamRequest
from tokenbudget_server.accounts.teams import Teams
from tokenbudget_server.web.authorization import MANAGE, MANAGE_TEAM
from tokenbudget_server.web.concurrency import IfMatch, with_etag
from tokenbudget_server.web.pagination import DEFAULT_PAGE, Page, PageCursor, PageSize
from tokenbudget_server.web.parameters import LARGEST_ID
from tokenbudget_server.web.scope import Scope

_Number = Annotated[int, Parameter(ge=1, le=LARGEST_ID)]


class TeamsController(Controller):
    """The teams of the caller's organisation."""

    path = "/api"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/teams", needs="admin")
    async def teams(
        self, caller_scope: Scope, teams: Teams, cursor: PageCursor = None, limit: PageSize = DEFAULT_PAGE
    ) -> Page[Team]:
        """List the teams you see, page by page."""
        return await teams.list(caller_scope, cursor, limit)

    @post("/teams", needs=MANAGE, problems=(409,))
    async def create_team(self, data: TeamRequest, caller_scope: Scope, teams: Teams) -> Response[Team]:
        """Make a team."""
        return with_etag(await teams.create(caller_scope, data.name), 201)

    @get("/teams/{team_id:int}", needs="admin")
    async def team(self, team_id: _Number, caller_scope: Scope, teams: Teams) -> Response[Team]:
        """Return a team."""
        return with_etag(await teams.read(caller_scope, team_id))

    @patch("/teams/{team_id:int}", needs=MANAGE, problems=(409, 412))
    async def rename_team(
        self, team_id: _Number, data: TeamRequest, caller_scope: Scope, teams: Teams, if_match: IfMatch = None
    ) -> Response[Team]:
        """Give a team another name."""
        return with_etag(await teams.rename(caller_scope, team_id, data.name, if_match))

    @delete("/teams/{team_id:int}", needs=MANAGE, problems=(409, 412))
    async def remove_team(self, team_id: _Number, caller_scope: Scope, teams: Teams, if_match: IfMatch = None) -> None:
        """Remove a team that has no projects."""
        await teams.remove(caller_scope, team_id, if_match)

    @get("/teams/{team_id:int}/members", needs="admin")
    async def team_members(
        self,
        team_id: _Number,
        caller_scope: Scope,
        teams: Teams,
        cursor: PageCursor = None,
        limit: PageSize = DEFAULT_PAGE,
    ) -> Page[TeamMember]:
        """List who belongs to a team, page by page."""
        return await teams.members(caller_scope, team_id, cursor, limit)

    @put("/teams/{team_id:int}/members/{user_id:int}", needs=MANAGE_TEAM, status_code=204)
    async def put_team_member(
        self, team_id: _Number, user_id: _Number, data: RoleChange, caller_scope: Scope, teams: Teams
    ) -> None:
        """Have a user join a team, who sees its projects at once; or give one another role there."""
        await teams.put_member(caller_scope, team_id, user_id, data.role)

    @delete("/teams/{team_id:int}/members/{user_id:int}", needs=MANAGE_TEAM)
    async def remove_team_member(self, team_id: _Number, user_id: _Number, caller_scope: Scope, teams: Teams) -> None:
        """Have a user leave a team, who sees its projects no longer."""
        await teams.remove_member(caller_scope, team_id, user_id)
