"""The memory of one process, which stands in for Redis."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


def _one(_: object) -> int:
    return 1


class MemoryCache(Generic[Value]):
    """Remembers values for a while; safe to use from several threads.

    Parameters
    ----------
    largest : int
        What all values together may weigh; those not used for longest are evicted.
    weigh : callable
        Weight of a value: 1 by default, so that values are counted.
    seconds : float
        How long a value is remembered.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self,
        largest: int,
        weigh: Callable[[Value], int] = _one,
        seconds: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._largest = largest
        self._weigh = weigh
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[str, tuple[Value, float]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Value | None:
        """Return what is remembered; None where there is nothing."""
        with self._lock:
            if key not in self._known:
                return None
            value, until = self._known[key]
            if until <= self._clock():
                self._drop(key)
                return None
            self._known.move_to_end(key)
            return value

    def put(self, key: str, value: Value) -> None:
        """Remember a value."""
        with self._lock:
            self._drop(key)
            self._known[key] = value, self._clock() + self._seconds
            self._weight += self._weigh(value)
            while self._weight > self._largest:
                self._drop(next(iter(self._known)))

    def forget(self, is_wanted: Callable[[Value], bool]) -> None:
        """Forget the values that a condition holds for."""
        with self._lock:
            for key in [key for key, (value, _) in self._known.items() if is_wanted(value)]:
                self._drop(key)

    def _drop(self, key: str) -> None:
        if (entry := self._known.pop(key, None)) is not None:
            self._weight -= self._weigh(entry[0])
