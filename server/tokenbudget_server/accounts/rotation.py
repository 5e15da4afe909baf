"""Replacing a key by another one that is for the same, while the old one goes on for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.queries import is_living, read_key
from tokenbudget_server.accounts.schemas import Key, RotatedKey
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.db.tables import api_keys
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.client_address import network_of
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope

_COPIED = ("name", "organisation_id", "team_id", "project_id", "user_id", "scopes", "expires_at")


class Rotation:
    """Rotates keys in the database.

    Parameters
    ----------
    engine : AsyncEngine
    accounts : Accounts
    hashing : Pool
    """

    def __init__(self, engine: AsyncEngine, accounts: Accounts, hashing: Pool) -> None:
        self._engine = engine
        self._accounts = accounts
        self._hashing = hashing

    async def rotate(
        self, scope: Scope, named: ColumnElement[bool], grace: timedelta, idempotency_key: str | None
    ) -> RotatedKey | None:
        """Make a key that is for what another is for, and have that one end after a while.

        Parameters
        ----------
        scope : Scope
        named : ColumnElement
            The condition for the key, which must be one that the scope manages.
        grace : timedelta
            How long the old key goes on, unless it ends before.
        idempotency_key : str, optional
            The same one again makes no further key: the answer names the first one, without its text.

        Returns
        -------
        RotatedKey or None
            None where there is no such key, or one that has ended.

        Raises
        ------
        ProblemError
            403 if the key acts for another user, or is for more than the caller's credential.
        """
        rotation = None
        if idempotency_key is not None:
            rotation = sha256(f"{scope.organisation_id}:{idempotency_key}".encode(errors="replace")).hexdigest()
            if (known := await self._known(rotation)) is not None:
                return RotatedKey(known, None)
        new = await self._hashing.run(keys.make_key, caller=network_of(scope.address))
        try:
            async with self._engine.begin() as connection:
                made = await self._replace(connection, scope, named, grace, new, rotation)
        except IntegrityError:  # The same request, at the same time.
            known = None if rotation is None else await self._known(rotation)
            if known is None:
                raise
            return RotatedKey(known, None)
        if made is None:
            return None
        old_id, key = made
        await self._accounts.forget([old_id])
        await self._accounts.verifier.introduce(new.text, new.hash)
        return RotatedKey(key, new.text)

    async def _known(self, rotation: str) -> Key | None:
        async with self._engine.connect() as connection:
            return await read_key(connection, api_keys.c.rotation == rotation)

    async def _replace(
        self,
        connection: AsyncConnection,
        scope: Scope,
        named: ColumnElement[bool],
        grace: timedelta,
        new: keys.NewKey,
        rotation: str | None,
    ) -> tuple[int, Key] | None:
        columns = [api_keys.c[name] for name in ("id", "public_id", *_COPIED)]
        old = (await connection.execute(select(*columns).where(named, is_living()))).one_or_none()
        if old is None:
            return None
        _check(scope, old)
        end = datetime.now(UTC) + grace
        end = min(end, old.expires_at) if old.expires_at is not None else end
        values = {name: getattr(old, name) for name in _COPIED}
        stored = {"lookup": new.lookup, "ending": new.ending, "hash": new.hash, "rotation": rotation}
        inserted = insert(api_keys).values(**values, **stored).returning(api_keys.c.id)
        id_ = await connection.scalar(inserted)
        await connection.execute(update(api_keys).where(api_keys.c.id == old.id).values(expires_at=end))
        key = await read_key(connection, api_keys.c.id == id_)
        assert key is not None  # noqa: S101 - of the same transaction
        after = {"successor": key.public_id, "expires_at": end}
        before = {"expires_at": old.expires_at}
        await connection.run_sync(audit, scope, "key.rotate", Target("key", old.public_id), before, after)
        await self._accounts.forget_later(connection, [old.id])
        return old.id, key


def _check(scope: Scope, old: Any) -> None:
    """Refuse what would give the caller rights: those of another user, or more than the caller has."""
    if "admin" in old.scopes and old.user_id != scope.actor.user_id:
        raise ProblemError(403, "the key acts for another user, who alone may rotate it; you may revoke it")
    if more := sorted(set(old.scopes) - scope.rights):
        raise ProblemError(403, f"the key has the scope {', '.join(more)}, and yours has not")
