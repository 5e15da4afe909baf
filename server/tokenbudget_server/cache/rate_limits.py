"""How often a key or an address may ask.

Each limit lets so many requests through at once, and then again as fast as its rate (the generic cell rate algorithm):
what is kept of a caller is one time, and nothing runs in the background.  Processes that share a Redis share the
limits, by its clock.  Of a caller that asks often, a process takes several requests at once from there, in one step,
and hands them out from its memory, so that not each request waits for Redis.  While Redis is away each process counts
by itself: limits let more through then, and the log says so.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.web.errors import CacheUnavailableError
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.rates import Rate

_MOST_CALLERS = 100_000
_TOO_MANY = 429
_LEASE_SECONDS = 0.1
"""How long a process may keep requests that it took from Redis: what it does not hand out is lost to the caller."""
_LEASE_SHARE = 0.05
"""How many it takes at most, as seconds of the rate."""
# The time at which the caller has all of its requests again is read and written in one step.  The answer is how many
# of the wanted requests there are, or the seconds until there is one, below zero.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local interval, window, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local found = math.min(wanted, math.floor((now + window - free_at) / interval + 0.01))
if found < 1 then
    return string.format('%.6f', now + window - free_at - interval)
end
free_at = free_at + found * interval
redis.call('SET', KEYS[1], string.format('%.6f', free_at), 'PX', math.ceil((free_at - now) * 1000))
return tostring(found)
"""


@dataclass
class _Lease:
    """What a process has of a caller's requests, until a time; or until when there are none."""

    left: int = 0
    size: int = 1
    until: float = 0.0
    refused_until: float = 0.0
    waiting: int = 0
    asking: asyncio.Task[None] | None = None


class RateLimits:
    """Counts what callers ask.

    Parameters
    ----------
    redis : RedisClient or None
        What processes share.
    clock : callable
        Gives seconds.
    """

    def __init__(self, redis: RedisClient | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: MemoryCache[float] = MemoryCache(_MOST_CALLERS)
        self._leases: MemoryCache[_Lease] = MemoryCache(_MOST_CALLERS)

    async def take(self, rate: Rate, caller: str) -> None:
        """Count a request of a caller.

        Parameters
        ----------
        rate : Rate
        caller : str
            The id of a key, or a network (`tokenbudget_server.web.client_address.network_of`).

        Raises
        ------
        ProblemError
            429, with the seconds to wait in ``Retry-After``.
        """
        if (wait := await self._wait(rate, caller)) > 0:
            seconds = math.ceil(wait)
            detail = f"at most {rate.most} {rate.name} in {rate.seconds:g} s: try again in {seconds} s"
            raise ProblemError(_TOO_MANY, detail, headers={"Retry-After": str(seconds)})

    async def _wait(self, rate: Rate, caller: str) -> float:
        entry = f"rate:{rate.name}:{caller}"
        if self._redis is not None:
            try:
                return await self._wait_shared(self._redis, rate, entry)
            except CacheUnavailableError:
                pass
        return self._wait_here(rate, entry)

    async def _wait_shared(self, redis: RedisClient, rate: Rate, entry: str) -> float:
        if (lease := self._leases.get(entry)) is None:
            self._leases.put(entry, lease := _Lease())
        while True:
            now = self._clock()
            if lease.left > 0 and now < lease.until:
                lease.left -= 1
                return 0.0
            if now < lease.refused_until:
                return lease.refused_until - now
            if lease.asking is None:
                lease.asking = asyncio.create_task(self._renew(redis, rate, entry, lease))
            lease.waiting += 1
            try:
                await asyncio.shield(lease.asking)  # One asks for all who wait.
            finally:
                lease.waiting -= 1

    async def _renew(self, redis: RedisClient, rate: Rate, entry: str, lease: _Lease) -> None:
        """Take the requests that wait, and those likely to follow: twice as many as before, if these were used up."""
        most = max(1, int(_LEASE_SHARE / rate.interval))
        size = min(most, 2 * lease.size) if self._clock() < lease.until else 1
        try:
            wanted = max(size, lease.waiting)
            found = float(await redis.run(_TAKE, entry, rate.interval, rate.seconds, wanted))
            now = self._clock()
            if found > 0:
                lease.left, lease.size, lease.until = int(found), size, now + _LEASE_SECONDS
            else:
                lease.left, lease.refused_until = 0, now - found
        finally:
            lease.asking = None

    def _wait_here(self, rate: Rate, entry: str) -> float:
        with self._lock:
            now = self._clock()
            free_at = max(self._free_at.get(entry) or 0.0, now) + rate.interval
            wait = free_at - now - rate.seconds
            if wait <= 0:
                self._free_at.put(entry, free_at)
            return wait
