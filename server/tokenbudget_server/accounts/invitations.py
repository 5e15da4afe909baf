"""Invitations: links by which people become members of an organisation, once, with a password of their own."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts import passwords
from tokenbudget_server.accounts.attempts import Attempts
from tokenbudget_server.accounts.members import check_may_give
from tokenbudget_server.accounts.principal import Role
from tokenbudget_server.accounts.schemas import AcceptedInvitation, Invitation, InvitationRequest
from tokenbudget_server.accounts.sessions import Owner, Sessions
from tokenbudget_server.accounts.teams import read_team
from tokenbudget_server.db.tables import invitations, memberships, team_memberships, users
from tokenbudget_server.jobs.periodic import Periodic
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.client_address import network_of
from tokenbudget_server.web.email_address import normalized_email
from tokenbudget_server.web.pagination import Keyset, Page
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import FieldError, ProblemError
from tokenbudget_server.web.scope import Actor, Scope

LIFE = timedelta(days=7)
_CLEAN_EVERY = timedelta(hours=1)
_SHOWN = tuple(invitations.c[name] for name in Invitation.__struct_fields__)
_INVITATIONS: Keyset[Invitation, tuple[str]] = Keyset("invitations", tuple[str], lambda one: (one.id,))
_OVER = "this invitation was used or revoked already, or is older than 7 days: ask for another one"


class Invitations:
    """Invitations in the database.

    Parameters
    ----------
    engine : AsyncEngine
    sessions : Sessions
        Knows whose password it is, where somebody has an account already.
    hashing : Pool
        For passwords.
    """

    def __init__(self, engine: AsyncEngine, sessions: Sessions, hashing: Pool) -> None:
        self._engine = engine
        self._sessions = sessions
        self._hashing = hashing
        self._attempts = Attempts("invitations that are not valid", 30, 30)

    @property
    def job(self) -> Periodic:
        """Deletes invitations whose time is over."""
        return Periodic(name="clean-invitations", every=_CLEAN_EVERY, run=self.clean)

    async def list(self, scope: Scope, cursor: str | None, limit: int) -> Page[Invitation]:
        """List the invitations that may be accepted still."""
        ours = invitations.c.organisation_id == scope.organisation_id, invitations.c.expires_at > datetime.now(UTC)
        statement = select(*_SHOWN).where(*ours).order_by(invitations.c.id).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(invitations.c.id > _INVITATIONS.read(cursor)[0])
        async with self._engine.connect() as connection:
            rows = await connection.execute(statement)
            return _INVITATIONS.page([Invitation(**row._asdict()) for row in rows], limit)

    async def create(self, scope: Scope, asked: InvitationRequest) -> tuple[Invitation, str]:
        """Invite somebody; return the invitation and its code, which is not kept.

        Raises
        ------
        ProblemError
            400 for an email that is none, 403 for a role above the caller's own, 404 for a team that is not there, 409
            for who is a member already.
        """
        check_may_give(scope, asked.role)
        if (email := normalized_email(asked.email)) is None:
            raise ProblemError(400, "there is no such email", [FieldError(field="email", reason="is no address")])
        code, now = secrets.token_urlsafe(32), datetime.now(UTC)
        values = {
            "organisation_id": scope.organisation_id,
            "email": email,
            "role": asked.role,
            "team_id": asked.team_id,
            "team_role": None if asked.team_id is None else asked.team_role,
            "expires_at": now + LIFE,
        }
        stored = {"id": f"inv_{secrets.token_hex(16)}", "hash": _hash(code), "invited_by": scope.actor.user_id}
        async with self._engine.begin() as connection:
            if asked.team_id is not None:
                await read_team(connection, scope, asked.team_id)
            await _refuse_members(connection, scope.organisation_id, email)
            made = insert(invitations).values(**values, **stored, created_at=now).returning(*_SHOWN)
            row = (await connection.execute(made)).one()
            target = Target("invitation", row.id)
            await connection.run_sync(audit, scope, "invitation.create", target, None, values)
        return Invitation(**row._asdict()), code

    async def revoke(self, scope: Scope, id_: str) -> bool:
        """End an invitation; False where there is none of that id."""
        named = invitations.c.id == id_, invitations.c.organisation_id == scope.organisation_id
        async with self._engine.begin() as connection:
            row = (await connection.execute(delete(invitations).where(*named).returning(invitations.c.email))).first()
            if row is None:
                return False
            before = {"email": row.email}
            await connection.run_sync(audit, scope, "invitation.revoke", Target("invitation", id_), before)
        return True

    async def accept(self, asked: AcceptedInvitation, address: str | None) -> Owner:
        """Make who has the code of an invitation a member; return whose session may begin.

        An account that is there already keeps its name, and its password has to be right: an invitation is no way into
        somebody else's account.

        Raises
        ------
        ProblemError
            401 for a code that is worthless or a password that is wrong, 400 for one that cannot be used, 409 for who
            is a member already, or has an account without a password, 429 after too many codes or passwords.
        """
        network = network_of(address)
        self._attempts.take(network)
        named = invitations.c.hash == _hash(asked.code), invitations.c.expires_at > datetime.now(UTC)
        async with self._engine.connect() as connection:
            found = (await connection.execute(select(invitations.c.email).where(*named))).one_or_none()
            known = None if found is None else await _account(connection, found.email)
        if found is None:
            raise ProblemError(401, _OVER)
        self._attempts.give_back(network)
        hash_ = await self._proven(found.email, known, asked.password, address)
        async with self._engine.begin() as connection:
            row = (await connection.execute(delete(invitations).where(*named).returning(invitations))).one_or_none()
            if row is None:
                raise ProblemError(401, _OVER)
            return await _join(connection, row, asked.name, hash_, address)

    async def clean(self) -> None:
        """Delete what is over."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(invitations).where(invitations.c.expires_at <= datetime.now(UTC)))

    async def _proven(self, email: str, known: Any, password: str, address: str | None) -> str | None:
        """Return the hash of a new account's password; None where the account has it already."""
        if known is not None and known.password_hash is not None:
            await self._sessions.check_password(email, password, address)
            return None
        if known is not None and known.is_member:
            raise ProblemError(409, "your account has no password: set one before, with a key of yours")
        passwords.check_strength(password)
        return await self._hashing.run(partial(passwords.hash_password, password), caller=network_of(address))


