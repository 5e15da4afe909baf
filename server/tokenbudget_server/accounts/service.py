"""What can be done with projects and keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.cache import KeyCache
from tokenbudget_server.accounts.schemas import Key, KeyWithText
from tokenbudget_server.accounts.verification import Verifier
from tokenbudget_server.db.tables import api_keys, projects
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.scope import Scope, network_of


class Accounts:
    """Projects and keys in the database.

    Parameters
    ----------
    engine : AsyncEngine
    cache : KeyCache
        Where verified keys are remembered.
    hashing : Pool
    forget_later : callable
        Called in the transaction that ends a key: has processes told that cannot be told at once.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        cache: KeyCache,
        hashing: Pool,
        forget_later: Callable[[Connection, int], None] = lambda *_: None,
    ) -> None:
        self.verifier = Verifier(engine, cache, hashing)
        self._engine = engine
        self._cache = cache
        self._hashing = hashing
        self._forget_later = forget_later

    async def create_key(self, scope: Scope, project_id: int, name: str) -> KeyWithText:
        """Make a key of the caller's for a project; it may do what the caller's credential may, and no more.

        Raises
        ------
        ProblemError
            404 if the project is not one of the scope's.
        """
        scope.narrow(project_id)
        new = await self._hashing.run(keys.make_key, caller=network_of(scope.address))
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
        await self.verifier.introduce(new.text, new.hash)
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
