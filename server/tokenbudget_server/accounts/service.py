"""What can be done with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.cache import KeyCache
from tokenbudget_server.accounts.last_used import LastUsed
from tokenbudget_server.accounts.queries import read_key
from tokenbudget_server.accounts.refusals import Refusals
from tokenbudget_server.accounts.schemas import KeyRequest, KeyWithText
from tokenbudget_server.accounts.sessions import Sessions
from tokenbudget_server.accounts.verification import Verifier
from tokenbudget_server.db.tables import api_keys
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.client_address import network_of
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import FieldError, ProblemError
from tokenbudget_server.web.scope import Scope


class Accounts:
    """Keys in the database.

    Parameters
    ----------
    engine : AsyncEngine
    cache : KeyCache
        Where verified keys are remembered.
    hashing : Pool
    sessions : Sessions
    verifier : Verifier
    forget_later : callable
        Called in the transaction that ends a key: has processes told that cannot be told at once.
    requires_sign_in : bool
        Whether requests need a credential.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        cache: KeyCache,
        hashing: Pool,
        sessions: Sessions,
        verifier: Verifier,
        forget_later: Callable[[Connection, int], None] = lambda *_: None,
        *,
        requires_sign_in: bool = True,
    ) -> None:
        self.verifier = verifier
        self.last_used = LastUsed(engine)
        self.refusals = Refusals(engine)
        self.sessions = sessions
        self.requires_sign_in = requires_sign_in
        self.engine = self._engine = engine
        self._cache = cache
        self._hashing = hashing
        self._forget_later = forget_later

    async def create_key(self, scope: Scope, project_id: int, asked: KeyRequest) -> KeyWithText:
        """Make a key of the caller's for a project.

        Raises
        ------
        ProblemError
            404 if the project is not one of the scope's, 403 if the key would be for more than the caller's credential,
            400 if its time is over already.
        """
        scope.narrow(project_id)
        _check_rights(scope, asked)
        new = await self._hashing.run(keys.make_key, caller=network_of(scope.address))
        values: dict[str, Any] = {
            "name": asked.name,
            "project_id": project_id,
            "user_id": scope.actor.user_id,
            "scopes": sorted(set(asked.scopes)),
            "expires_at": asked.expires_at,
        }
        stored = {"lookup": new.lookup, "ending": new.ending, "hash": new.hash}
        statement = api_keys.insert().values(organisation_id=scope.organisation_id, **stored, **values)
        async with self._engine.begin() as connection:
            id_ = await connection.scalar(statement.returning(api_keys.c.id))
            key = await read_key(connection, api_keys.c.id == id_)
            assert key is not None  # noqa: S101 - of the same transaction
            await connection.run_sync(audit, scope, "key.create", Target("key", key.public_id), None, values)
        await self.verifier.introduce(new.text, new.hash)
        return KeyWithText(key, new.text)

    async def revoke_key(self, scope: Scope, named: ColumnElement[bool]) -> bool:
        """End a key's life, everywhere at once; False where there is none that the condition names."""
        # The time is a value: on Citus, no function may be called in changing a table that is on every node.
        revoked = (
            update(api_keys)
            .where(named, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
            .returning(api_keys.c.name, api_keys.c.project_id, api_keys.c.revoked_at)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(revoked)).one_or_none()
            if (key := await read_key(connection, named)) is None:
                return False
            if row is not None:  # And not revoked already.
                after = row._asdict()
                target, before = Target("key", key.public_id), {**after, "revoked_at": None}
                await connection.run_sync(audit, scope, "key.revoke", target, before, after)
                await connection.run_sync(self._forget_later, key.id)
        await self._cache.forget(key.id)
        return True

    async def forget_later(self, connection: AsyncConnection, key_ids: Iterable[int]) -> None:
        """Have every process forget what it remembers of keys, in the transaction that changes what they may do."""
        for key_id in key_ids:
            await connection.run_sync(self._forget_later, key_id)

    async def forget(self, key_ids: Iterable[int]) -> None:
        """Forget what is remembered of keys now, after that transaction."""
        for key_id in key_ids:
            await self._cache.forget(key_id)


def _check_rights(scope: Scope, asked: KeyRequest) -> None:
    if more := sorted(set(asked.scopes) - scope.rights):
        raise ProblemError(403, f"your key has not the scope {', '.join(more)}, so it can make none that has")
    if asked.expires_at is not None and asked.expires_at <= datetime.now(UTC):
        reason = f"{asked.expires_at.isoformat()} is over"
        raise ProblemError(400, "the key would have expired already", [FieldError(field="expires_at", reason=reason)])
