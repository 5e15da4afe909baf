"""``/api/users``: the members of the organisation; ``/api/audit``: what they did; and one's own password."""

from __future__ import annotations

from typing import Annotated, Any, cast

from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.di import Provide
from litestar.params import Parameter
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.audit_export import MEDIA_TYPE, as_csv
from tokenbudget_server.accounts.cookies import cookies_for
from tokenbudget_server.accounts.members import Members
from tokenbudget_server.accounts.queries import AuditFilter, list_audit
from tokenbudget_server.accounts.schemas import AuditRow, Member, MemberRequest, PasswordChange, RoleChange
from tokenbudget_server.web.authorization import MANAGE
from tokenbudget_server.web.concurrency import IfMatch, with_etag
from tokenbudget_server.web.pagination import DEFAULT_PAGE, NEXT, NEXT_HEADER, Page, PageCursor, PageSize
from tokenbudget_server.web.parameters import LARGEST_ID, read_instant
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_Actor = Annotated[str | None, Parameter(description="Id of a key or a session, or the number of a user")]
_Action = Annotated[str | None, Parameter(description="Such as `key.revoke`")]
_Target = Annotated[str | None, Parameter(description="Id of what it was done to")]
_Since = Annotated[str | None, Parameter(description="No earlier than this date, or this instant")]


def _filter(actor: _Actor = None, action: _Action = None, target: _Target = None, since: _Since = None) -> AuditFilter:
    return AuditFilter(actor, action, target, None if since is None else read_instant("since", since))


_FILTER = Provide(_filter, sync_to_thread=False)


class MembersController(Controller):
    """The members of the caller's organisation."""

    path = "/api"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/users", needs="admin")
    async def users(
        self, caller_scope: Scope, members: Members, cursor: PageCursor = None, limit: PageSize = DEFAULT_PAGE
    ) -> Page[Member]:
        """List the members of your organisation, page by page."""
        return await members.list(caller_scope, cursor, limit)

    @post("/users", needs=MANAGE, problems=(409,))
    async def create_user(self, data: MemberRequest, caller_scope: Scope, members: Members) -> Response[Member]:
        """Make somebody a member of your organisation; with a password, they can sign in by it."""
        return with_etag(await members.create(caller_scope, data), 201)

    @get("/users/{user_id:int}", needs="admin")
    async def user(self, user_id: int, caller_scope: Scope, members: Members) -> Response[Member]:
        """Return a member of your organisation."""
        return with_etag(await members.read(caller_scope, _checked(user_id)))

    @patch("/users/{user_id:int}", needs=MANAGE, problems=(409, 412))
    async def set_role(
        self, user_id: int, data: RoleChange, caller_scope: Scope, members: Members, if_match: IfMatch = None
    ) -> Response[Member]:
        """Give a member another role, at once; sessions of theirs end."""
        return with_etag(await members.set_role(caller_scope, _checked(user_id), data.role, if_match))

    @delete("/users/{user_id:int}", needs=MANAGE, problems=(409, 412))
    async def remove_user(self, user_id: int, caller_scope: Scope, members: Members, if_match: IfMatch = None) -> None:
        """End a membership: the user's keys and sessions in your organisation are refused from now on."""
        await members.remove(caller_scope, _checked(user_id), if_match)

    @get("/audit", needs=MANAGE, also_as=MEDIA_TYPE, response_headers=[NEXT], dependencies={"asked": _FILTER})
    async def audit(
        self,
        request: Request[Any, Any, Any],
        engine: AsyncEngine,
        caller_scope: Scope,
        asked: AuditFilter,
        cursor: PageCursor = None,
        limit: PageSize = DEFAULT_PAGE,
    ) -> Page[AuditRow]:
        """List who did what in your organisation, newest first, page by page; as CSV with ``Accept: text/csv``."""
        page = await list_audit(engine, caller_scope, cursor, limit, asked)
        if request.accept.best_match(["application/json", MEDIA_TYPE]) != MEDIA_TYPE:
            return page
        headers = {} if page.next is None else {NEXT_HEADER: page.next}
        table: Any = Response(as_csv(page.rows), media_type=MEDIA_TYPE, headers=headers)
        return cast("Page[AuditRow]", table)

    @put("/me/password", needs="admin", status_code=204)
    async def set_password(self, data: PasswordChange, caller_scope: Scope, members: Members) -> Response[None]:
        """Set your password; all of your sessions end, this one too."""
        await members.set_password(caller_scope, data)
        return Response(None, cookies=cookies_for(None, 0))


def _checked(user_id: int) -> int:
    if not 1 <= user_id <= LARGEST_ID:
        raise ProblemError(404, f"there is no user {user_id}")
    return user_id
