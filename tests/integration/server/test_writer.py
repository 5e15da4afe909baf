"""The writer: exactly once under concurrency, and honest when the database fails."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import psycopg
import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget_server.store import flusher, writer
from tokenbudget_server.store.rows import to_row
from tokenbudget_server.store.statement import UNPRICED
from tokenbudget_server.store.writer import Writer, Written
from tokenbudget_server.web.errors import OverloadedError, StoreUnavailableError

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


def row(number=0, *, id_=None, key=1, **fields):
    cost = Decimal(number % 97) / 10**9 if number % 7 else None
    known = {
        "id": id_ or uuid7(),
        "occurred_at": NOW + timedelta(seconds=number * 37 % 500_000),
        "provider": "openai",
        "model": f"model-{number % 5}",
        "usage": Usage(input_tokens=number % 1000, output_tokens=number % 100),
        "cost_usd": cost,
        "status": "error" if number % 11 == 0 else "ok",
    }
    return to_row(Event(**(known | fields)), None, key)


def run(url, work, **options):
    async def scenario():
        writing = Writer(url, **options)
        await writing.start()
        try:
            return await work(writing)
        finally:
            await writing.stop()

    return asyncio.run(scenario())


def test_eight_writers_with_duplicates_and_late_events(postgres_url, sql):
    random = Random(5)
    events = [(number % 3 + 1, row(number, key=number % 4)) for number in range(1500)]

    async def write_all():
        writers = [Writer(postgres_url) for _ in range(4)]  # Two flushers each.
        for each in writers:
            await each.start()
        requests = []
        for _ in range(120):
            project = random.randrange(3) + 1
            mine = [event for owner, event in events if owner == project]
            requests.append((random.choice(writers), project, random.choices(mine, k=random.choice([1, 40, 150]))))
        # Everything is sent once for sure, and most of it several times, in and across requests.
        requests += [(random.choice(writers), owner, [event]) for owner, event in events]
        random.shuffle(requests)
        written = await asyncio.gather(*(each.write(project, rows) for each, project, rows in requests))
        await asyncio.gather(*(each.stop() for each in writers))
        return sum(len(rows) for _, _, rows in requests), written

    sent, written = asyncio.run(write_all())
    assert sum(each.accepted for each in written) == len(events)
    assert sum(each.accepted + each.duplicates for each in written) == sent
    per_key = "SELECT project_id, api_key_id, {} FROM {} GROUP BY 1, 2 ORDER BY 1, 2"
    stored = sql(per_key.format(f"count(*), sum(cost_usd), {UNPRICED}", "events"))
    assert sum(count for _, _, count, _, _ in stored) == len(events)
    rolled = per_key.format("sum(requests), sum(cost_usd), sum(unpriced)", "{}")
    assert sql(rolled.format("spend_day")) == stored
    assert sql(rolled.format("usage_15m")) == stored
    by_bucket = """
        SELECT project_id, date_bin('15 min', occurred_at, '2020-01-01 00:00+00'), model, status, count(*),
               sum(input_tokens), sum(output_tokens) FROM events GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    rolled_up = """
        SELECT project_id, bucket, model, status, sum(requests), sum(input_tokens), sum(output_tokens)
        FROM usage_15m GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    assert sql(by_bucket) == sql(rolled_up)
    assert sql("SELECT count(DISTINCT shard) > 1 FROM usage_15m") == [(True,)]


def test_every_event_of_many_kinds_keeps_its_own(postgres_url, sql):
    """In one statement, with nulls among the kinds, and both orders of arrival and key."""
    rows = [
        row(number, key=number % 5, model=f"m{number % 50}", region=f"r{number % 3}" if number % 4 else None)
        for number in range(400)
    ]
    sent = {(each[1], each[-1][0], each[-1][4], each[-1][9]) for each in rows}

    async def work(writing):
        return await writing.write(1, rows[::-1])

    assert run(postgres_url, work) == Written(400, 0)
    stored = sql("SELECT id, api_key_id, model, region FROM events")
    assert {(id_.bytes, *rest) for id_, *rest in stored} == sent


def test_what_waits_is_written_together_and_shared_out(postgres_url, sql, monkeypatch):
    statements = []
    insert = flusher.Flusher.insert

    async def counted(self, project_id, rows):
        statements.append(len(rows))
        return await insert(self, project_id, rows)

    monkeypatch.setattr(flusher.Flusher, "insert", counted)
    same = row(1)

    async def work(writing):
        return await asyncio.gather(*(writing.write(1, [same, row(number)]) for number in range(2, 42)))

    written = run(postgres_url, work, flushers=1)
    assert written[0] == Written(2, 0)
    assert set(written[1:]) == {Written(1, 1)}
    assert len(statements) < 10
    assert sum(statements) == 80


def test_a_request_that_the_database_refuses_fails_alone(postgres_url, sql):
    async def work(writing):
        bad = row(3, provider="a\0b")  # What validation is there to keep out.
        return await asyncio.gather(
            *(writing.write(1, [each]) for each in (row(1), bad, row(2))), return_exceptions=True
        )

    first, bad, last = run(postgres_url, work, flushers=1)
    assert (first, last) == (Written(1, 0), Written(1, 0))
    assert isinstance(bad, psycopg.Error)
    assert sql("SELECT count(*) FROM events") == [(2,)]


def test_a_lost_connection_loses_and_doubles_nothing(postgres_url, sql):
    async def work(writing):
        await writing.write(1, [row(1)])
        sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        return await writing.write(1, [row(2)])

    assert run(postgres_url, work, flushers=1) == Written(1, 0)
    assert sql("SELECT sum(requests) FROM spend_day") == [(2,)]


def test_without_a_database_nothing_is_acknowledged(monkeypatch):
    monkeypatch.setattr(flusher, "ATTEMPTS", 2)

    async def work(writing):
        with pytest.raises(StoreUnavailableError):
            await writing.write(1, [row(1)])

    run("postgresql://nobody@127.0.0.1:9/nothing", work)


def test_too_much_waiting_is_refused(postgres_url, monkeypatch):
    monkeypatch.setattr(writer, "ROWS_WAITING", 3)

    async def work(writing):
        with pytest.raises(OverloadedError):
            await writing.write(1, [row(number) for number in range(4)])
        return await writing.write(1, [row(number) for number in range(3)])

    assert run(postgres_url, work) == Written(3, 0)


def test_stopping_writes_what_waits(postgres_url, sql):
    async def scenario():
        writing = Writer(postgres_url, flushers=1)
        await writing.start()
        requests = [asyncio.create_task(writing.write(1, [row(number)])) for number in range(50)]
        await asyncio.sleep(0)
        await writing.stop()
        await asyncio.gather(*requests)
        with pytest.raises(OverloadedError):
            await writing.write(1, [row(99)])

    asyncio.run(scenario())
    assert sql("SELECT count(*) FROM events") == [(50,)]


def test_a_caller_that_gave_up_does_not_stop_the_others(postgres_url, sql):
    async def work(writing):
        gone = asyncio.create_task(writing.write(1, [row(1)]))
        await asyncio.sleep(0)
        gone.cancel()
        return await writing.write(1, [row(2)])

    assert run(postgres_url, work, flushers=1) == Written(1, 0)


def test_writers_of_several_processes_have_shards_of_their_own(postgres_url):
    async def scenario():
        flushers = [flusher.Flusher(postgres_url) for _ in range(5)]
        for number, each in enumerate(flushers):
            await each.insert(1, [row(number)])
        shards = [each._shard for each in flushers]
        for each in flushers:
            await each.close()
        return shards

    assert asyncio.run(scenario()) == [0, 1, 2, 3, 4]


def test_the_largest_amounts_and_all_nulls(postgres_url, sql):
    usage = Usage(input_tokens=10**12, output_tokens=None)
    most = row(1, cost_usd=Decimal("999999.999999999999"), usage=usage, latency_ms=None)

    async def work(writing):
        return await writing.write(1, [most])

    run(postgres_url, work)
    assert sql("SELECT cost_usd, input_tokens, output_tokens, latency_ms, tags FROM events") == [
        (Decimal("999999.999999999999"), 10**12, None, None, None)
    ]
