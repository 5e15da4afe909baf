"""``/api/invitations``: links by which people become members."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, delete, get, post

from tokenbudget_server.accounts.cookies import refuse_foreign
from tokenbudget_server.accounts.invitations import Invitations
from tokenbudget_server.accounts.schemas import (
    AcceptedInvitation,
    Invitation,
    InvitationRequest,
    InvitationWithLink,
    OpenSession,
)
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.accounts.session_routes import begin_session
from tokenbudget_server.web.authorization import MANAGE, OPEN
from tokenbudget_server.web.client_address import address_of
from tokenbudget_server.web.pagination import DEFAULT_PAGE, Page, PageCursor, PageSize
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope


class InvitationsController(Controller):
    """Invitations."""

    path = "/api/invitations"
    tags = ["accounts"]  # noqa: RUF012 - Litestar's way

    @get("/", needs=MANAGE)
    async def invitations(
        self, caller_scope: Scope, invitations: Invitations, cursor: PageCursor = None, limit: PageSize = DEFAULT_PAGE
    ) -> Page[Invitation]:
        """List the invitations that nobody accepted yet, page by page."""
        return await invitations.list(caller_scope, cursor, limit)

    @post("/", needs=MANAGE, problems=(404, 409))
    async def invite(
        self,
        request: Request[Any, Any, Any],
        data: InvitationRequest,
        caller_scope: Scope,
        invitations: Invitations,
    ) -> Response[InvitationWithLink]:
        """Invite somebody to your organisation: the link works once, within seven days, and is shown this once."""
        made, code = await invitations.create(caller_scope, data)
        origin = request.headers.get("origin") or str(request.base_url).rstrip("/")
        shown = InvitationWithLink(invitation=made, code=code, link=f"{origin}/#invitation={code}")
        return Response(shown, headers={"Cache-Control": "no-store"})

    @post("/accept", needs=OPEN, problems=(401, 403, 409, 429, 503))
    async def accept(
        self,
        request: Request[Any, Any, Any],
        data: AcceptedInvitation,
        invitations: Invitations,
        accounts: Accounts,
    ) -> Response[OpenSession]:
        """Become a member by the code of an invitation, and begin a session, as ``POST /api/sessions`` does.

        Who has an account already gives its password, and keeps its name.
        """
        refuse_foreign(request, needs_origin=False)
        return await begin_session(request, accounts, await invitations.accept(data, address_of(request)))

    @delete("/{invitation_id:str}", needs=MANAGE)
    async def revoke(self, invitation_id: str, caller_scope: Scope, invitations: Invitations) -> None:
        """Revoke an invitation: its link is worthless from now on."""
        if "\0" in invitation_id or not await invitations.revoke(caller_scope, invitation_id):
            raise ProblemError(404, f"there is no invitation {invitation_id[:64]}")
