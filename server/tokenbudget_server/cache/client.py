"""The one client of Redis, which saves time and must never cost it.

A Redis that does not answer within half a second is not asked again until it answers a ping, which a job in the
background sends it.  Until then callers are told at once that it is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tokenbudget_server.jobs.periodic import Periodic
from tokenbudget_server.web.errors import CacheUnavailableError

_log = logging.getLogger(__name__)

SECONDS = 0.5
"""How long Redis may take, to connect and to answer together."""
_STEP_SECONDS = SECONDS / 2
_LOOP_SECONDS = 10.0
"""How long a thread waits for the event loop, which asks for it: longer than Redis may take, and not for ever."""
_LOOK_EVERY = timedelta(seconds=2)
_FAILURES = (RedisError, OSError, TimeoutError)

Answer = TypeVar("Answer")


class RedisClient:
    """Remembers bytes under names of this installation's own.

    Parameters
    ----------
    url : str
        ``redis://…``, ``rediss://…`` or ``unix://…``
    installation : callable
        Gives the id of the installation (`tokenbudget_server.db.installation`): others may share this Redis.
    """

    def __init__(self, url: str, installation: Callable[[], Awaitable[str]]) -> None:
        self._redis = Redis.from_url(
            url, socket_connect_timeout=_STEP_SECONDS, socket_timeout=_STEP_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._installation = installation
        self._prefix: str | None = None
        self._is_away = False

    def open(self) -> None:
        """Let threads ask, by way of the event loop that this is called in."""
        self._loop = asyncio.get_running_loop()

    @property
    def job(self) -> Periodic:
        """Looks whether a Redis that was away is back."""
        return Periodic(name="look-for-redis", every=_LOOK_EVERY, run=self.look)

    async def get(self, key: str) -> bytes | None:
        """Return what is remembered.

        Raises
        ------
        CacheUnavailableError
            If Redis is away.
        """
        key = await self._name(key)
        async with self._answering():
            found: bytes | None = await self._redis.get(key)  # type: ignore[assignment]
        return found

    async def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        """Remember entries for a while, all of them or none; raises what `get` does."""
        named = {await self._name(key): value for key, value in entries.items()}
        async with self._answering(), self._redis.pipeline(transaction=True) as pipe:
            for key, value in named.items():
                pipe.set(key, value, ex=seconds)
            await pipe.execute()

    async def delete(self, *keys: str) -> None:
        """Forget entries; raises what `get` does."""
        named = [await self._name(key) for key in keys]
        async with self._answering():
            await self._redis.delete(*named)

    async def run(self, script: str, key: str, *arguments: float) -> bytes:
        """Run a Lua script, in one step, on an entry; raises what `get` does."""
        name = await self._name(key)
        async with self._answering():
            result: bytes = await self._redis.eval(script, 1, name, *arguments)
        return result

    def get_blocking(self, key: str) -> bytes | None:
        """Return what is remembered, to a thread that is not the event loop's; raises what `get` does."""
        return self._in_loop(self.get, key)

    def put_blocking(self, key: str, value: bytes, seconds: int) -> None:
        """Remember an entry for a while, for a thread that is not the event loop's; raises what `get` does."""
        self._in_loop(self.put, {key: value}, seconds)

    async def answers(self) -> bool:
        """Return whether Redis answers now."""
        with suppress(CacheUnavailableError):
            async with self._answering():
                await self._redis.ping()
            return True
        return False

    async def look(self) -> None:
        """Ask again a Redis that was away."""
        if not self._is_away:
            return
        with suppress(*_FAILURES):
            async with asyncio.timeout(SECONDS):
                await self._redis.ping()
            self._is_away = False
            _log.warning("Redis answers again.")

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _in_loop(self, ask: Callable[..., Coroutine[object, object, Answer]], *arguments: object) -> Answer:
        """Have the event loop ask, so that there is one client, one time-out and one who knows that Redis is away."""
        if self._is_away or self._loop is None:
            raise CacheUnavailableError("Redis does not answer")
        asked = ask(*arguments)
        try:
            future = asyncio.run_coroutine_threadsafe(asked, self._loop)
            return future.result(_LOOP_SECONDS)
        except (TimeoutError, CancelledError, RuntimeError) as error:  # The loop is busy, or has ended.
            asked.close() if self._loop.is_closed() else future.cancel()
            raise CacheUnavailableError("the event loop did not ask Redis") from error

    async def _name(self, key: str) -> str:
        if self._prefix is None:
            self._prefix = f"tokenbudget:{await self._installation()}:"
        return self._prefix + key

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Notice that Redis does not answer, and do not ask it then."""
        if self._is_away:
            raise CacheUnavailableError("Redis does not answer")
        try:
            async with asyncio.timeout(SECONDS):
                yield
        except _FAILURES as error:
            if not self._is_away:
                self._is_away = True
                _log.warning(
                    "Redis does not answer, so each process remembers, and counts for rate limits, by itself: %r", error
                )
            raise CacheUnavailableError(f"Redis does not answer: {error}") from error
