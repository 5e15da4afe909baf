"""What is done for a client ends with the client's connection, in whatever thread it is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from tokenbudget_server.analytics.bounds import collect_large
from tokenbudget_server.web.cancellation import Cancellation, current_cancellation, run_for
from tokenbudget_server.web.errors import ClientGoneError, TooSlowError
from tokenbudget_server.web.pools import Pool

pytestmark = pytest.mark.anyio


class Client:
    """A request as far as it is looked at: what its client does."""

    def __init__(self) -> None:
        self.hangs_up = asyncio.Event()
        self._is_read = False

    async def receive(self) -> dict[str, Any]:
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("sums", 1, waiting=4)
    yield pool
    pool.close()


async def test_the_answer_comes_to_a_client_that_waits(pool: Pool) -> None:
    assert await run_for(Client(), pool.run, lambda: "answer", caller="a") == "answer"  # type: ignore[arg-type]


async def test_an_error_comes_as_it_is(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        await run_for(Client(), pool.run, lambda: 1 // 0, caller="a")  # type: ignore[arg-type]


async def test_what_has_not_begun_when_the_client_hangs_up_never_does(pool: Pool) -> None:
    go, begun, client = threading.Event(), [], Client()
    first = asyncio.create_task(pool.run(go.wait))
    waits = asyncio.create_task(run_for(client, pool.run, lambda: begun.append(1), caller="a"))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    client.hangs_up.set()
    with pytest.raises(ClientGoneError):
        await waits
    go.set()
    await first
    assert await pool.run(lambda: 1) == 1
    assert begun == []


async def test_what_is_under_way_when_the_client_hangs_up_is_stopped(pool: Pool) -> None:
    begun, stopped, client = threading.Event(), threading.Event(), Client()
    after: list[int] = []

    def work() -> None:
        with current_cancellation().stoppable(stopped.set):
            begun.set()
            stopped.wait()
        after.append(1)

    asked = asyncio.create_task(run_for(client, pool.run, work, caller="a"))  # type: ignore[arg-type]
    await asyncio.to_thread(begun.wait)
    client.hangs_up.set()
    with pytest.raises(ClientGoneError):
        await asked
    assert await pool.run(lambda: 1) == 1  # There is one thread: the work is over.
    assert after == []


async def test_what_takes_too_long_is_stopped_and_says_what_to_do(pool: Pool) -> None:
    stopped = threading.Event()

    def work() -> None:
        with current_cancellation().stoppable(stopped.set):
            stopped.wait()

    with pytest.raises(TooSlowError, match="ask about a shorter period"):
        await run_for(Client(), pool.run, work, caller="a", seconds=0.01)  # type: ignore[arg-type]
    assert await pool.run(stopped.is_set)


async def test_work_for_nobody_in_particular_is_never_ended() -> None:
    current_cancellation().end()
    current_cancellation().check()


def test_a_query_of_polars_is_interrupted() -> None:
    waiting = Cancellation()
    begun = threading.Event()

    def first(frame: pl.DataFrame) -> pl.DataFrame:
        begun.set()
        return frame

    numbers = pl.LazyFrame({"n": range(1_000_000)}).map_batches(first, streamable=True)
    groups = numbers.group_by(pl.col("n").cast(pl.String)).agg(pl.len()).sort("n")
    asked = threading.Thread(target=lambda: (begun.wait(), waiting.end()))
    asked.start()
    with pytest.raises(ClientGoneError):
        waiting.bound(lambda: collect_large([groups]))
    asked.join()


def test_after_the_end_nothing_begins() -> None:
    waiting = Cancellation()
    waiting.end()
    with pytest.raises(ClientGoneError):
        waiting.bound(lambda: pytest.fail("it began"))


def test_what_has_begun_is_stopped_and_waited_for_though_the_end_came_before() -> None:
    waiting, done = Cancellation(), []
    waiting.end()
    with pytest.raises(ClientGoneError), waiting.stoppable(lambda: done.append("stopped")):
        done.append("waited for")
    assert done == ["stopped", "waited for"]
