import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from uuid import UUID

import numpy as np
import pytest

from tokenbudget.capture import current_tags, tagged, tags
from tokenbudget.core.errors import TagError
from tokenbudget.notebook.question import question


def test_tags_nest_and_merge():
    with tags(feature="chat", env="dev"):
        with tags(feature="search", n=3):
            assert current_tags() == {"feature": "search", "env": "dev", "n": "3"}
        assert current_tags() == {"feature": "chat", "env": "dev"}
    assert current_tags() == {}


def test_one_object_can_be_used_again_and_inside_itself():
    mine = tags(feature="x")
    with mine, mine:
        assert current_tags() == {"feature": "x"}
    with mine:
        assert current_tags() == {"feature": "x"}
    assert current_tags() == {}


class Plan(StrEnum):
    PRO = "pro"


class Stage(str, Enum):  # noqa: UP042 (as many programs have them)
    PROD = "prod"


VALUES = [
    (True, "true"),
    (False, "false"),
    (7, "7"),
    (0.5, "0.5"),
    ("", ""),
    (Plan.PRO, "pro"),
    (Stage.PROD, "prod"),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (date(2026, 10, 5), "2026-10-05"),
    (Decimal("1.50"), "1.50"),
    (np.int64(7), "7"),
    (np.float64(0.5), "0.5"),
    (np.bool_(True), "true"),
    (np.str_("a"), "a"),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_values_become_text(value, text):
    with tags(key=value):
        assert current_tags() == {"key": text}


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_what_is_asked_for_is_the_text_that_was_set(value, text):
    assert question("7d", filters={"key": value}).filters == {"key": (text,)}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"has space": "x"}, "tag key 'has space'"),
        ({"": "x"}, "tag key ''"),
        ({"k" * 65: "x"}, "1 to 64 characters"),
        ({"k\n": "x"}, "tag key"),
        ({"k": "x" * 257}, "257 characters, at most 256"),
        ({"k": None}, "got NoneType"),
        ({"k": "x\0"}, r"U\+0000"),
        ({"k": "half of a pair \ud83d"}, "surrogate pair"),
        ({"k": ["x"]}, r"got list: \['x'\]"),
        ({f"k{n}": "x" for n in range(21)}, "21 tags at once, at most 20"),
    ],
)
def test_what_is_out_of_bounds_is_said_at_once(values, says):
    with pytest.raises(TagError, match=says):
        tags(**values)
    with pytest.raises(ValueError, match=says):
        tagged(**values)


def test_too_many_by_nesting():
    with tags(**{f"k{n}": n for n in range(20)}), pytest.raises(TagError, match="21 tags"):
        tags(one_more=1)
    assert current_tags() == {}


def test_any_key_that_is_allowed_can_be_used():
    with tags(**{"self": "x", "a.b:c-d_E9": "y"}):
        assert current_tags() == {"self": "x", "a.b:c-d_E9": "y"}


def test_tasks_started_inside_carry_them_and_keep_their_own():
    async def work(name):
        with tags(task=name):
            await asyncio.sleep(0)
            return current_tags()

    async def main():
        with tags(feature="chat"):
            tasks = [asyncio.create_task(work(name)) for name in "ab"]
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [{"feature": "chat", "task": name} for name in "ab"]


def test_threads_carry_them_when_asked():
    seen = []
    with tags(feature="chat"):
        threads = [
            threading.Thread(target=lambda: seen.append(current_tags())),
            threading.Thread(target=tags.propagate(lambda: seen.append(current_tags()))),
        ]
        carrying = tags.propagate(current_tags)
    for thread in threads:
        thread.start()
        thread.join()
    assert seen == [{}, {"feature": "chat"}]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(carrying).result() == {"feature": "chat"}
        assert pool.submit(current_tags).result() == {}


def test_tagged_functions_of_every_kind():
    @tagged(feature="f")
    def plain(x):
        return x, current_tags()

    @tagged(feature="f")
    async def coroutine():
        await asyncio.sleep(0)
        return current_tags()

    assert plain(1) == (1, {"feature": "f"})
    assert plain.__name__ == "plain"
    assert asyncio.run(coroutine()) == {"feature": "f"}


def test_tagged_generators_tag_their_own_steps_only():
    @tagged(feature="f")
    def generator():
        received = yield current_tags()
        try:
            yield received, current_tags()
        except KeyError:
            yield "caught", current_tags()
        return "end"

    steps = generator()
    assert next(steps) == {"feature": "f"}
    assert current_tags() == {}
    assert steps.send("hello") == ("hello", {"feature": "f"})
    assert steps.throw(KeyError()) == ("caught", {"feature": "f"})
    with pytest.raises(StopIteration) as stop:
        next(steps)
    assert stop.value.value == "end"


def test_tagged_generators_close_their_inside():
    closed = []

    @tagged(feature="f")
    def generator():
        try:
            yield 1
        finally:
            closed.append(True)

    steps = generator()
    next(steps)
    steps.close()
    assert closed == [True]


def test_tagged_async_generators():
    @tagged(feature="f")
    async def generator():
        received = yield current_tags()
        try:
            yield received
        except KeyError:
            yield "caught"

    async def main():
        steps = generator()
        first = await anext(steps)
        outside = current_tags()
        rest = [await steps.asend("hello"), await steps.athrow(KeyError())]
        return first, outside, rest, [step async for step in steps]

    assert asyncio.run(main()) == ({"feature": "f"}, {}, ["hello", "caught"], [])


def test_a_generator_closed_elsewhere_leaves_that_place_alone():
    def generator():
        with tags(feature="inside"):
            yield

    steps = generator()
    threading.Thread(target=lambda: next(steps)).start()
    with tags(feature="here"):
        steps.close()
        assert current_tags() == {"feature": "here"}
