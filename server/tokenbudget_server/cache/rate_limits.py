"""How often a key or an address may ask.

Each limit lets so many requests through at once, and then again as fast as its rate (the generic cell rate algorithm):
what is kept of a caller is one time, and nothing runs in the background.  Processes that share a Redis share the
limits, by its clock.  While Redis is away each process counts by itself: limits let more through then, and say so.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.web.errors import CacheUnavailableError
from tokenbudget_server.web.problems import ProblemError

_MOST_CALLERS = 100_000
_TOO_MANY = 429
# The time at which the caller has all of its requests again is read and written in one step.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local free_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + tonumber(ARGV[1])
local wait = free_at - now - tonumber(ARGV[2])
if wait > 0 then
    return tostring(wait)
end
redis.call('SET', KEYS[1], string.format('%.6f', free_at), 'PX', math.ceil((free_at - now) * 1000))
return '0'
"""


@dataclass(frozen=True)
class Rate:
    """A limit: so many requests in so many seconds, which may come all at once.

    Attributes
    ----------
    name : str
        What is limited, in the plural; part of what a caller is told.
    most : int
    seconds : float
    """

    name: str
    most: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds until one more request is allowed."""
        return self.seconds / self.most


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
                return float(await self._redis.run(_TAKE, entry, rate.interval, rate.seconds))
            except CacheUnavailableError:
                pass
        return self._wait_here(rate, entry)

    def _wait_here(self, rate: Rate, entry: str) -> float:
        with self._lock:
            now = self._clock()
            free_at = max(self._free_at.get(entry) or 0.0, now) + rate.interval
            wait = free_at - now - rate.seconds
            if wait <= 0:
                self._free_at.put(entry, free_at)
            return wait