async def _account(connection: AsyncConnection, email: str) -> Any:
    belongs = select(memberships.c.user_id).where(memberships.c.user_id == users.c.id).exists().label("is_member")
    found = select(users.c.id, users.c.password_hash, belongs).where(func.lower(users.c.email) == email)
    return (await connection.execute(found)).one_or_none()


async def _refuse_members(connection: AsyncConnection, organisation_id: int | None, email: str) -> None:
    member = select(memberships.c.role).join(users, users.c.id == memberships.c.user_id)
    ours = memberships.c.organisation_id == organisation_id, func.lower(users.c.email) == email
    if await connection.scalar(member.where(*ours)) is not None:
        raise ProblemError(409, f"{email} is a member already")


async def _join(connection: AsyncConnection, row: Any, name: str, hash_: str | None, address: str | None) -> Owner:
    await _refuse_members(connection, row.organisation_id, row.email)
    user_id = await _user(connection, row.email, name, hash_)
    place = {"organisation_id": row.organisation_id, "user_id": user_id}
    await connection.execute(insert(memberships).values(**place, role=row.role))
    if row.team_id is not None:
        await connection.execute(insert(team_memberships).values(**place, team_id=row.team_id, role=row.team_role))
    by = Scope(
        actor=Actor("anonymous", None, user_id),
        role=Role(row.role),
        organisation_id=row.organisation_id,
        address=address,
    )
    after = {"user_id": user_id, "email": row.email, "role": row.role, "team_id": row.team_id}
    await connection.run_sync(audit, by, "invitation.accept", Target("invitation", row.id), None, after)
    return Owner(row.organisation_id, user_id)


async def _user(connection: AsyncConnection, email: str, name: str, hash_: str | None) -> int:
    """Return the account of an email, made where there is none, and given its password where it has none."""
    known = await _account(connection, email)
    if known is None:
        values = {"email": email, "name": name, "password_hash": hash_}
        made: int = (await connection.scalars(insert(users).values(values).returning(users.c.id))).one()
        return made
    if hash_ is not None:
        if known.password_hash is not None or known.is_member:
            raise ProblemError(409, "your account was changed meanwhile: open the link again")
        await connection.execute(users.update().where(users.c.id == known.id).values(password_hash=hash_))
    return int(known.id)


def _hash(code: str) -> str:
    return sha256(code.encode(errors="replace")).hexdigest()
