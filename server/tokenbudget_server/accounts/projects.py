"""Projects of teams: made, changed and archived."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts.queries import PROJECT, free_slug
from tokenbudget_server.accounts.schemas import Project, ProjectChange, ProjectRequest, TeamMember
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.accounts.teams import list_members, read_team
from tokenbudget_server.db.locks import ACCOUNTS
from tokenbudget_server.db.tables import api_keys, projects
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.concurrency import check_match
from tokenbudget_server.web.pagination import Page
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_CHANGED = ("name", "slug", "team_id", "colour", "description")


class Projects:
    """Projects in the database.

    Parameters
    ----------
    engine : AsyncEngine
    accounts : Accounts
        Forgets the keys of a project that goes to another team.
    """

    def __init__(self, engine: AsyncEngine, accounts: Accounts) -> None:
        self._engine = engine
        self._accounts = accounts

    async def read(self, project_id: int) -> Project:
        """Return a project of the caller's scope; 404 where there is none."""
        async with self._engine.connect() as connection:
            return await _project(connection, project_id)

    async def members(self, project_id: int, cursor: str | None, limit: int) -> Page[TeamMember]:
        """List who belongs to the team of a project of the caller's scope."""
        async with self._engine.connect() as connection:
            project = await _project(connection, project_id)
            return await list_members(connection, project.team_id, cursor, limit)

    async def create(self, scope: Scope, asked: ProjectRequest) -> Project:
        """Make a project of a team; 404 where there is no such team, 409 where the name or the slug is taken."""
        values: dict[str, Any] = {name: getattr(asked, name) for name in _CHANGED}
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(ACCOUNTS)))
            await read_team(connection, scope, asked.team_id)
            scope.check_manages(asked.team_id)
            values["slug"] = asked.slug or await connection.run_sync(free_slug, scope.organisation_id, asked.name)
            made = insert(projects).values(organisation_id=scope.organisation_id, **values).returning(*PROJECT)
            try:
                row = (await connection.execute(made)).one()
            except IntegrityError:
                raise _is_taken(asked.name, values["slug"]) from None
            await connection.run_sync(audit, scope, "project.create", Target("project", str(row.id)), None, values)
        return Project(**row._asdict())

    async def change(self, scope: Scope, project_id: int, asked: ProjectChange, if_match: str | None = None) -> Project:
        """Change a project of the caller's scope.

        Raises
        ------
        ProblemError
            404 where there is none, or no team that it should be of, 409 where the name or the slug is taken, 412 where
            it is not as the caller saw it.
        """
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(ACCOUNTS)))
            before = await _project(connection, project_id)
            scope.check_manages(before.team_id)
            check_match(if_match, before)
            values = _changes(before, asked)
            if not values:
                return before
            if "team_id" in values:
                await read_team(connection, scope, values["team_id"])
                scope.check_manages(values["team_id"])
            changed = update(projects).where(projects.c.id == project_id).values(values).returning(*PROJECT)
            try:
                row = (await connection.execute(changed)).one()
            except IntegrityError:
                raise _is_taken(values.get("name"), values.get("slug")) from None
            target, old = Target("project", str(project_id)), {name: getattr(before, name) for name in values}
            await connection.run_sync(audit, scope, "project.change", target, old, values)
            forgotten = await _keys(connection, project_id) if "team_id" in values else []
            await self._accounts.forget_later(connection, forgotten)
        await self._accounts.forget(forgotten)
        return Project(**row._asdict())


def _changes(before: Project, asked: ProjectChange) -> dict[str, Any]:
    given = {name: getattr(asked, name) for name in _CHANGED}
    values = {name: value for name, value in given.items() if value not in (None, getattr(before, name))}
    if asked.archived is not None and asked.archived is not (before.archived_at is not None):
        # A value: on Citus, no function may be called in changing a table that is on every node.
        values["archived_at"] = datetime.now(UTC) if asked.archived else None
    return values


def _is_taken(name: str | None, slug: str | None) -> ProblemError:
    taken = " or ".join(f"with the {what} {said!r}" for what, said in (("name", name), ("slug", slug)) if said)
    return ProblemError(409, f"there is a project {taken} already")


async def _project(connection: AsyncConnection, project_id: int) -> Project:
    row = (await connection.execute(select(*PROJECT).where(projects.c.id == project_id))).one_or_none()
    if row is None:
        raise ProblemError(404, f"there is no project {project_id}")
    return Project(**row._asdict())


async def _keys(connection: AsyncConnection, project_id: int) -> list[int]:
    found = await connection.scalars(select(api_keys.c.id).where(api_keys.c.project_id == project_id))
    return [int(id_) for id_ in found]
