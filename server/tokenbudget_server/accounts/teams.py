"""Teams of an organisation, and who belongs to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts.members import keys_of
from tokenbudget_server.accounts.principal import MANAGERS, Role
from tokenbudget_server.accounts.schemas import Team, TeamMember
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.db.locks import ACCOUNTS
from tokenbudget_server.db.tables import memberships, team_memberships, teams, users
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.concurrency import check_match
from tokenbudget_server.web.pagination import Id, Keyset, Page
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_TEAMS: Keyset[Team, tuple[int]] = Keyset("teams", tuple[Id], lambda one: (one.id,))
_MEMBERS: Keyset[TeamMember, tuple[int]] = Keyset("team-members", tuple[Id], lambda one: (one.user_id,))
_TEAM = teams.c.id, teams.c.name, teams.c.created_at


class Teams:
    """Teams in the database.

    Parameters
    ----------
    engine : AsyncEngine
    accounts : Accounts
        Forgets the keys of whoever joins or leaves a team.
    """

    def __init__(self, engine: AsyncEngine, accounts: Accounts) -> None:
        self._engine = engine
        self._accounts = accounts

    async def list(self, scope: Scope, cursor: str | None, limit: int) -> Page[Team]:
        """List the teams that the caller sees: owners and admins all of the organisation, everybody else their own.

        Raises
        ------
        CursorError
            If the cursor is not of this list.
        """
        statement = select(*_TEAM).where(_visible(scope)).order_by(teams.c.id).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(teams.c.id > _TEAMS.read(cursor)[0])
        async with self._engine.connect() as connection:
            return _TEAMS.page([Team(**row._asdict()) for row in await connection.execute(statement)], limit)

    async def create(self, scope: Scope, name: str) -> Team:
        """Make a team; 409 where there is one of that name."""
        values = {"organisation_id": scope.organisation_id, "name": name}
        async with self._engine.begin() as connection:
            try:
                row = (await connection.execute(insert(teams).values(values).returning(*_TEAM))).one()
            except IntegrityError:
                raise ProblemError(409, f"there is a team {name!r} already") from None
            await connection.run_sync(audit, scope, "team.create", Target("team", str(row.id)), None, {"name": name})
        return Team(**row._asdict())

    async def rename(self, scope: Scope, team_id: int, name: str, if_match: str | None = None) -> Team:
        """Give a team another name; 404 where there is none, 409 where another has it, 412 where it was changed."""
        named = teams.c.id == team_id, _visible(scope)
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(ACCOUNTS)))
            before = await read_team(connection, scope, team_id)
            check_match(if_match, before)
            try:
                changed = update(teams).where(*named).values(name=name).returning(*_TEAM)
                row = (await connection.execute(changed)).one()
            except IntegrityError:
                raise ProblemError(409, f"there is a team {name!r} already") from None
            target = Target("team", str(team_id))
            await connection.run_sync(audit, scope, "team.rename", target, {"name": before.name}, {"name": name})
        return Team(**row._asdict())

    async def remove(self, scope: Scope, team_id: int, if_match: str | None = None) -> None:
        """Remove a team that has no projects and no keys; 404 where there is none, 409 where it has."""
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(ACCOUNTS)))
            before = await read_team(connection, scope, team_id)
            check_match(if_match, before)
            try:
                own = team_memberships.c.team_id == team_id
                await connection.execute(delete(team_memberships).where(own))
                await connection.execute(delete(teams).where(teams.c.id == team_id, _visible(scope)))
            except IntegrityError:
                raise ProblemError(409, "the team has projects or keys: give them to another one before") from None
            target = Target("team", str(team_id))
            await connection.run_sync(audit, scope, "team.remove", target, {"name": before.name})

    async def members(self, scope: Scope, team_id: int, cursor: str | None, limit: int) -> Page[TeamMember]:
        """List who belongs to a team; 404 where there is none."""
        async with self._engine.connect() as connection:
            await read_team(connection, scope, team_id)
            return await list_members(connection, team_id, cursor, limit)

    async def read(self, scope: Scope, team_id: int) -> Team:
        """Return a team that the caller sees; 404 where there is none."""
        async with self._engine.connect() as connection:
            return await read_team(connection, scope, team_id)

    async def put_member(self, scope: Scope, team_id: int, user_id: int, role: Role) -> None:
        """Have a member of the organisation join a team, or give one another role there; 404 where there is none."""
        values = {"organisation_id": scope.organisation_id, "team_id": team_id, "user_id": user_id, "role": role}

        async def change(connection: AsyncConnection) -> None:
            joining = upsert(team_memberships).values(values)
            key = team_memberships.primary_key
            await connection.execute(joining.on_conflict_do_update(constraint=key, set_={"role": role}))

        await self._change(scope, team_id, user_id, "team.put_member", change, {"role": role})

    async def remove_member(self, scope: Scope, team_id: int, user_id: int) -> None:
        """Have a user leave a team; 404 where there is none."""
        own = team_memberships.c.team_id == team_id, team_memberships.c.user_id == user_id

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(delete(team_memberships).where(*own))

        await self._change(scope, team_id, user_id, "team.remove_member", change, None)

    async def _change(
        self, scope: Scope, team_id: int, user_id: int, action: str, change: Any, after: dict[str, Role] | None
    ) -> None:
        async with self._engine.begin() as connection:
            await read_team(connection, scope, team_id)
            named = memberships.c.organisation_id == scope.organisation_id, memberships.c.user_id == user_id
            scope.check_manages(team_id)
            if await connection.scalar(select(memberships.c.role).where(*named)) is None:
                raise ProblemError(404, f"there is no user {user_id}")
            own = team_memberships.c.team_id == team_id, team_memberships.c.user_id == user_id
            role = await connection.scalar(select(team_memberships.c.role).where(*own))
            scope.check_manages(team_id, None if role is None else Role(role), None if after is None else after["role"])
            await change(connection)
            target, before = Target("team", str(team_id)), {"user_id": user_id, "role": role}
            await connection.run_sync(audit, scope, action, target, before, after)
            forgotten = await keys_of(connection, scope, user_id)
            await self._accounts.forget_later(connection, forgotten)
        await self._accounts.forget(forgotten)


def _visible(scope: Scope) -> ColumnElement[bool]:
    own = select(team_memberships.c.team_id).where(
        team_memberships.c.organisation_id == scope.organisation_id,
        team_memberships.c.user_id == scope.actor.user_id,
    )
    seen: ColumnElement[bool] = true() if scope.role in MANAGERS else teams.c.id.in_(own)
    return (teams.c.organisation_id == scope.organisation_id) & seen


async def read_team(connection: AsyncConnection, scope: Scope, team_id: int) -> Team:
    """Return a team that the caller sees; 404 where there is none."""
    row = (await connection.execute(select(*_TEAM).where(teams.c.id == team_id, _visible(scope)))).one_or_none()
    if row is None:
        raise ProblemError(404, f"there is no team {team_id}")
    return Team(**row._asdict())


async def list_members(connection: AsyncConnection, team_id: int, cursor: str | None, limit: int) -> Page[TeamMember]:
    """List who belongs to a team."""
    columns = team_memberships.c.user_id, users.c.email, users.c.name, team_memberships.c.role
    joined = team_memberships.join(users, users.c.id == team_memberships.c.user_id)
    statement = select(*columns).select_from(joined).where(team_memberships.c.team_id == team_id)
    if cursor is not None:
        statement = statement.where(team_memberships.c.user_id > _MEMBERS.read(cursor)[0])
    rows = await connection.execute(statement.order_by(team_memberships.c.user_id).limit(limit + 1))
    return _MEMBERS.page([TeamMember(**row._asdict()) for row in rows], limit)
