"""Finding out whose key a text is.

bcrypt is slow on purpose, so each process compares a key with a hash once and keeps the result, which never changes.
Comparisons wait in a pool of their own, of which one address gets a part.  A key that is known already never waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.attempts import Attempts
from tokenbudget_server.accounts.cache import KeyCache
from tokenbudget_server.accounts.principal import ApiKey, Principal, Role
from tokenbudget_server.accounts.queries import is_living, key_team, team_ids, team_roles
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.db.tables import api_keys, memberships, projects
from tokenbudget_server.web.client_address import network_of
from tokenbudget_server.web.errors import OverloadedError, TooManyAtOnceError
from tokenbudget_server.web.pools import Pool

MOST_WRONG, WRONG_PER_MINUTE = 30, 30
"""Wrong or unknown keys that an address may try at once, and then in each minute."""
_REQUESTS = 300, 600
"""Requests with such keys, repeated ones included: each costs a look into the database."""
_AT_ONCE, _LOOKUPS = 16, 4
"""Unknown keys looked up at once, of one address and in all: connections to the database are left for valid keys."""
_CANDIDATES = 3
"""How many keys with the same prefix are tried; of a hundred thousand random keys, about two share one."""
_KNOWN_RIGHT, _KNOWN_WRONG = 20_000, 10_000
_WRONG_SECONDS = 60


class _Candidate(NamedTuple):
    principal: Principal
    hash: str


@dataclass
class _Verification:
    """A key that is being verified, for all requests that bring it."""

    text: str
    digest: str
    network: str
    is_known: bool
    waiting: int = 0
    comparing: asyncio.Task[str | None] | None = None


class Verifier:
    """Finds out whose key a text is.

    Parameters
    ----------
    engine : AsyncEngine
    cache : KeyCache
        Where verified keys are remembered.
    hashing : Pool
    """

    def __init__(self, engine: AsyncEngine, cache: KeyCache, hashing: Pool) -> None:
        self._engine = engine
        self._cache = cache
        self._hashing = hashing
        self._attempts = Attempts("keys that are not valid", MOST_WRONG, WRONG_PER_MINUTE)
        self._requests = Attempts("requests with a key that is not valid", *_REQUESTS)
        self._lookups = asyncio.Semaphore(_LOOKUPS)
        self._looked_up: Counter[str] = Counter()
        self._under_way: dict[str, tuple[_Verification, asyncio.Task[Principal | None]]] = {}
        self._right: MemoryCache[str] = MemoryCache(_KNOWN_RIGHT)
        self._wrong: MemoryCache[frozenset[str]] = MemoryCache(_KNOWN_WRONG, seconds=_WRONG_SECONDS)

    async def remembered(self, text: str) -> Principal | None:
        """Return whose key a text is, if that was found out lately."""
        return await self._cache.get(keys.digest(text))

    async def verify(self, text: str, address: str | None) -> Principal | None:
        """Find out whose key a text is; None when it is unknown or revoked.

        Requests that bring the same key at once wait for one verification, which is given up when none of them waits
        any longer.

        Raises
        ------
        ProblemError
            429 if too many wrong keys came from the address.
        OverloadedError, TooManyAtOnceError
            If too many keys are being verified.
        """
        digest = keys.digest(text)
        if digest not in self._under_way:
            own = _Verification(text, digest, network_of(address), is_known=bool(self._right.get(digest)))
            self._admit(own)
            task = asyncio.create_task(self._verify(own))
            self._under_way[digest] = own, task
            task.add_done_callback(partial(self._end, own))
        own, task = self._under_way[digest]
        own.waiting += 1
        try:
            return await asyncio.shield(task)
        finally:
            own.waiting -= 1
            if not own.waiting and own.comparing is not None and not own.comparing.done():
                own.comparing.cancel()
                self._under_way.pop(digest, None)  # Whoever brings it now begins anew.

    async def introduce(self, text: str, hash_: str) -> None:
        """Remember a key that was just made, so that its first request does not wait either."""
        self._right.put(keys.digest(text), hash_)
        with suppress(SQLAlchemyError):
            await self.verify(text, None)

    def _admit(self, own: _Verification) -> None:
        """Let a key be looked up that this process never found right, if its address has not sent too many such."""
        if own.is_known:
            return
        self._requests.take(own.network)
        if self._wrong.get(own.digest) is None:
            self._attempts.check(own.network)
        if self._looked_up[own.network] >= _AT_ONCE:
            raise TooManyAtOnceError(f"{_AT_ONCE} keys from your address are being verified: try again in a moment")
        self._looked_up[own.network] += 1

    def _end(self, own: _Verification, task: asyncio.Task[Principal | None]) -> None:
        if not own.is_known:
            self._looked_up -= Counter([own.network])
        if self._under_way.get(own.digest) == (own, task):
            del self._under_way[own.digest]
        if not task.cancelled():
            task.exception()  # Nobody may be left to whom it matters.

    async def _verify(self, own: _Verification) -> Principal | None:
        async with nullcontext() if own.is_known else self._lookups:
            candidates = await self._candidates(own.text)
        if (hash_ := await self._find_hash(own, [each.hash for each in candidates])) is None:
            if own.is_known:
                self._right.put(own.digest, "")  # It was revoked, and counts as any wrong one from now on.
            return None
        if not own.is_known:
            self._requests.give_back(own.network)
        principal = next(each.principal for each in candidates if each.hash == hash_)
        await self._cache.put(own.digest, principal)
        # A key revoked between the look-up and the line above was not there to be forgotten.
        if not any(principal == still.principal for still in await self._candidates(own.text)):
            await self._cache.forget(principal.api_key_id)
            return None
        if keys.is_costly(hash_):
            await self._hash_anew(own, hash_)
        return principal

    async def _find_hash(self, own: _Verification, hashes: list[str]) -> str | None:
        """Return which hash is the key's; where there is none, compare with nobody's, as that takes the same time."""
        if (right := self._right.get(own.digest)) in hashes:
            return right
        tried = self._wrong.get(own.digest) or frozenset()
        untried = [hash_ for hash_ in hashes or [keys.nobodys_hash()] if hash_ not in tried]
        if not untried or not own.waiting:
            return None
        if (found := await self._compare(own, untried)) is None:
            self._wrong.put(own.digest, tried.union(untried))
        else:
            self._right.put(own.digest, found)
        return found

    async def _compare(self, own: _Verification, hashes: list[str]) -> str | None:
        self._attempts.take(own.network)
        work = self._hashing.run(partial(keys.find_match, own.text, hashes), caller=own.network)
        own.comparing = asyncio.create_task(work)
        try:
            found = await own.comparing
        except (OverloadedError, TooManyAtOnceError):
            self._attempts.give_back(own.network)
            raise
        if found is not None:
            self._attempts.give_back(own.network)
        return found

    async def _hash_anew(self, own: _Verification, old: str) -> None:
        """Replace a hash that was made when keys were hashed with more rounds than they need."""
        with suppress(SQLAlchemyError, OverloadedError, TooManyAtOnceError):  # The next process will try again.
            new = await self._hashing.run(partial(keys.hash_key, own.text), caller=own.network)
            async with self._engine.begin() as connection:
                await connection.execute(update(api_keys).where(api_keys.c.hash == old).values(hash=new))
            self._right.put(own.digest, new)

    async def _candidates(self, text: str) -> list[_Candidate]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_LIVING, {"lookup": keys.lookup(text)})).all()
        return [_Candidate(_principal(row), row.hash) for row in rows]


# A user who left the organisation has no membership in it, and no key that is accepted.
_LIVING = (
    select(
        api_keys.c.id,
        api_keys.c.public_id,
        api_keys.c.hash,
        api_keys.c.scopes,
        api_keys.c.organisation_id,
        api_keys.c.project_id,
        key_team().label("team_id"),
        api_keys.c.user_id,
        api_keys.c.expires_at,
        memberships.c.role,
        team_ids(api_keys.c).label("team_ids"),
        team_roles(api_keys.c).label("team_roles"),
    )
    .select_from(api_keys)
    .outerjoin(projects, projects.c.id == api_keys.c.project_id)
    .join(
        memberships,
        and_(memberships.c.organisation_id == api_keys.c.organisation_id, memberships.c.user_id == api_keys.c.user_id),
    )
    .where(api_keys.c.lookup == bindparam("lookup"), is_living())
    .order_by(api_keys.c.id)
    .limit(_CANDIDATES)
)


def _principal(row: Row[*tuple[Any, ...]]) -> Principal:
    roles = tuple(Role(role) for role in row.team_roles)
    key = ApiKey(row.id, row.public_id, frozenset(row.scopes), row.project_id, row.team_id, row.expires_at)
    return Principal(row.user_id, row.organisation_id, Role(row.role), tuple(row.team_ids), key, roles)
