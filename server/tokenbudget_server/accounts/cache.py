"""Verified keys, remembered for minutes, so that bcrypt runs once per key and not once per request.

In memory when one process serves, in Redis when several do: what is forgotten there is forgotten by all.  While Redis
does not answer, each process remembers by itself, for seconds only, and what Redis must forget waits in the outbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Protocol

import msgspec

from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.web.errors import CacheUnavailableError

SECONDS = 300
SECONDS_ALONE = 10
"""How long a process without its Redis remembers: so long may a key work that another process has revoked."""
_LARGEST = 10_000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Principal).decode
_SHAPE = sha256(_encode(msgspec.json.schema(Principal))).hexdigest()[:8]
"""Part of an entry's name, so that processes of different versions do not read what the others wrote."""


class KeyCache(Protocol):
    """Remembers who a key's digest belongs to."""

    async def get(self, digest: str) -> Principal | None:
        """Return what is remembered."""

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember for some minutes."""

    async def forget(self, api_key_id: int | None) -> None:
        """Forget a key at once, in every process that shares the cache."""


class MemoryKeyCache:
    """The memory of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS) -> None:
        self._known: MemoryCache[Principal] = MemoryCache(_LARGEST, seconds=seconds, clock=clock)

    async def get(self, digest: str) -> Principal | None:
        """Return what is remembered and not too old."""
        return self._known.get(digest)

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember; when there are too many, the one not used for longest goes."""
        self._known.put(digest, principal)

    async def forget(self, api_key_id: int | None) -> None:
        """Forget a key."""
        self._known.forget(lambda principal: principal.api_key_id == api_key_id)


class RedisKeyCache:
    """The memory that processes share.

    Parameters
    ----------
    redis : RedisClient
    """

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._alone = MemoryKeyCache(seconds=SECONDS_ALONE)

    async def get(self, digest: str) -> Principal | None:
        """Return what is remembered."""
        try:
            found = await self._redis.get(_entry(digest))
        except CacheUnavailableError:
            return await self._alone.get(digest)
        return None if found is None else _decode(found)

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember, and note by which digest the key is known."""
        entries = {_digest_of(principal.api_key_id): digest.encode(), _entry(digest): _encode(principal)}
        try:
            await self._redis.put(entries, SECONDS)
        except CacheUnavailableError:
            await self._alone.put(digest, principal)

    async def forget(self, api_key_id: int | None) -> None:
        """Forget a key in all processes; what Redis cannot be told now the outbox tells it when it is back."""
        await self._alone.forget(api_key_id)
        with suppress(CacheUnavailableError):
            await self.forget_shared(api_key_id)

    async def forget_shared(self, api_key_id: int | None) -> None:
        """Have Redis forget a key.

        Raises
        ------
        CacheUnavailableError
            If it does not answer.
        """
        digest = await self._redis.get(_digest_of(api_key_id))
        if digest is not None:
            await self._redis.delete(_entry(digest.decode()), _digest_of(api_key_id))


def _entry(digest: str) -> str:
    return f"key:{_SHAPE}:{digest}"


def _digest_of(api_key_id: int | None) -> str:
    return f"key-digest:{api_key_id}"
