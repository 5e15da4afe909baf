"""Threads for work that would hold up the event loop: each kind has its own, so that none takes another's.

A pool is bounded twice: so many calls run at once, and so many more wait.  One caller may have only a part of it, so
that the others are served too.  What is refused is refused at once, with ``Retry-After``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from tokenbudget_server.web.quotas import Quota

T = TypeVar("T")


class Pool:
    """Threads for one kind of work.

    Parameters
    ----------
    name : str
        What the work is, in the plural: for people and for the names of the threads.
    threads : int
        Calls that run at once.
    waiting : int
        Calls that may wait for a thread.
    per_caller : int, optional
        Calls of one caller that may run and wait; no limit of its own when left out.
    """

    def __init__(self, name: str, threads: int, *, waiting: int, per_caller: int | None = None) -> None:
        self._quota = Quota(name, threads + waiting, per_caller)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, function: Callable[[], T], *, caller: Hashable = None) -> T:
        """Call a function in a thread of the pool; return what it returns.

        If the task that waits is cancelled, a call that has not begun never does; one that has goes on to its end, and
        keeps its place in the pool until then.

        Parameters
        ----------
        function : callable
            Takes no arguments.
        caller : hashable
            Whose work it is: the id of a key, a network address.

        Raises
        ------
        OverloadedError
            If the pool is full.
        TooManyAtOnceError
            If the caller has its part of the pool already.
        """
        self._quota.take(caller)
        try:
            call = self._threads.submit(function)
        except BaseException:
            self._quota.give_back(caller)
            raise
        call.add_done_callback(lambda _: self._quota.give_back(caller))
        return await asyncio.wrap_future(call)

    def close(self) -> None:
        """Begin no further call; those that run go on to their end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _processors() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The pools of one application.

    Attributes
    ----------
    questions : Pool
        Analytics; polars computes each with several threads of its own.
    hashing : Pool
        bcrypt of API keys.
    passwords : Pool
        bcrypt of passwords, which takes long on purpose: keys must not wait for it.
    pricing : Pool
        Pricing stored events again, coverage.
    books : Pool
        Building the price book: apart, as new events are priced by it.
    decoding : Pool
        What is left of a request's events when they have taken their time on the event loop.
    """

    questions: Pool = field(
        default_factory=lambda: Pool("questions", max(2, _processors() // 2), waiting=32, per_caller=8)
    )
    hashing: Pool = field(default_factory=lambda: Pool("hashes", max(1, _processors() // 2), waiting=64, per_caller=16))
    passwords: Pool = field(default_factory=lambda: Pool("password checks", 1, waiting=16, per_caller=4))
    pricing: Pool = field(default_factory=lambda: Pool("price calculations", 2, waiting=8))
    books: Pool = field(default_factory=lambda: Pool("price books", 1, waiting=1))
    decoding: Pool = field(default_factory=lambda: Pool("large batches", 1, waiting=32, per_caller=8))

    def close(self) -> None:
        """Close all of them."""
        for pool in (self.questions, self.hashing, self.passwords, self.pricing, self.books, self.decoding):
            pool.close()
