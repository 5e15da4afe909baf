"""Sessions of browsers: begun by key, password or one-time code, known by a cookie, ended by time or on request."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts import passwords
from tokenbudget_server.accounts.attempts import Attempts
from tokenbudget_server.accounts.cookies import SessionCookie
from tokenbudget_server.accounts.principal import RIGHTS, Principal, Role, Session
from tokenbudget_server.accounts.queries import is_living, key_team, team_ids, team_roles
from tokenbudget_server.accounts.schemas import OpenSession, SignInCode
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.db.tables import api_keys, memberships, projects, sessions, sign_in_codes, users
from tokenbudget_server.jobs.periodic import Periodic
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.client_address import network_of
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Actor, Scope

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=14)
TOKEN_LIFE = timedelta(hours=12)
CODE_LIFE = timedelta(minutes=10)
_SEEN_EVERY = timedelta(minutes=1)
_CLEAN_EVERY = timedelta(hours=1)
_LONGEST_AGENT = 200
_REMEMBERED = 10_000
_WRONG = "the email or the password is wrong"


class Owner(msgspec.Struct, frozen=True):
    """Whose session begins, and by which key, if by one."""

    organisation_id: int
    user_id: int
    api_key_id: int | None = None


class Sessions:
    """Sessions in the database.

    Parameters
    ----------
    engine : AsyncEngine
    hashing : Pool
        For passwords.
    """

    def __init__(self, engine: AsyncEngine, hashing: Pool) -> None:
        self._engine = engine
        self._hashing = hashing
        self._delays = passwords.Delays()
        self._attempts = Attempts("wrong passwords", 20, 20)
        self._guesses = Attempts("requests with a session or code that is not valid", 300, 600)
        self._known: MemoryCache[bool] = MemoryCache(_REMEMBERED)
        self._unknown: MemoryCache[bool] = MemoryCache(_REMEMBERED)

    @property
    def job(self) -> Periodic:
        """Deletes sessions and codes whose time is over."""
        return Periodic(name="clean-sessions", every=_CLEAN_EVERY, run=self.clean)

    async def begin(
        self,
        owner: Owner,
        cookie: SessionCookie,
        address: str | None,
        agent: str | None,
        expires_at: datetime | None = None,
    ) -> str:
        """Begin a session, which ends at that time at the latest; return its id."""
        id_ = f"ses_{secrets.token_hex(16)}"
        values = {"id": id_, "hash": cookie.hash, **msgspec.structs.asdict(owner), "address": address}
        values["expires_at"] = expires_at
        values["user_agent"] = None if agent is None else agent.replace("\0", "")[:_LONGEST_AGENT]
        async with self._engine.begin() as connection:
            await connection.execute(insert(sessions).values(values))
            by = Scope(
                actor=Actor("session", id_, owner.user_id),
                role=Role.MEMBER,
                organisation_id=owner.organisation_id,
                address=address,
            )
            await connection.run_sync(audit, by, "session.begin", Target("session", id_))
        return id_

    async def find(self, cookie: SessionCookie, address: str | None) -> Principal | None:
        """Return whose session a cookie proves; None where it proves none, or one whose time is over.

        Raises
        ------
        ProblemError
            429 if too many came from the address that prove none: they must not keep the database from others.
        """
        hash_, network = cookie.hash, network_of(address)
        if self._unknown.get(hash_):
            return None  # What is over or made up never begins.
        if not self._known.get(hash_):
            self._guesses.take(network)
        if (found := await self._look_up(hash_)) is None:
            self._unknown.put(hash_, True)  # noqa: FBT003
            return None
        if not self._known.get(hash_):
            self._guesses.give_back(network)
            self._known.put(hash_, True)  # noqa: FBT003
        return found

    async def _look_up(self, hash_: str) -> Principal | None:
        now = datetime.now(UTC)
        # In two steps: on a cluster, sessions are on one node and members on every one.
        async with self._engine.connect() as connection:
            found = select(*_FOUND).where(sessions.c.hash == hash_, _open(now))
            if (row := (await connection.execute(found)).one_or_none()) is None:
                return None
            ids = {"organisation": row.organisation_id, "user": row.user_id, "key": row.api_key_id}
            member = (await connection.execute(_MEMBER, ids)).one_or_none()
            if member is None or (row.api_key_id is not None and member.scopes is None):
                return None  # Who is no member any longer; whose key was revoked.
            if row.last_seen_at < now - _SEEN_EVERY:
                await connection.execute(update(sessions).where(sessions.c.id == row.id).values(last_seen_at=now))
                await connection.commit()
        scopes = RIGHTS if row.api_key_id is None else frozenset(member.scopes)
        session = Session(row.id, scopes, member.project_id, member.team_id, row.api_key_id)
        roles = tuple(Role(role) for role in member.team_roles)
        return Principal(row.user_id, row.organisation_id, Role(member.role), tuple(member.team_ids), session, roles)

    async def list(self, user_id: int | None, current: str | None) -> list[OpenSession]:
        """List a user's open sessions, the newest first."""
        statement = select(*_SHOWN).where(sessions.c.user_id == user_id, _open(datetime.now(UTC)))
        async with self._engine.connect() as connection:
            rows = await connection.execute(statement.order_by(sessions.c.created_at.desc()).limit(1000))
            return [OpenSession(**row._asdict(), is_current=row.id == current) for row in rows]

    async def end(self, scope: Scope, id_: str) -> bool:
        """End one of the caller's sessions; False where there is none of that id."""
        ended = delete(sessions).where(sessions.c.id == id_, sessions.c.user_id == scope.actor.user_id)
        async with self._engine.begin() as connection:
            if (await connection.execute(ended.returning(sessions.c.id))).one_or_none() is None:
                return False
            await connection.run_sync(audit, scope, "session.end", Target("session", id_))
        return True

    async def make_code(self, scope: Scope, api_key_id: int | None) -> SignInCode:
        """Make a code that begins one session as the caller."""
        code, expires_at = secrets.token_urlsafe(32), datetime.now(UTC) + CODE_LIFE
        values = {
            "hash": _hash(code),
            "organisation_id": scope.organisation_id,
            "user_id": scope.actor.user_id,
            "api_key_id": api_key_id,
            "expires_at": expires_at,
        }
        async with self._engine.begin() as connection:
            await connection.execute(insert(sign_in_codes).values(values))
            await connection.run_sync(audit, scope, "sign_in_code.create", Target("user", str(scope.actor.user_id)))
        return SignInCode(code, expires_at)

    async def by_code(self, code: str, address: str | None) -> Owner:
        """Use a code up.

        Raises
        ------
        ProblemError
            401 if there is none, or no longer, 429 if too many of the address were none.
        """
        self._guesses.take(network_of(address))
        used = delete(sign_in_codes).where(sign_in_codes.c.hash == _hash(code))
        async with self._engine.begin() as connection:
            row = (await connection.execute(used.returning(*_OWNER, sign_in_codes.c.expires_at))).one_or_none()
        if row is None or row.expires_at <= datetime.now(UTC):
            raise ProblemError(401, "this link was used already, or is too old: `tokenbudget up` prints another one")
        self._guesses.give_back(network_of(address))
        return Owner(row.organisation_id, row.user_id, row.api_key_id)

    async def by_password(self, email: str, password: str, address: str | None) -> Owner:
        """Find whose email and password these are.

        Raises
        ------
        ProblemError
            401 if nobody's who is a member, 429 if that was tried too often.
        """
        row = await self.check_password(email, password, address)
        if row.organisation_id is None:
            raise ProblemError(401, _WRONG)
        return Owner(row.organisation_id, row.id)

    async def check_password(self, email: str, password: str, address: str | None) -> Any:
        """Return the account that an email and a password are of, also of one who is no member; raises the same."""
        email, network = email.strip().lower(), network_of(address)
        self._delays.check(email, network)
        self._attempts.take(network)
        self._delays.failed(email, network)
        columns = users.c.id, users.c.password_hash, memberships.c.organisation_id
        found = (
            select(*columns)
            .outerjoin(memberships, memberships.c.user_id == users.c.id)
            .where(func.lower(users.c.email) == email)
        )
        async with self._engine.connect() as connection:
            statement = found.where(func.lower(users.c.email) == email).order_by(memberships.c.organisation_id).limit(1)
            row = None if "\0" in email else (await connection.execute(statement)).one_or_none()
        matching = partial(passwords.matches, password, row.password_hash if row else None)
        if not await self._hashing.run(matching, caller=network) or row is None:
            await self._note_refusal(row, address)
            raise ProblemError(401, _WRONG)
        self._delays.succeeded(email, network)
        self._attempts.give_back(network)
        return row

    async def clean(self) -> None:
        """Delete what is over."""
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            await connection.execute(delete(sessions).where(~_open(now)))
            await connection.execute(delete(sign_in_codes).where(sign_in_codes.c.expires_at <= now))

    async def _note_refusal(self, row: Any, address: str | None) -> None:
        """Record that somebody was not let in; of an account that does not exist, nothing is there to tell."""
        if row is None or row.organisation_id is None:
            return
        by = Scope(actor=Actor("anonymous"), role=Role.VIEWER, organisation_id=row.organisation_id, address=address)
        async with self._engine.begin() as connection:
            await connection.run_sync(audit, by, "session.refuse", Target("user", str(row.id)))


