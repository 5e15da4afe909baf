"""Turns at days: what two want to do with the same day, they do one after the other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from tokenbudget_server.ledger.queries import Day


class Turns:
    """Locks by day; a day that nobody is at takes no memory.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Day, threading.Lock] = {}
        self._wanted: Counter[Day] = Counter()

    @contextmanager
    def at(self, days: Iterable[Day]) -> Iterator[None]:
        """Have these days to oneself for the length of a ``with`` block."""
        with ExitStack() as stack:
            for day in sorted(days):  # All in one order: nobody waits for each other.
                stack.enter_context(self._at(day))
            yield

    @contextmanager
    def _at(self, day: Day) -> Iterator[None]:
        with self._lock:
            self._wanted[day] += 1
            lock = self._locks.setdefault(day, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._wanted[day] -= 1
                if not self._wanted[day]:
                    del self._wanted[day], self._locks[day]
