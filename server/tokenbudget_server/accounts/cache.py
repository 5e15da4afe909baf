"""Verified keys, remembered for minutes, so that bcrypt runs once per key and not once per request.

In memory when one process serves, in Redis when several do: what is forgotten there is forgotten by all.  While Redis
does not answer, each process remembers by itself, for seconds only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import msgspec
from redis.exceptions import RedisError

from tokenbudget_server.accounts.principal import Principal

if TYPE_CHECKING:
    from redis.asyncio import Redis

SECONDS = 300
SECONDS_ALONE = 10
"""How long a process without its Redis remembers: so long may a key work that another process has revoked."""
_LARGEST = 10_000
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Principal).decode
_SHAPE = sha256(_encode(msgspec.json.schema(Principal))).hexdigest()[:8]
"""Part of an entry's name, so that processes of different versions do not read what the others wrote."""


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

    def __init__(self, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
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
        self._known[digest] = principal, self._clock() + self._seconds

    async def forget(self, api_key_id: int) -> None:
        """Forget a key."""
        self._known = {digest: entry for digest, entry in self._known.items() if entry[0].credential.id != api_key_id}

    async def close(self) -> None:
        """Do nothing: there is no connection."""


class RedisKeyCache:
    """The memory that processes share."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._alone = MemoryKeyCache(seconds=SECONDS_ALONE)

    async def get(self, digest: str) -> Principal | None:
        """Give what is remembered."""
        try:
            found = await self._redis.get(_entry(digest))
        except RedisError as error:
            _say_gone(error)
            return await self._alone.get(digest)
        return None if found is None else _decode(found)

    async def put(self, digest: str, principal: Principal) -> None:
        """Remember, and note by which digest the key is known."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(_digest_of(principal.credential.id), digest, ex=SECONDS)
                pipe.set(_entry(digest), _encode(principal), ex=SECONDS)
                await pipe.execute()
        except RedisError as error:
            _say_gone(error)
            await self._alone.put(digest, principal)

    async def forget(self, api_key_id: int) -> None:
        """Forget a key in all processes; what Redis cannot be told now it forgets within `SECONDS`."""
        await self._alone.forget(api_key_id)
        try:
            digest: bytes | None = await self._redis.get(_digest_of(api_key_id))  # type: ignore[assignment]
            if digest:
                await self._redis.delete(_entry(digest.decode()), _digest_of(api_key_id))
        except RedisError as error:
            _say_gone(error)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()


def _say_gone(error: RedisError) -> None:
    _log.warning("Redis does not answer, so each process remembers keys by itself: %s", error)


def _entry(digest: str) -> str:
    return f"tokenbudget:key:{_SHAPE}:{digest}"


def _digest_of(api_key_id: int | str) -> str:
    return f"tokenbudget:key-digest:{api_key_id}"
