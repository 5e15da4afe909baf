"""Threads for work that would hold up the event loop: each kind has its own, so that none takes another's.

A pool is bounded twice: so many calls run at once, and so many more wait.  One caller may have only a part of it, so
that the others are served too.  What is refused is refused at once, with ``Retry-After``.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, TypeVar

from tokenbudget_server.web.quotas import Quota

T = TypeVar("T")
Call = Callable[[], T]


class Runner(Protocol):
    """Calls a function in a thread."""

    async def __call__(self, function: Call[T], *, caller: Hashable = None) -> T:
        """Return what the function returns."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    caller: Hashable
    function: Call[Any]
    done: Future[Any] = field(default_factory=Future)


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
    at_once : int, optional
        Calls of one caller that may run at once: the other threads are kept for others.
    """

    def __init__(
        self, name: str, threads: int, *, waiting: int, per_caller: int | None = None, at_once: int | None = None
    ) -> None:
        self._quota = Quota(name, threads + waiting, per_caller)
        self._at_once = at_once or threads
        self._free = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._running: Counter[Hashable] = Counter()
        self._waiting: list[_Waiting] = []

    async def run(self, function: Call[T], *, caller: Hashable = None) -> T:
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
        done = self._enqueue(function, caller)
        done.add_done_callback(lambda _: self._quota.give_back(caller))
        self._begin()
        return await asyncio.wrap_future(done)

    @contextmanager
    def place(self, caller: Hashable = None) -> Iterator[Runner]:
        """Hold a place in the pool for several calls, one after the other; gives what makes them.

        Raises
        ------
        OverloadedError, TooManyAtOnceError
            As `run`; its calls raise neither.
        """
        self._quota.take(caller)
        try:
            yield self._run_admitted
        finally:
            self._quota.give_back(caller)

    def close(self) -> None:
        """Begin no further call; those that run go on to their end."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for call in waiting:
            call.done.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run_admitted(self, function: Call[T], *, caller: Hashable = None) -> T:
        done = self._enqueue(function, caller)
        self._begin()
        return await asyncio.wrap_future(done)

    def _enqueue(self, function: Call[T], caller: Hashable) -> Future[T]:
        call = _Waiting(caller, function)
        with self._lock:
            self._waiting.append(call)
        return call.done

    def _begin(self) -> None:
        """Begin what there are threads for."""
        with self._lock:
            while self._free and (call := self._take()) is not None:
                self._free -= 1
                self._running[call.caller] += 1
                self._threads.submit(self._carry_out, call)

    def _take(self) -> _Waiting | None:
        """Take the call that has waited longest of those whose callers do not have their part of the threads."""
        self._waiting = [call for call in self._waiting if not call.done.cancelled()]
        for call in self._waiting:
            if self._running[call.caller] < self._at_once and call.done.set_running_or_notify_cancel():
                self._waiting.remove(call)
                return call
        return None

    def _carry_out(self, call: _Waiting) -> None:
        try:
            result = call.function()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._end(call)
            call.done.set_exception(error)
        else:
            self._end(call)
            call.done.set_result(result)

    def _end(self, call: _Waiting) -> None:
        with self._lock:
            self._free += 1
            self._running[call.caller] -= 1
            if not self._running[call.caller]:
                del self._running[call.caller]
        self._begin()


def _processors() -> int:
    return os.cpu_count() or 1


QUESTIONS_AT_ONCE = max(3, _processors() // 2)
"""Also into how many parts the memory for questions is divided."""


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The pools of one application.

    Attributes
    ----------
    questions : Pool
        Analytics; polars computes each with several threads of its own.
    streams : Pool
        Lists of events that are sent piece by piece.
    hashing : Pool
        bcrypt of API keys.
    passwords : Pool
        bcrypt of passwords, which takes long on purpose: keys must not wait for it.
    pricing : Pool
        Listing prices.
    books : Pool
        Building the price book: apart, as new events are priced by it.
    repricing : Pool
        Pricing stored events again, which may take long.
    decoding : Pool
        What is left of a request's events when they have taken their time on the event loop.
    """

    questions: Pool = field(
        default_factory=lambda: Pool(
            "questions", QUESTIONS_AT_ONCE, waiting=64, per_caller=16, at_once=QUESTIONS_AT_ONCE - 1
        )
    )
    streams: Pool = field(default_factory=lambda: Pool("streams of events", 1, waiting=7, per_caller=2))
    hashing: Pool = field(default_factory=lambda: Pool("hashes", max(1, _processors() // 2), waiting=64, per_caller=16))
    passwords: Pool = field(default_factory=lambda: Pool("password checks", 1, waiting=16, per_caller=4))
    pricing: Pool = field(default_factory=lambda: Pool("price calculations", 2, waiting=8))
    books: Pool = field(default_factory=lambda: Pool("price books", 1, waiting=1))
    repricing: Pool = field(default_factory=lambda: Pool("repricings", 2, waiting=4, per_caller=1))
    decoding: Pool = field(default_factory=lambda: Pool("large batches", 1, waiting=32, per_caller=8))

    def close(self) -> None:
        """Close all of them."""
        for each in fields(self):
            pool: Pool = getattr(self, each.name)
            pool.close()
