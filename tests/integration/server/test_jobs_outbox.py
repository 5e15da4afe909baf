"""The outbox: done after the transaction, at least once, and never lost."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from tokenbudget.core.ids import uuid7
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.jobs import outbox
from tokenbudget_server.jobs.outbox import Dispatcher, enqueue

pytestmark = pytest.mark.postgres

KILLED = """
import asyncio, sys
from sqlalchemy.ext.asyncio import create_async_engine
from tokenbudget_server.jobs.outbox import Dispatcher

async def handle(message):
    print(message.id, message.attempt, flush=True)
    await asyncio.Event().wait()

asyncio.run(Dispatcher(create_async_engine(sys.argv[1]), {"mail": handle}).dispatch())
"""


class Handler:
    """Notes what it is handed, after it failed a few times."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.seen = []

    async def __call__(self, message):
        self.seen.append(message)
        await asyncio.sleep(0)  # Others come between.
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def put(postgres_url):
    """Enqueue messages in a transaction, which fails when told to."""

    def run(*payloads, topic="mail", fails=False, **more):
        engine = create_engine(sqlalchemy_url(postgres_url))
        try:
            with engine.begin() as connection:
                ids = [enqueue(connection, topic, payload, **more) for payload in payloads]
                if fails:
                    raise ZeroDivisionError
        finally:
            engine.dispose()
        return ids

    return run


@pytest.fixture
def dispatch(postgres_url):
    """Dispatch once, by so many dispatchers at the same time."""

    def run(handlers, count=1):
        async def opened():
            engines = [create_async_engine(sqlalchemy_url(postgres_url)) for _ in range(count)]
            try:
                return await asyncio.gather(*(Dispatcher(engine, handlers).dispatch() for engine in engines))
            finally:
                for engine in engines:
                    await engine.dispose()

        return asyncio.run(opened())

    return run


def make_due(sql):
    sql("UPDATE outbox SET not_before = now() - interval '1 second'")


def test_what_is_enqueued_is_done_once_the_transaction_commits(put, dispatch, sql):
    handler = Handler()
    with pytest.raises(ZeroDivisionError):
        put("never", fails=True)
    (id_,) = put({"to": "ada", "amounts": [1, None]})
    assert dispatch({"mail": handler}) == [1]
    assert [tuple(message) for message in handler.seen] == [(id_, "mail", {"to": "ada", "amounts": [1, None]}, 1)]
    assert dispatch({"mail": handler}) == [0]
    assert sql("SELECT attempts, last_error, done_at IS NOT NULL FROM outbox") == [(1, None, True)]


def test_several_dispatchers_share_the_work(put, dispatch):
    put(*range(40))
    handler = Handler()
    done = dispatch({"mail": handler}, count=3)
    assert sum(done) == 40
    assert min(done) > 0
    assert sorted(message.payload for message in handler.seen) == list(range(40))


def test_a_handler_that_fails_is_asked_again_with_the_same_id_and_holds_nobody_up(put, dispatch, sql):
    handler, other = Handler(OSError("no line"), ValueError("x" * 9_000)), Handler()
    (id_,) = put("one")
    put("two", topic="other")
    handlers = {"mail": handler, "other": other}
    assert dispatch(handlers) == [1]
    ((attempts, error, waits, done),) = sql(
        "SELECT attempts, last_error, not_before - now() <= interval '1 second', done_at FROM outbox WHERE id = %s", id_
    )
    assert (attempts, error, waits, done) == (1, "OSError('no line')", True, None)
    make_due(sql)
    assert dispatch(handlers) == [0]
    ((attempts, length),) = sql("SELECT attempts, length(last_error) FROM outbox WHERE id = %s", id_)
    assert (attempts, length) == (2, 500)
    make_due(sql)
    assert dispatch(handlers) == [1]
    assert [(message.id, message.attempt) for message in handler.seen] == [(id_, 1), (id_, 2), (id_, 3)]
    assert sql("SELECT last_error, done_at IS NOT NULL FROM outbox WHERE id = %s", id_) == [(None, True)]
    assert [message.payload for message in other.seen] == ["two"]


def test_pauses_grow_up_to_an_hour():
    pauses = [outbox._pause(attempt) for attempt in (1, 2, 3, 12, 1_000_000)]
    for pause, longest in zip(pauses, (1, 2, 4, 2048, 3600), strict=True):
        assert timedelta(seconds=longest / 2) <= pause <= timedelta(seconds=longest)


def test_a_process_that_is_killed_half_way_loses_nothing(put, dispatch, sql, postgres_url):
    (id_,) = put("one")
    command = [sys.executable, "-c", KILLED, sqlalchemy_url(postgres_url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().split() == [str(id_), "1"]
        os.kill(process.pid, signal.SIGKILL)
    handler = Handler()
    assert dispatch({"mail": handler}) == [0], "its lease has not ended"
    assert sql("SELECT not_before - now() BETWEEN '30 seconds' AND '60 seconds' FROM outbox") == [(True,)]
    make_due(sql)
    assert dispatch({"mail": handler}) == [1]
    assert [(message.id, message.attempt) for message in handler.seen] == [(id_, 2)]


def test_an_attempt_that_outlived_its_lease_says_nothing_of_the_next(put, dispatch, sql):
    put("one")

    async def slow(message):
        sql("UPDATE outbox SET attempts = attempts + 1")  # Another process has claimed it by now.
        raise OSError("late")

    assert dispatch({"mail": slow}) == [0]
    assert sql("SELECT last_error, done_at FROM outbox") == [(None, None)]


def test_a_handler_that_hangs_is_given_up(put, dispatch, sql, monkeypatch):
    monkeypatch.setattr(outbox, "_PATIENCE", timedelta(milliseconds=1))
    put("one")

    async def hang(_):
        await asyncio.Event().wait()

    assert dispatch({"mail": hang}) == [0]
    assert sql("SELECT last_error FROM outbox") == [("TimeoutError()",)]


def test_a_topic_that_nobody_knows_waits(put, dispatch, sql):
    put("one", topic="of a newer version")
    assert dispatch({"mail": Handler()}) == [0]
    assert sql("SELECT attempts FROM outbox") == [(0,)]


def test_the_same_id_is_enqueued_once(put, sql):
    id_ = UUID(uuid7())
    assert put("one", id=id_) == put("again", id=id_) == [id_]
    assert sql("SELECT payload FROM outbox") == [("one",)]


def test_what_was_done_is_deleted_after_a_week(put, sql, postgres_url):
    put("waits", "done now", "done long ago")
    sql("UPDATE outbox SET done_at = now() WHERE payload = '\"done now\"'")
    sql("UPDATE outbox SET done_at = now() - interval '8 days' WHERE payload = '\"done long ago\"'")

    async def scenario():
        engine = create_async_engine(sqlalchemy_url(postgres_url))
        jobs = {job.name: job for job in Dispatcher(engine, {"mail": Handler()}).jobs}
        await jobs["clean-outbox"].run()
        await engine.dispose()

    asyncio.run(scenario())
    assert sql("SELECT payload FROM outbox ORDER BY 1") == [("done now",), ("waits",)]
    assert Dispatcher(create_async_engine(sqlalchemy_url(postgres_url)), {}).jobs == []
