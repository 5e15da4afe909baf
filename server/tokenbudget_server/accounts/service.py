"""What can be done with projects and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.cache import KeyCache
from tokenbudget_server.accounts.principal import ApiKey, Principal, Role
from tokenbudget_server.accounts.schemas import Key, KeyWithText
from tokenbudget_server.db.tables import api_keys, memberships, projects, team_memberships
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.scope import Scope


class Accounts:
    """Projects and keys in the database.

    Parameters
    ----------
    engine : AsyncEngine
    cache : KeyCache
        Where verified keys are remembered.
    forget_later : callable
        Called in the transaction that ends a key: has processes told that cannot be told at once.
    """

    def __init__(
        self, engine: AsyncEngine, cache: KeyCache, forget_later: Callable[[Connection, int], None] = lambda *_: None
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._forget_later = forget_later
        self._verifying: dict[str, asyncio.Task[Principal | None]] = {}

    async def authenticate(self, text: str) -> Principal | None:
        """Find out whose key a text is; None when it is unknown or revoked."""
        if not keys.is_key(text):
            return None
        digest = keys.digest(text)
        if known := await self._cache.get(digest):
            return known
        # Requests that bring the same new key at once wait for one verification: bcrypt is slow on purpose.
        if (task := self._verifying.get(digest)) is None:
            task = self._verifying[digest] = asyncio.create_task(self._verify(text, digest))
            task.add_done_callback(lambda _: self._verifying.pop(digest, None))
        return await asyncio.shield(task)

    async def _verify(self, text: str, digest: str) -> Principal | None:
        for key_id, principal, hash_ in await self._candidates(text):
            if await asyncio.to_thread(keys.matches, text, hash_):
                await self._cache.put(digest, principal)
                # A key revoked between the look-up and the line above was not there to be forgotten.
                if not any(principal == still for _, still, _ in await self._candidates(text)):
                    await self._cache.forget(key_id)
                    return None
                return principal
        return None

    async def _candidates(self, text: str) -> list[tuple[int, Principal, str]]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_CANDIDATES, {"lookup": keys.lookup(text)})).all()
        return [(row.id, _principal(row), row.hash) for row in rows]

    async def create_key(self, scope: Scope, project_id: int, name: str) -> KeyWithText:
        """Make a key of the caller's for a project; it may do what the caller's credential may, and no more.

        Raises
        ------
        ProblemError
            404 if the project is not one of the scope's.
        """
        scope.narrow(project_id)
        new = await asyncio.to_thread(keys.make_key)
        values = {
            "name": name,
            "project_id": project_id,
            "user_id": scope.actor.user_id,
            "scopes": sorted(scope.rights),
        }
        statement = (
            api_keys.insert()
            .values(lookup=new.lookup, hash=new.hash, organisation_id=scope.organisation_id, **values)
            .returning(api_keys.c.id, api_keys.c.public_id, api_keys.c.created_at)
        )
        async with self._engine.begin() as connection:
            project = await connection.scalar(select(projects.c.name).where(projects.c.id == project_id))
            row = (await connection.execute(statement)).one()
            await connection.run_sync(audit, scope, "key.create", Target("key", row.public_id), None, values)
        key = Key(row.id, name, keys.PREFIX + new.lookup, project_id, project, row.created_at)
        return KeyWithText(key, new.text)

    async def revoke_key(self, scope: Scope, key_id: int) -> bool:
        """End a key's life, everywhere at once; False where there is no such key for the caller."""
        managed = select(api_keys.c.id).where(api_keys.c.id == key_id, scope.keys())
        # The time is a value: on Citus, no function may be called in changing a table that is on every node.
        revoked = (
            update(api_keys)
            .where(api_keys.c.id == key_id, scope.keys(), api_keys.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
            .returning(api_keys.c.public_id, api_keys.c.name, api_keys.c.project_id, api_keys.c.revoked_at)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(revoked)).one_or_none()
            if row is None:  # Revoked already, or not there.
                found = (await connection.execute(managed)).one_or_none() is not None
            else:
                found, after = True, row._asdict()
                public_id = after.pop("public_id")
                before = {**after, "revoked_at": None}
                await connection.run_sync(audit, scope, "key.revoke", Target("key", public_id), before, after)
                await connection.run_sync(self._forget_later, key_id)
        if found:
            await self._cache.forget(key_id)
        return found


# A user who left the organisation has no membership in it, and no key that is accepted.
_CANDIDATES = (
    select(
        api_keys.c.id,
        api_keys.c.public_id,
        api_keys.c.hash,
        api_keys.c.scopes,
        api_keys.c.organisation_id,
        api_keys.c.project_id,
        api_keys.c.team_id,
        api_keys.c.user_id,
        memberships.c.role,
        func.array(
            select(team_memberships.c.team_id)
            .where(
                team_memberships.c.organisation_id == api_keys.c.organisation_id,
                team_memberships.c.user_id == api_keys.c.user_id,
            )
            .order_by(team_memberships.c.team_id)
            .scalar_subquery()
        ).label("team_ids"),
    )
    .join(
        memberships,
        and_(memberships.c.organisation_id == api_keys.c.organisation_id, memberships.c.user_id == api_keys.c.user_id),
    )
    .where(api_keys.c.lookup == bindparam("lookup"), api_keys.c.revoked_at.is_(None))
)


def _principal(row: Row[*tuple[Any, ...]]) -> Principal:
    key = ApiKey(row.id, row.public_id, frozenset(row.scopes), row.project_id, row.team_id)
    return Principal(row.user_id, row.organisation_id, Role(row.role), tuple(row.team_ids), key)
