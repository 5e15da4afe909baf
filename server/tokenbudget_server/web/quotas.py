"""How much may be under way at once: for all callers together, and for each of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from tokenbudget_server.web.errors import OverloadedError, TooManyAtOnceError


class Quota:
    """Counts what is under way, and refuses what is too much at once.

    Parameters
    ----------
    what : str
        What is counted, in the plural, for people.
    most : int
        Of all callers together.
    per_caller : int, optional
        Of one caller, so that the others have their part; no limit of its own when left out.
    """

    def __init__(self, what: str, most: int, per_caller: int | None = None) -> None:
        self._what = what
        self._most = most
        self._per_caller = per_caller
        self._lock = threading.Lock()
        self._taken: Counter[Hashable] = Counter()
        self._total = 0

    def take(self, caller: Hashable, amount: int = 1) -> None:
        """Note that so much more is under way.

        Raises
        ------
        OverloadedError
            If that is too much for all together.
        TooManyAtOnceError
            If that is too much for the caller.
        """
        with self._lock:
            if self._per_caller is not None and self._taken[caller] + amount > self._per_caller:
                raise TooManyAtOnceError(f"{self._per_caller} {self._what} of yours are under way: try again later")
            if self._total + amount > self._most:
                raise OverloadedError(f"{self._most} {self._what} are under way: try again in a moment")
            self._taken[caller] += amount
            self._total += amount

    def give_back(self, caller: Hashable, amount: int = 1) -> None:
        """Note that so much is done."""
        with self._lock:
            self._total -= amount
            self._taken[caller] -= amount
            if self._taken[caller] <= 0:
                del self._taken[caller]

    @contextmanager
    def holding(self, caller: Hashable) -> Iterator[Held]:
        """Count what is held within the block; it is given back at its end."""
        held = Held(self, caller)
        try:
            yield held
        finally:
            self.give_back(caller, held.amount)


class Held:
    """What one request holds of a quota; it grows."""

    def __init__(self, quota: Quota, caller: Hashable) -> None:
        self._quota = quota
        self._caller = caller
        self.amount = 0

    def add(self, amount: int) -> None:
        """Hold more; raises what `Quota.take` does."""
        self._quota.take(self._caller, amount)
        self.amount += amount
