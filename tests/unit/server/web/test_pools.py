"""Pools of threads: bounded for all and for each caller, and left by those who do not wait any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tokenbudget_server.web.errors import OverloadedError, TooManyAtOnceError
from tokenbudget_server.web.pools import Pool

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("sums", 1, waiting=2, per_caller=2)
    yield pool
    pool.close()


async def test_runs_in_a_thread_of_its_own_and_returns_what_the_function_returns(pool: Pool) -> None:
    name = await pool.run(lambda: threading.current_thread().name)
    assert name.startswith("sums")


async def test_an_error_is_raised_where_it_is_waited_for(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)


async def test_a_full_pool_refuses_at_once_and_takes_more_when_there_is_room(pool: Pool) -> None:
    go = threading.Event()
    tasks = [asyncio.create_task(pool.run(go.wait, caller=caller)) for caller in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError, match="3 sums are under way"):
        await pool.run(go.wait, caller="d")
    go.set()
    assert await asyncio.gather(*tasks) == [True] * 3
    assert await pool.run(go.wait, caller="d")


async def test_one_caller_gets_a_part_and_leaves_the_rest_to_others(pool: Pool) -> None:
    go = threading.Event()
    tasks = [asyncio.create_task(pool.run(go.wait, caller="a")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyAtOnceError, match="2 sums of yours"):
        await pool.run(go.wait, caller="a")
    tasks.append(asyncio.create_task(pool.run(go.wait, caller="b")))
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*tasks) == [True] * 3


async def test_what_nobody_waits_for_any_more_never_begins(pool: Pool) -> None:
    go, begun = threading.Event(), threading.Event()
    first = asyncio.create_task(pool.run(go.wait, caller="a"))
    second = asyncio.create_task(pool.run(begun.set, caller="a"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    third = asyncio.create_task(pool.run(lambda: None, caller="a"))  # The place of the second is free.
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, third)
    assert not begun.is_set()


async def test_a_call_that_runs_keeps_its_place_until_it_ends(pool: Pool) -> None:
    go, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait()

    tasks = [asyncio.create_task(pool.run(work, caller="a")), asyncio.create_task(pool.run(go.wait, caller="a"))]
    await asyncio.to_thread(begun.wait)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    with pytest.raises(TooManyAtOnceError):
        await pool.run(go.wait, caller="a")
    go.set()
    await tasks[1]


async def test_one_caller_leaves_a_thread_to_others_however_much_it_asks() -> None:
    pool, go = Pool("sums", 2, waiting=8, at_once=1), threading.Event()
    tasks = [asyncio.create_task(pool.run(go.wait, caller="a")) for _ in range(4)]
    await asyncio.sleep(0)
    assert await pool.run(lambda: "served", caller="b") == "served"
    go.set()
    assert await asyncio.gather(*tasks) == [True] * 4
    pool.close()


async def test_calls_begin_in_the_order_in_which_they_came(pool: Pool) -> None:
    go, begun = threading.Event(), []
    tasks = [asyncio.create_task(pool.run(go.wait, caller="a"))]
    tasks += [asyncio.create_task(pool.run(lambda name=name: begun.append(name), caller=name)) for name in "bc"]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*tasks)
    assert begun == ["b", "c"]


async def test_a_place_is_held_between_calls(pool: Pool) -> None:
    with pool.place("a") as run, pool.place("a"):
        assert await run(lambda: 1, caller="a") == 1
        with pytest.raises(TooManyAtOnceError):
            await pool.run(lambda: 2, caller="a")
    assert await pool.run(lambda: 3, caller="a") == 3
