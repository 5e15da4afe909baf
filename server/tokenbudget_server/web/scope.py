"""What a request may see and change: the one place that decides it.

A `Scope` is made of the request's principal, once; every query takes it and asks nothing else.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from litestar import Request
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.principal import ADMIN, MANAGERS, ApiKey, Principal, Role
from tokenbudget_server.db.tables import api_keys, projects
from tokenbudget_server.web.client_address import address_of
from tokenbudget_server.web.methods import SAFE_METHODS
from tokenbudget_server.web.parameters import LARGEST_ID, read_number
from tokenbudget_server.web.problems import ProblemError


class Actor(msgspec.Struct, frozen=True):
    """Who acts, as the audit log names it.

    Attributes
    ----------
    kind : str
        ``key``, ``session``, ``admin_key`` (the header ``X-Admin-Key``), ``anonymous`` (who did not sign in) or
        ``server`` (a task in the background).
    id : str or None
        The public id of the key, the id of the session.
    user_id : int or None
    """

    kind: Literal["key", "session", "admin_key", "anonymous", "server"]
    id: str | None = None
    user_id: int | None = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and the part of the installation that the answer may be about.

    Attributes
    ----------
    actor : Actor
    role : Role
        In the organisation; at most ``member`` for a key that does not act for its user.
    rights : frozenset of str
        What the credential is for, of `tokenbudget_server.accounts.principal.RIGHTS`.
    organisation_id : int or None
        None where the whole installation is concerned, and no organisation's data: its prices.
    project_ids : tuple of int
        Projects whose events may be read and changed.
    address : str or None
        Network address of the client.
    read_only_ids : tuple of int
        Those of the projects that may not be changed: of teams in which the caller is a viewer.
    team_roles : dict of int to Role
        What the caller is in teams, where the credential acts for its user.
    """

    actor: Actor
    role: Role
    rights: frozenset[str] = frozenset()
    organisation_id: int | None = None
    project_ids: tuple[int, ...] = ()
    address: str | None = None
    read_only_ids: tuple[int, ...] = ()
    team_roles: dict[int, Role] = {}

    def narrow(self, project_id: int) -> Scope:
        """Return the scope of one of the projects.

        Raises
        ------
        ProblemError
            404 if it is not one of them, whether it is another organisation's or does not exist.
        """
        if project_id not in self.project_ids:
            raise ProblemError(404, f"there is no project {project_id}")
        return msgspec.structs.replace(self, project_ids=(project_id,))

    def for_writing(self) -> Scope:
        """Return the scope of those projects that the caller may change.

        Raises
        ------
        ProblemError
            403 if there are none among those that the caller sees.
        """
        left = tuple(each for each in self.project_ids if each not in self.read_only_ids)
        if self.project_ids and not left:
            raise ProblemError(403, "you are a viewer in the project's team: ask an owner or an admin of it")
        return msgspec.structs.replace(self, project_ids=left)

    def manages(self, team_id: int) -> bool:
        """Whether the caller manages a team: its projects, members and keys."""
        return self.role in MANAGERS or self.team_roles.get(team_id) in MANAGERS

    def check_manages(self, team_id: int, *roles: Role | None) -> None:
        """Let the caller change what a team has, and have its members come from these roles and get them.

        Raises
        ------
        ProblemError
            403 if the caller does not manage the team, or is none of its owners and changes one.
        """
        if not self.manages(team_id):
            raise ProblemError(403, "you do not manage this team: ask an owner or an admin of it")
        if Role.OWNER in roles and self.role not in MANAGERS and self.team_roles.get(team_id) is not Role.OWNER:
            raise ProblemError(403, "only an owner of the team makes owners of it, and changes them")

    def keys(self) -> ColumnElement[bool]:
        """Return the condition on ``api_keys`` for the keys that may be listed and revoked.

        Owners and admins manage those of the organisation, or of their team; everybody else their own.  A key that does
        not act for its user sees itself alone.
        """
        ours = api_keys.c.organisation_id == self.organisation_id
        if ADMIN not in self.rights:
            return ours & (api_keys.c.public_id == self.actor.id)
        if self.role in MANAGERS:
            return ours
        managed = [team_id for team_id, role in self.team_roles.items() if role in MANAGERS]
        theirs = select(projects.c.id).where(projects.c.team_id.in_(managed))
        of_team = api_keys.c.project_id.in_(theirs) | api_keys.c.team_id.in_(managed)
        mine: ColumnElement[bool] = api_keys.c.user_id == self.actor.user_id
        return ours & (mine | of_team if managed else mine)


