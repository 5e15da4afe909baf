"""Users as members of an organisation: who there is, what role each has, and passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts import passwords
from tokenbudget_server.accounts.principal import Role
from tokenbudget_server.accounts.queries import is_living
from tokenbudget_server.accounts.schemas import Member, MemberRequest, PasswordChange
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.accounts.sessions import end_all
from tokenbudget_server.db.locks import MEMBERS
from tokenbudget_server.db.tables import api_keys, invitations, memberships, users
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.client_address import network_of
from tokenbudget_server.web.concurrency import check_match
from tokenbudget_server.web.email_address import normalized_email
from tokenbudget_server.web.pagination import Id, Keyset, Page
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import FieldError, ProblemError
from tokenbudget_server.web.scope import Scope

_Change = Callable[[AsyncConnection], Awaitable[None]]
_MEMBERS: Keyset[Member, tuple[int]] = Keyset("users", tuple[Id], lambda one: (one.id,))


class Members:
    """The members of organisations, in the database.

    Parameters
    ----------
    engine : AsyncEngine
    accounts : Accounts
        Forgets the keys of whoever's role changes.
    hashing : Pool
        For passwords.
    """

    def __init__(self, engine: AsyncEngine, accounts: Accounts, hashing: Pool) -> None:
        self._engine = engine
        self._accounts = accounts
        self._hashing = hashing

    async def list(self, scope: Scope, cursor: str | None, limit: int) -> Page[Member]:
        """List the members of the caller's organisation, in the order in which they came to the server.

        Raises
        ------
        CursorError
            If the cursor is not of this list.
        """
        statement = _members(scope).order_by(users.c.id).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(users.c.id > _MEMBERS.read(cursor)[0])
        async with self._engine.connect() as connection:
            return _MEMBERS.page([Member(**row._asdict()) for row in await connection.execute(statement)], limit)

    async def create(self, scope: Scope, asked: MemberRequest) -> Member:
        """Make a user a member, and the user where there is none of that email.

        Raises
        ------
        ProblemError
            400 for an email or password that cannot be used, 403 for a role above the caller's own, 409 for who is a
            member already, or has an account and is given a password.
        """
        check_may_give(scope, asked.role)
        if (email := normalized_email(asked.email)) is None:
            raise ProblemError(400, "there is no such email", [FieldError(field="email", reason="is no address")])
        hash_ = await self._hash(scope, asked.password)
        async with self._engine.begin() as connection:
            user_id = await _user(connection, email, asked, hash_)
            if await _role(connection, scope, user_id) is not None:
                raise ProblemError(409, f"{email} is a member already")
            values = {"organisation_id": scope.organisation_id, "user_id": user_id, "role": asked.role}
            await connection.execute(insert(memberships).values(values))
            after = {"email": email, "role": asked.role}
            await connection.run_sync(audit, scope, "user.create", Target("user", str(user_id)), None, after)
            row = (await connection.execute(_members(scope).where(users.c.id == user_id))).one()
        return Member(**row._asdict())

    async def set_role(self, scope: Scope, user_id: int, role: Role, if_match: str | None = None) -> Member:
        """Give a member another role: keys of theirs know it at once, sessions have to begin anew.

        Raises
        ------
        ProblemError
            404 if there is no such member, 403 for an owner's role and a caller who is none, 409 for the last owner,
            412 where the member is not as the caller saw it.
        """
        check_may_give(scope, role)

        async def change(connection: AsyncConnection) -> None:
            named = memberships.c.organisation_id == scope.organisation_id, memberships.c.user_id == user_id
            await connection.execute(update(memberships).where(*named).values(role=role))

        await self._change(scope, user_id, role, change, if_match)
        return await self.read(scope, user_id)

    async def read(self, scope: Scope, user_id: int) -> Member:
        """Return a member; 404 where there is none."""
        async with self._engine.connect() as connection:
            return await _member(connection, scope, user_id)

    async def remove(self, scope: Scope, user_id: int, if_match: str | None = None) -> None:
        """End a membership; keys and sessions of it are refused from now on.  Raises what `set_role` does."""

        async def change(connection: AsyncConnection) -> None:
            named = memberships.c.organisation_id == scope.organisation_id, memberships.c.user_id == user_id
            await connection.execute(delete(memberships).where(*named))

        await self._change(scope, user_id, None, change, if_match)

    async def set_password(self, scope: Scope, asked: PasswordChange) -> None:
        """Change the caller's own password, and end all of the caller's sessions.

        Raises
        ------
        ProblemError
            403 if the current one is another, 400 if the new one cannot be used.
        """
        if (user_id := scope.actor.user_id) is None:
            raise ProblemError(403, "sign in as the user whose password it is")
        new = await self._hash(scope, asked.password)
        async with self._engine.connect() as connection:
            old = await connection.scalar(select(users.c.password_hash).where(users.c.id == user_id))
        if old is not None:
            matching = partial(passwords.matches, asked.current or "", old)
            if not await self._hashing.run(matching, caller=network_of(scope.address)):
                raise ProblemError(403, "`current` is not your password")
        async with self._engine.begin() as connection:
            await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=new))
            await end_all(connection, user_id)
            await connection.run_sync(audit, scope, "password.set", Target("user", str(user_id)))

    async def _change(
        self, scope: Scope, user_id: int, role: Role | None, change: _Change, if_match: str | None
    ) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(MEMBERS)))
            member = await _member(connection, scope, user_id)
            check_match(if_match, member)
            before = member.role
            check_may_give(scope, before)
            if before is Role.OWNER and role is not Role.OWNER and await _owners(connection, scope) == 1:
                raise ProblemError(409, "this is the last owner: make somebody else one before")
            await change(connection)
            action = "user.remove" if role is None else "user.set_role"
            target = Target("user", str(user_id))
            await connection.run_sync(audit, scope, action, target, {"role": before}, {"role": role})
            await end_all(connection, user_id)
            theirs = invitations.c.organisation_id == scope.organisation_id, invitations.c.invited_by == user_id
            await connection.execute(delete(invitations).where(*theirs))
            forgotten = await keys_of(connection, scope, user_id)
            await self._accounts.forget_later(connection, forgotten)
        await self._accounts.forget(forgotten)

    async def _hash(self, scope: Scope, password: str | None) -> str | None:
        if password is None:
            return None
        passwords.check_strength(password)
        return await self._hashing.run(partial(passwords.hash_password, password), caller=network_of(scope.address))


def check_may_give(scope: Scope, role: Role) -> None:
    """Refuse a role that the caller cannot give, or take: 403."""
    if role is Role.OWNER and scope.role is not Role.OWNER:
        raise ProblemError(403, "only an owner makes owners, and changes them")


def _members(scope: Scope) -> Select[*tuple[Any, ...]]:
    columns = users.c.id, users.c.email, users.c.name, memberships.c.role, memberships.c.created_at
    joined = users.join(memberships, memberships.c.user_id == users.c.id)
    return select(*columns).select_from(joined).where(memberships.c.organisation_id == scope.organisation_id)


async def _member(connection: AsyncConnection, scope: Scope, user_id: int) -> Member:
    row = (await connection.execute(_members(scope).where(users.c.id == user_id))).one_or_none()
    if row is None:
        raise ProblemError(404, f"there is no user {user_id}")
    return Member(**{**row._asdict(), "role": Role(row.role)})


async def keys_of(connection: AsyncConnection, scope: Scope, user_id: int) -> list[int]:
    """Return the numbers of a user's living keys in the organisation."""
    named = api_keys.c.organisation_id == scope.organisation_id, api_keys.c.user_id == user_id
    found = await connection.scalars(select(api_keys.c.id).where(*named, is_living()))
    return [int(id_) for id_ in found]


async def _user(connection: AsyncConnection, email: str, asked: MemberRequest, hash_: str | None) -> int:
    found = select(users.c.id).where(func.lower(users.c.email) == email)
    if (known := await connection.scalar(found)) is not None:
        if hash_ is not None:
            raise ProblemError(409, f"{email} has an account already, and a password of their own: leave it out")
        return int(known)
    values = {"email": email, "name": asked.name or email.partition("@")[0], "password_hash": hash_}
    made: int = (await connection.scalars(insert(users).values(values).returning(users.c.id))).one()
    return made


async def _role(connection: AsyncConnection, scope: Scope, user_id: int) -> Role | None:
    named = memberships.c.organisation_id == scope.organisation_id, memberships.c.user_id == user_id
    role = await connection.scalar(select(memberships.c.role).where(*named))
    return None if role is None else Role(role)


async def _owners(connection: AsyncConnection, scope: Scope) -> int:
    owners = memberships.c.organisation_id == scope.organisation_id, memberships.c.role == Role.OWNER
    return int(await connection.scalar(select(func.count()).select_from(memberships).where(*owners)) or 0)
