"""All events of a period as one Arrow stream, sent a piece at a time as fast as the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from litestar import Request

from tokenbudget.analytics.collecting import collecting
from tokenbudget.core.query import Query
from tokenbudget_server.analytics.bounds import collect_large
from tokenbudget_server.analytics.frames import stream
from tokenbudget_server.ledger import PostgresLedger
from tokenbudget_server.web.cancellation import Cancellation, while_connected
from tokenbudget_server.web.pools import Pool, Runner

STALLED_SECONDS = 60.0
"""How long a client may leave a piece unread."""


async def send_events(
    request: Request[Any, Any, Any], pool: Pool, source: PostgresLedger, query: Query, caller: str | None
) -> AsyncIterator[bytes]:
    """Begin the stream of a period's events, in the task of the request.

    While the client reads, a thread is held by nothing.  The place in the pool is given back when the request's task
    ends: at the end of the stream, when the client hangs up, or when it leaves a piece unread.

    Raises
    ------
    OverloadedError, TooManyAtOnceError
        If too many streams are under way.
    StoreUnavailableError
        If the database does not answer.
    ClientGoneError, TooSlowError
        If nobody waits for the beginning any more.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("events are sent in the task of a request")
    waiting, held = Cancellation(), ExitStack()
    held.callback(waiting.end)
    run = held.enter_context(pool.place(caller))
    task.add_done_callback(lambda _: held.close())
    take = partial(_take, run, waiting, caller)
    opening = asyncio.ensure_future(take(partial(_open, source, query)))
    first, pieces = await while_connected(request, opening, waiting.end)
    return _sent(first, pieces, take, task.cancel)


def _open(source: PostgresLedger, query: Query) -> tuple[bytes | None, Iterator[bytes]]:
    pieces = stream(source.at_one_moment(query.period.start, query.period.end), query)
    return next(pieces, None), pieces


async def _sent(
    first: bytes | None, pieces: Iterator[bytes], take: Callable[..., Any], give_up: Callable[[], object]
) -> AsyncIterator[bytes]:
    loop, piece = asyncio.get_running_loop(), first
    while piece is not None:
        stalled = loop.call_later(STALLED_SECONDS, give_up)
        try:
            yield piece
        finally:
            stalled.cancel()
        piece = await take(partial(next, pieces, None))


async def _take(run: Runner, waiting: Cancellation, caller: str | None, step: Callable[[], Any]) -> Any:
    """Do a step in a thread, as long as somebody waits."""
    return await run(partial(waiting.bound, partial(_collected, step)), caller=caller)


def _collected(step: Callable[[], Any]) -> Any:
    with collecting(collect_large):
        return step()