async def end_all(connection: AsyncConnection, user_id: int) -> None:
    """End all sessions of a user in a transaction that changes what the user may do."""
    await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    await connection.execute(delete(sign_in_codes).where(sign_in_codes.c.user_id == user_id))


def _hash(code: str) -> str:
    return sha256(code.encode(errors="replace")).hexdigest()


def _open(now: datetime) -> ColumnElement[bool]:
    ends = or_(sessions.c.expires_at.is_(None), sessions.c.expires_at > now)
    return and_(sessions.c.created_at > now - ABSOLUTE, sessions.c.last_seen_at > now - IDLE, ends)


_SHOWN = sessions.c.id, sessions.c.created_at, sessions.c.last_seen_at, sessions.c.address, sessions.c.user_agent
_OWNER = sign_in_codes.c.organisation_id, sign_in_codes.c.user_id, sign_in_codes.c.api_key_id
_FOUND = (
    sessions.c.id,
    sessions.c.organisation_id,
    sessions.c.user_id,
    sessions.c.api_key_id,
    sessions.c.last_seen_at,
)
_MEMBER = (
    select(
        memberships.c.role,
        api_keys.c.scopes,
        api_keys.c.project_id,
        key_team().label("team_id"),
        team_ids(memberships.c).label("team_ids"),
        team_roles(memberships.c).label("team_roles"),
    )
    .select_from(memberships)
    .outerjoin(api_keys, and_(api_keys.c.id == bindparam("key", type_=BigInteger), is_living()))
    .outerjoin(projects, projects.c.id == api_keys.c.project_id)
    .where(memberships.c.organisation_id == bindparam("organisation"), memberships.c.user_id == bindparam("user"))
)
