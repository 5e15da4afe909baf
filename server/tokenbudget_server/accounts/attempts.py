"""How often one network address may try, before it is told to wait."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.web.problems import ProblemError

_ADDRESSES = 10_000


class Attempts:
    """Attempts that addresses have left in this process: a few at once, and then some a minute.

    Parameters
    ----------
    what : str
        What is tried, in the plural, for the message.
    most : int
        Attempts that an address has at first.
    per_minute : int
        Attempts that come back.
    clock : callable
        Gives seconds.
    """

    def __init__(self, what: str, most: int, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._most = most
        self._per_second = per_minute / 60
        self._clock = clock
        self._left: MemoryCache[tuple[float, float]] = MemoryCache(_ADDRESSES)
        self._lock = threading.Lock()

    def take(self, network: str) -> None:
        """Take one attempt, which is given back if it succeeds.

        Raises
        ------
        ProblemError
            429 if none is left; its ``Retry-After`` says when there is one.
        """
        with self._lock:
            self._refuse_without(left := self._now(network))
            self._left.put(network, (left - 1, self._clock()))

    def check(self, network: str) -> None:
        """Take none, but refuse as `take` would."""
        with self._lock:
            self._refuse_without(self._now(network))

    def _refuse_without(self, left: float) -> None:
        if left >= 1:
            return
        wait = max(1, math.ceil((1 - left) / self._per_second))
        detail = f"too many {self._what} from your address: try again in {wait} s"
        raise ProblemError(429, detail, headers={"Retry-After": str(wait)})

    def give_back(self, network: str) -> None:
        """Give an attempt back: it was right."""
        with self._lock:
            self._left.put(network, (min(self._most, self._now(network) + 1), self._clock()))

    def _now(self, network: str) -> float:
        left, at = self._left.get(network) or (float(self._most), self._clock())
        return min(self._most, left + (self._clock() - at) * self._per_second)