SERVER = Scope(actor=Actor("server"), role=Role.OWNER)
"""What the server does by itself, such as fetching prices every day."""


async def scope_of(
    engine: AsyncEngine, principal: Principal, *, shows_demo: bool = False, address: str | None = None
) -> Scope:
    """Return what a principal may see and change.

    Parameters
    ----------
    engine : AsyncEngine
    principal : Principal
    shows_demo : bool
        Whether the demo project is among what owners and admins see.
    address : str, optional
        Network address of the client.
    """
    visible = _visible(principal, shows_demo=shows_demo)
    statement = select(projects.c.id, projects.c.team_id).where(visible).order_by(projects.c.id)
    async with engine.connect() as connection:
        found = (await connection.execute(statement)).all()
    teams = principal.team_ids if principal.acts_for_user else ()
    return Scope(
        actor=_actor(principal),
        role=_role(principal),
        rights=principal.rights,
        organisation_id=principal.organisation_id,
        project_ids=tuple(row.id for row in found),
        address=address,
        read_only_ids=tuple(row.id for row in found if principal.role_in(row.team_id) is Role.VIEWER),
        team_roles={team_id: role for team_id in teams if (role := principal.role_in(team_id)) is not None},
    )


def actor_scope(principal: Principal, address: str | None) -> Scope:
    """Return the scope of a principal that sees nothing: whose act it is."""
    organisation_id = principal.organisation_id
    return Scope(actor=_actor(principal), role=_role(principal), organisation_id=organisation_id, address=address)


def anonymous_scope(address: str | None) -> Scope:
    """Return the scope of those who say nothing of themselves: nobody's data."""
    return Scope(actor=Actor("anonymous"), role=Role.VIEWER, address=address)


def installation_scope(address: str | None) -> Scope:
    """Return the scope of the admin key: what all organisations share, and no organisation's data."""
    return Scope(actor=Actor("admin_key"), role=Role.OWNER, address=address)


async def request_scope(
    engine: AsyncEngine, request: Request[Any, Any, Any], principal: Principal, *, shows_demo: bool
) -> Scope:
    """Return the scope of a request; where the path names a project, it is that project's alone.

    Raises
    ------
    ProblemError
        404 if the project is not one that the caller may see, 403 if it is to be changed by one who may only see it.
    """
    scope = await scope_of(engine, principal, shows_demo=shows_demo, address=address_of(request))
    project_id: int | None = request.path_params.get("project_id")
    return scope if project_id is None else _as_asked(request, scope.narrow(project_id))


def provide_question_scope(request: Request[Any, Any, Any], caller_scope: Scope) -> Scope:
    """Return the scope of the projects that are asked about: all, or the one that path or ``?project_id=`` names.

    Raises
    ------
    ProblemError
        404 if that is not one that the caller may see, 403 if one who may only see them is to change them.
    """
    if "project_id" in request.path_params:
        return caller_scope
    project_id = read_number(request.query_params, "project_id", LARGEST_ID)
    return _as_asked(request, caller_scope if project_id is None else caller_scope.narrow(project_id))


def _as_asked(request: Request[Any, Any, Any], scope: Scope) -> Scope:
    return scope if request.method in SAFE_METHODS else scope.for_writing()


def _role(principal: Principal) -> Role:
    if principal.role in MANAGERS and not principal.acts_for_user:
        return Role.MEMBER
    return principal.role


def _actor(principal: Principal) -> Actor:
    credential = principal.credential
    if isinstance(credential, ApiKey):
        return Actor("key", credential.public_id, principal.user_id)
    return Actor("session", credential.id, principal.user_id)


def _visible(principal: Principal, *, shows_demo: bool) -> ColumnElement[bool]:
    """Return the condition on ``projects``: those that the key is for and, where it acts for the user, the user's."""
    shown = true() if shows_demo else projects.c.is_demo.is_(False)
    users = shown if principal.role in MANAGERS else shown & projects.c.team_id.in_(principal.team_ids)
    visible: ColumnElement[bool] = users
    if (keys := _of_key(principal, shown)) is not None:
        visible = keys | users if principal.acts_for_user else keys
    return (projects.c.organisation_id == principal.organisation_id) & visible


def _of_key(principal: Principal, shown: ColumnElement[bool]) -> ColumnElement[bool] | None:
    """Return the condition on ``projects`` for those that the key is for; None where it is for no project or team."""
    key = principal.credential
    if key.project_id is not None:
        return projects.c.id == key.project_id
    return None if key.team_id is None else shown & (projects.c.team_id == key.team_id)
