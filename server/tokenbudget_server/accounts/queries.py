"""Lists of projects and keys, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.schemas import AuditRow, Key, Me, Project
from tokenbudget_server.accounts.slugs import LONGEST, first_free, slug_of
from tokenbudget_server.db.tables import api_keys, audit, memberships, organisations, projects, team_memberships, users
from tokenbudget_server.web.pagination import Id, Keyset, Page
from tokenbudget_server.web.scope import Scope

_Name = Annotated[str, msgspec.Meta(pattern="^[^\0]*$")]  # Postgres takes no U+0000.
_PROJECTS: Keyset[Project, tuple[str, int]] = Keyset("projects", tuple[_Name, Id], lambda one: (one.name, one.id))
_AUDIT: Keyset[AuditRow, tuple[int]] = Keyset("audit", tuple[Id], lambda row: (row.id,))
_KEYS: Keyset[Key, tuple[int]] = Keyset("keys", tuple[Id], lambda key: (key.id,))


PROJECT = tuple(projects.c[name] for name in Project.__struct_fields__)
"""The columns of a `Project`."""


async def list_projects(
    engine: AsyncEngine, scope: Scope, cursor: str | None, limit: int, *, archived: bool = False
) -> Page[Project]:
    """List the projects of a scope, by name, those that are archived only if asked for.

    Raises
    ------
    CursorError
        If the cursor is not of this list.
    """
    statement = (
        select(*PROJECT)
        .where(projects.c.id.in_(scope.project_ids), true() if archived else projects.c.archived_at.is_(None))
        .order_by(projects.c.name, projects.c.id)
        .limit(limit + 1)
    )
    if cursor is not None:
        statement = statement.where(tuple_(projects.c.name, projects.c.id) > tuple_(*_PROJECTS.read(cursor)))
    async with engine.connect() as connection:
        return _PROJECTS.page([Project(**row._asdict()) for row in await connection.execute(statement)], limit)


async def list_keys(
    engine: AsyncEngine, scope: Scope, cursor: str | None, limit: int, *, project_id: int | None = None
) -> Page[Key]:
    """List the keys that a scope manages, newest first, all or a project's; raises what `list_projects` does."""
    named = true() if project_id is None else api_keys.c.project_id == project_id
    statement = _keys(scope.keys() & named).order_by(api_keys.c.id.desc()).limit(limit + 1)
    if cursor is not None:
        statement = statement.where(api_keys.c.id < _KEYS.read(cursor)[0])
    async with engine.connect() as connection:
        return _KEYS.page([Key(**row._asdict()) for row in await connection.execute(statement)], limit)


class AuditFilter(NamedTuple):
    """Which rows of the audit log are asked for: all, where nothing is said."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on ``audit``; an actor is named by key or session, or by the number of the user."""
        found: list[ColumnElement[bool]] = []
        if self.actor is not None:
            found.append((audit.c.actor_id == self.actor) | (cast(audit.c.user_id, Text) == self.actor))
        if self.action is not None:
            found.append(audit.c.action == self.action)
        if self.target is not None:
            found.append(audit.c.target_id == self.target)
        if self.since is not None:
            found.append(audit.c.at >= self.since)
        return found


async def list_audit(
    engine: AsyncEngine, scope: Scope, cursor: str | None, limit: int, asked: AuditFilter
) -> Page[AuditRow]:
    """List what was done in an organisation, newest first; raises what `list_projects` does."""
    shown = [audit.c[name] for name in AuditRow.__struct_fields__]
    statement = select(*shown).where(audit.c.organisation_id == scope.organisation_id, *asked.conditions())
    if cursor is not None:
        statement = statement.where(audit.c.id < _AUDIT.read(cursor)[0])
    async with engine.connect() as connection:
        rows = await connection.execute(statement.order_by(audit.c.id.desc()).limit(limit + 1))
        return _AUDIT.page([AuditRow(**row._asdict()) for row in rows], limit)


def free_slug(connection: Connection, organisation_id: int | None, name: str) -> str:
    """Return a slug for a name that no project of the organisation has."""
    slug = slug_of(name)
    alike = projects.c.organisation_id == organisation_id, projects.c.slug.startswith(slug[: LONGEST // 2])
    return first_free(slug, set(connection.scalars(select(projects.c.slug).where(*alike))))


async def read_key(connection: AsyncConnection, condition: ColumnElement[bool]) -> Key | None:
    """Return the key that a condition names; None where there is none."""
    row = (await connection.execute(_keys(condition))).one_or_none()
    return None if row is None else Key(**row._asdict())


async def read_me(engine: AsyncEngine, principal: Principal) -> Me:
    """Return who a principal is."""
    columns = users.c.email, users.c.name, organisations.c.name.label("organisation")
    joined = users.join(memberships, memberships.c.user_id == users.c.id).join(organisations)
    member = (
        users.c.id == principal.user_id,
        organisations.c.id == principal.organisation_id,
    )
    async with engine.connect() as connection:
        row = (await connection.execute(select(*columns).select_from(joined).where(*member))).one()
    rights: Any = sorted(principal.rights)
    credential: Literal["key", "session"] = "session" if principal.api_key_id is None else "key"
    return Me(**row._asdict(), role=principal.role, rights=rights, credential=credential)


def is_living() -> ColumnElement[bool]:
    """Return the condition on ``api_keys`` for those that are accepted."""
    return api_keys.c.revoked_at.is_(None) & or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now())


def team_ids(of: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[Any]:
    """Return an array of the teams that a row's user belongs to, in the row's organisation."""
    own = team_memberships.c.organisation_id == of.organisation_id, team_memberships.c.user_id == of.user_id
    found = select(team_memberships.c.team_id).where(*own).order_by(team_memberships.c.team_id)
    return func.array(found.scalar_subquery())


def team_roles(of: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[Any]:
    """Return an array of the user's roles in these teams."""
    own = team_memberships.c.organisation_id == of.organisation_id, team_memberships.c.user_id == of.user_id
    found = select(team_memberships.c.role).where(*own).order_by(team_memberships.c.team_id)
    return func.array(found.scalar_subquery())


def key_team() -> ColumnElement[Any]:
    """Return the team that a key is for, its project's where it has one; in a join of ``api_keys`` and ``projects``."""
    return func.coalesce(projects.c.team_id, api_keys.c.team_id)


def _keys(condition: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    shown = (
        api_keys.c.id,
        api_keys.c.public_id,
        api_keys.c.name,
        (keys.PREFIX + api_keys.c.lookup).label("hint"),
        api_keys.c.ending,
        api_keys.c.project_id,
        projects.c.name.label("project"),
        users.c.email.label("created_by"),
        api_keys.c.scopes,
        api_keys.c.created_at,
        api_keys.c.expires_at,
        api_keys.c.last_used_at,
        api_keys.c.revoked_at,
    )
    joined = api_keys.join(users, users.c.id == api_keys.c.user_id).outerjoin(
        projects, projects.c.id == api_keys.c.project_id
    )
    return select(*shown).select_from(joined).where(condition)
