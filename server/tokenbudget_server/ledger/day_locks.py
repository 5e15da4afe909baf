"""Locks by project and day: threads that need the same day read it one after the other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from tokenbudget_server.ledger.queries import Day


class DayLocks:
    """A lock per day, which exists only while a thread holds it or waits for it.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Day, threading.Lock] = {}
        self._wanted: Counter[Day] = Counter()

    @contextmanager
    def holding(self, days: Iterable[Day]) -> Iterator[None]:
        """Hold the locks of these days for the length of a ``with`` block."""
        with ExitStack() as stack:
            for day in sorted(days):  # In one order, so that no two threads wait for each other.
                stack.enter_context(self._holding(day))
            yield

    @contextmanager
    def _holding(self, day: Day) -> Iterator[None]:
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
