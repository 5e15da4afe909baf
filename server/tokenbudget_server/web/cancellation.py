"""End the work for a request when its client hangs up or its time is up.

Work runs in threads, which cannot be ended from outside.  So whatever takes long registers how to stop it while it runs
(`Cancellation.stoppable`): a polars query, a database statement.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from litestar import Request

from tokenbudget_server.web.errors import ClientGoneError, TooSlowError
from tokenbudget_server.web.pools import Call, Runner

T = TypeVar("T")

ANSWER_SECONDS = 60.0
"""How long a question may take, with the time for which it waits for others."""


class Cancellation:
    """Whether the result of some work is still wanted, and how to stop the work.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], object]] = []
        self._is_over = False

    def end(self) -> None:
        """Stop what runs, and let nothing further begin."""
        with self._lock:  # Nothing leaves its block meanwhile: a connection that another uses by then must not be hit.
            self._is_over = True
            for stop in self._stops:
                with suppress(Exception):  # It ended by itself.
                    stop()

    def check(self) -> None:
        """Raise an error if the result is not wanted any more.

        Raises
        ------
        ClientGoneError
        """
        if self._is_over:
            raise ClientGoneError("the client does not wait for the answer any more")

    def bound(self, function: Call[T]) -> T:
        """Call a function, whose stoppable work ends with this; raise ClientGoneError if it has ended already."""
        token = _current.set(self)
        try:
            self.check()
            return function()
        finally:
            _current.reset(token)

    @contextmanager
    def stoppable(self, stop: Callable[[], object]) -> Iterator[None]:
        """Have the work of a ``with`` block stopped by a function if nobody waits for it any more.

        Raises
        ------
        ClientGoneError
            If it was.
        """
        with self._lock:
            self._stops.append(stop)
            if self._is_over:  # The block is entered all the same: what has begun must be waited for.
                with suppress(Exception):
                    stop()
        try:
            yield
        except Exception:
            self.check()
            raise
        else:
            self.check()
        finally:
            with self._lock:
                self._stops.remove(stop)


_current: ContextVar[Cancellation] = ContextVar("cancellation")


def current_cancellation() -> Cancellation:
    """Return the cancellation of the request that this thread works for; one that never ends if there is none."""
    return _current.get(None) or Cancellation()


async def run_for(
    request: Request[Any, Any, Any],
    runner: Runner,
    function: Call[T],
    *,
    caller: str | None,
    seconds: float | None = ANSWER_SECONDS,
) -> T:
    """Call a function in a pool for a request: it ends when the client hangs up, and when the time is up.

    Raises
    ------
    ClientGoneError, TooSlowError
        If it was ended.
    OverloadedError, TooManyAtOnceError
        If the pool does not take it.
    """
    waiting = Cancellation()
    work = runner(partial(waiting.bound, function), caller=caller)
    return await while_connected(request, work, waiting.end, seconds)


async def while_connected(
    request: Request[Any, Any, Any],
    work: Awaitable[T],
    end: Callable[[], object] = lambda: None,
    seconds: float | None = ANSWER_SECONDS,
) -> T:
    """Wait for work as long as the client does, and no longer than so many seconds; raises what `run_for` does.

    Parameters
    ----------
    end : callable
        Ends what has begun.
    """
    work, gone = asyncio.ensure_future(work), asyncio.ensure_future(_hung_up(request))
    try:
        either: set[asyncio.Future[Any]] = {work, gone}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        if gone.done():
            gone.result()  # What was wrong with a body that did not come, if that was it.
            raise ClientGoneError("the client hung up")
        raise TooSlowError(
            f"there was no answer within {seconds:g} s: ask about a shorter period or fewer groups, or try again"
        )
    finally:
        gone.cancel()
        if not work.done():
            end()
            work.cancel()


async def _hung_up(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
