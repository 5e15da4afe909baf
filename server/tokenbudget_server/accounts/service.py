"""What can be done with projects and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import func, select, true, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.cache import KeyCache
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.store.tables import api_keys, projects, users


class Project(msgspec.Struct, frozen=True):
    """A project: what events, keys and budgets belong to."""

    id: int
    name: str
    is_demo: bool
    created_at: datetime


class Key(msgspec.Struct, frozen=True):
    """A key as it is listed; its text is not kept.

    Attributes
    ----------
    hint : str
        How the key begins, to tell it from others.
    """

    id: int
    name: str
    hint: str
    project_id: int
    project: str
    created_at: datetime
    revoked_at: datetime | None = None


class CreatedKey(NamedTuple):
    """A key just made, with the text that is shown once."""

    key: Key
    text: str


class Accounts:
    """Projects and keys in the database.

    Parameters
    ----------
    engine : AsyncEngine
    cache : KeyCache
        Where verified keys are remembered.
    shows_demo : bool
        Whether the demo project is among those an admin sees.
    """

    def __init__(self, engine: AsyncEngine, cache: KeyCache, *, shows_demo: bool = False) -> None:
        self._engine = engine
        self._cache = cache
        self._shows_demo = shows_demo
        self._verifying: dict[str, asyncio.Task[Principal | None]] = {}

    async def authenticate(self, text: str) -> Principal | None:
        """Find out whose key a text is; None when it is nobody's, or revoked."""
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
        for principal, hash_ in await self._candidates(text):
            if await asyncio.to_thread(keys.matches, text, hash_):
                await self._cache.put(digest, principal)
                # A key revoked between the look-up and the line above was not there to be forgotten.
                if not any(principal == still for still, _ in await self._candidates(text)):
                    await self._cache.forget(principal.api_key_id)
                    return None
                return principal
        return None

    async def _candidates(self, text: str) -> list[tuple[Principal, str]]:
        statement = (
            select(api_keys.c.id, api_keys.c.project_id, api_keys.c.user_id, users.c.is_admin, api_keys.c.hash)
            .join(users, users.c.id == api_keys.c.user_id)
            .where(api_keys.c.lookup == keys.lookup(text), api_keys.c.revoked_at.is_(None))
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return [(Principal(row.id, row.project_id, row.user_id, row.is_admin), row.hash) for row in rows]

    async def projects(self, principal: Principal) -> list[Project]:
        """List the projects a caller may see, by name."""
        mine = projects.c.id == principal.project_id
        others = true() if self._shows_demo else projects.c.is_demo.is_(False)
        visible = mine | others if principal.is_admin else mine
        statement = (
            select(projects.c.id, projects.c.name, projects.c.is_demo, projects.c.created_at)
            .where(visible)
            .order_by(projects.c.name)
        )
        async with self._engine.connect() as connection:
            return [Project(*row) for row in await connection.execute(statement)]

    async def create_key(self, principal: Principal, project_id: int, name: str) -> CreatedKey | None:
        """Make a key of the caller's for a project; None where there is no such project for the caller."""
        project = next((p for p in await self.projects(principal) if p.id == project_id), None)
        if project is None:
            return None
        new = await asyncio.to_thread(keys.make_key)
        statement = (
            api_keys.insert()
            .values(lookup=new.lookup, hash=new.hash, name=name, project_id=project_id, user_id=principal.user_id)
            .returning(api_keys.c.id, api_keys.c.created_at)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(statement)).one()
        key = Key(row.id, name, keys.PREFIX + new.lookup, project.id, project.name, row.created_at)
        return CreatedKey(key, new.text)

    async def keys(self, principal: Principal) -> Sequence[Key]:
        """List the keys a caller may see, newest first."""
        statement = (
            select(
                api_keys.c.id,
                api_keys.c.name,
                (keys.PREFIX + api_keys.c.lookup).label("hint"),
                api_keys.c.project_id,
                projects.c.name.label("project"),
                api_keys.c.created_at,
                api_keys.c.revoked_at,
            )
            .join(projects, projects.c.id == api_keys.c.project_id)
            .where(true() if principal.is_admin else api_keys.c.user_id == principal.user_id)
            .order_by(api_keys.c.id.desc())
        )
        async with self._engine.connect() as connection:
            return [Key(*row) for row in await connection.execute(statement)]

    async def revoke_key(self, principal: Principal, key_id: int) -> bool:
        """End a key's life, everywhere at once; False where there is no such key for the caller."""
        statement = (
            update(api_keys)
            .where(api_keys.c.id == key_id)
            .where(true() if principal.is_admin else api_keys.c.user_id == principal.user_id)
            .values(revoked_at=func.coalesce(api_keys.c.revoked_at, func.now()))
        )
        async with self._engine.begin() as connection:
            found = (await connection.execute(statement)).rowcount
        await self._cache.forget(key_id)
        return bool(found)
