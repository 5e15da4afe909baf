"""Verified keys, remembered for minutes, so that bcrypt runs once per key and not once per request.

In memory when one process serves, in Redis when several do: what is forgotten there is forgotten by all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from tokenbudget_server.accounts.principal import Principal

if TYPE_CHECKING:
    from redis.asyncio import Redis

SECONDS = 300
_LARGEST = 10_000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Principal).decode


class KeyCache(Protocol):
    """Remembers who a key's digest belongs to."""

    async def get(self, digest: str) -> Principal | None:
        """Give what is remembered."""

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember for some minutes."""

    async def forget(self, api_key_id: int) -> None:
        """Forget a key at once, in every process that shares the cache."""

    async def close(self) -> None:
        """Let go of connections."""


class MemoryKeyCache:
    """The memory of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[Principal, float]] = {}

    async def get(self, digest: str) -> Principal | None:
        """Give what is remembered and not too old."""
        principal, until = self._known.get(digest, (None, 0.0))
        return principal if until > self._clock() else None

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember; when there are too many, the oldest goes."""
        self._known.pop(digest, None)
        if len(self._known) >= _LARGEST:
            del self._known[next(iter(self._known))]
        self._known[digest] = principal, self._clock() + SECONDS

    async def forget(self, api_key_id: int) -> None:
        """Forget a key."""
        self._known = {digest: entry for digest, entry in self._known.items() if entry[0].api_key_id != api_key_id}

    async def close(self) -> None:
        """Do nothing: there is no connection."""


class RedisKeyCache:
    """The memory that processes share."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, digest: str) -> Principal | None:
        """Give what is remembered."""
        found = await self._redis.get(_entry(digest))
        return None if found is None else _decode(found)

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember, and note by which digest the key is known."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_digest_of(principal.api_key_id), digest, ex=SECONDS)
            pipe.set(_entry(digest), _encode(principal), ex=SECONDS)
            await pipe.execute()

    async def forget(self, api_key_id: int) -> None:
        """Forget a key in all processes."""
        if digest := await self._redis.get(_digest_of(api_key_id)):
            await self._redis.delete(_entry(digest.decode()), _digest_of(api_key_id))

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()


def _entry(digest: str) -> str:
    return f"tokenbudget:key:{digest}"


def _digest_of(api_key_id: int) -> str:
    return f"tokenbudget:key-digest:{api_key_id}"
