"""Closed days in an object store: shared by processes and machines, and never needed for an answer."""

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import obstore
import polars as pl
import pytest
from click.testing import CliRunner
from obstore.store import from_url

from tests.plugins.accounts import make_project
from tokenbudget import analytics
from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.core.usage import Usage
from tokenbudget_server.cli import ledger
from tokenbudget_server.ledger import Days, PostgresLedger, files, reading, storage
from tokenbudget_server.store.rows import to_row
from tokenbudget_server.store.writer import Writer

pytestmark = pytest.mark.postgres

SINCE, UNTIL = datetime.now(UTC) - timedelta(days=20), datetime.now(UTC) + timedelta(days=1)
LEDGER = "import tokenbudget_server.cli as cli; cli.ledger()"


@pytest.fixture
def project(postgres_url):
    return make_project(postgres_url, "p")


@pytest.fixture
def write(postgres_url, project):
    """Store events of so many days ago, as the server does."""

    def store(*days_ago):
        async def run():
            writer = Writer(postgres_url)
            await writer.start()
            await writer.write(project, [to_row(event, event.cost_usd, 7) for event in map(event_of, days_ago)])
            await writer.stop()

        asyncio.run(run())

    return store


@pytest.fixture
def process(postgres_url, project):
    """Make a ledger as a process of its own has it: it knows nothing yet, and of the store what it finds."""
    made = []

    def ledger(url):
        storage.storage_at.cache_clear()
        source = PostgresLedger(postgres_url, [project])
        source._days = Days(postgres_url, url)
        made.append(source._days)
        return source

    yield ledger
    for each in made:
        each.close()


def event_of(days_ago):
    at = datetime.now(UTC) - timedelta(days=days_ago, seconds=5)
    usage = Usage(input_tokens=10, output_tokens=5)
    tags = {"feature": "ab"[days_ago % 2]}
    return Event(
        id=uuid7(), occurred_at=at, provider="openai", model="gpt-4o", usage=usage, cost_usd=Decimal("0.5"), tags=tags
    )


def held(source):
    return sorted(source.scan(SINCE, UNTIL, ["id", "model", "cost_pico", "tag_feature"]).collect().rows())


def in_postgres(sql):
    return sorted(
        sql("SELECT id::text, model, (cost_usd * 1000000000000)::bigint, tags ->> 'feature' FROM events ORDER BY 1")
    )


def in_the_store(url):
    return {item["path"] for some in obstore.list(from_url(url, client_options={"allow_http": True})) for item in some}


def later(monkeypatch, seconds):
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + seconds)


def test_closed_days_are_read_by_another_machine(process, s3_url, write, sql, monkeypatch):
    write(0, 1, 1, 2, 3, 9)
    assert held(process(s3_url)) == in_postgres(sql)
    assert len([name for name in in_the_store(s3_url) if name.endswith(".parquet")]) == 4
    read = reading.read
    monkeypatch.setattr(reading, "read", lambda cursor, days: read(cursor, [day for day in days if is_today(day)]))
    other = process(s3_url)
    assert held(other) == in_postgres(sql)
    query = Query(period=parse("30d", datetime.now(UTC)), by=("feature",))
    assert analytics.by(other, query)["requests"].to_list() == [4, 2]


def is_today(day):
    return day[1] == datetime.now(UTC).date()


def test_whole_days_are_answered_without_asking_the_store(process, s3_url, write, monkeypatch):
    write(1, 1, 2)
    source = process(s3_url)
    end = datetime.now(UTC).date() - timedelta(days=1)
    query = Query(period=parse(f"{end - timedelta(days=9)}..{end}", datetime.now(UTC)), by=("feature",))
    expected = analytics.by(source, query)
    monkeypatch.setattr(storage.ObjectStore, "get", lambda *_: pytest.fail("the store was asked"))
    monkeypatch.setattr(storage.ObjectStore, "list", lambda *_: pytest.fail("the store was asked"))
    assert analytics.by(source, query).equals(expected)


def test_late_events_and_deletions_make_new_files_and_the_old_ones_go(process, s3_url, write, sql, monkeypatch):
    monkeypatch.setattr(files, "_GRACE_SECONDS", 0.0)
    write(3, 3)
    source = process(s3_url)
    held(source)
    old = in_the_store(s3_url)
    write(3)
    assert held(source) == held(process(s3_url)) == in_postgres(sql)
    new = in_the_store(s3_url)
    assert len(new) == 2
    assert not old & new
    sql("DELETE FROM events")
    sql("DELETE FROM spend_day")
    source._days._sweep_at = 0.0
    assert held(source) == []
    assert in_the_store(s3_url) == set()


def test_what_the_retention_dropped_is_gone_on_the_next_question(process, s3_url, postgres_url, write, sql, maintain):
    write(0, 100)
    source, now = process(s3_url), datetime.now(UTC)

    def counted():
        return source.scan(now - timedelta(days=365), UNTIL, ["id"]).collect().height

    assert counted() == 2
    maintain(postgres_url, timedelta(days=30), now)
    assert counted() == len(in_postgres(sql)) == 1


def test_a_store_that_is_away_costs_only_speed(process, s3_server, write, sql, caplog, monkeypatch):
    url = f"s3://{s3_server.make_bucket()}/ledger"
    write(1, 2)
    known, unknown = process(url), process(url)
    held(known)
    s3_server.stop()
    later(monkeypatch, storage._TRUST_SECONDS + 1)
    assert held(known) == in_postgres(sql)
    assert held(unknown) == in_postgres(sql)
    assert "stays in memory" in caplog.text
    write(2, 3)
    assert held(known) == held(unknown) == in_postgres(sql)
    s3_server.start()
    later(monkeypatch, storage._AWAY_SECONDS + storage._TRUST_SECONDS + 1)
    write(2)
    assert held(known) == in_postgres(sql)


@pytest.mark.parametrize("lost", ["the files", "the store"])
def test_a_store_lost_while_a_question_is_answered_costs_only_time(process, s3_server, write, sql, caplog, lost):
    url = f"s3://{s3_server.make_bucket()}/ledger"
    write(1, 2)
    source = process(url)
    held(source)
    asked = []

    def question(moment):
        asked.append(moment)
        if len(asked) == 1 and lost == "the store":
            s3_server.stop()
        elif len(asked) == 1:
            from_url(url, client_options={"allow_http": True}).delete(list(in_the_store(url)))
        return held(moment)

    assert source.ask(SINCE, UNTIL, question) == in_postgres(sql)
    assert len(asked) == 2
    said = next(record.getMessage() for record in caplog.records if "went away" in record.getMessage())
    assert lost == "the files" or "max_retries: 2" in said  # Not polars' eight, which take 20 s.


def test_a_bucket_that_somebody_cleared_is_filled_again(process, s3_url, write, sql, monkeypatch):
    write(1, 2, 2)
    source = process(s3_url)
    held(source)
    before = in_the_store(s3_url)
    from_url(s3_url, client_options={"allow_http": True}).delete(list(before))
    later(monkeypatch, storage._TRUST_SECONDS + 1)
    assert held(source) == in_postgres(sql)
    assert in_the_store(s3_url) == before


def test_two_processes_rebuild_while_a_third_reads(process, s3_url, postgres_url, write, sql, tmp_path):
    write(0, 3, 4, 4, 9)
    source = process(s3_url)
    moment = source.at_one_moment(SINCE, UNTIL)
    spoil(s3_url)
    settings = {"TOKENBUDGET_DATABASE_URL": postgres_url, "TOKENBUDGET_LEDGER": s3_url, "TOKENBUDGET_HOME": tmp_path}
    command = [sys.executable, "-c", LEDGER, "rebuild"]
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    rebuilding = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for each in rebuilding:
        output, errors = each.communicate(timeout=120)
        assert each.returncode == 0, errors
        assert f"Wrote 3 days to {s3_url}" in output
    expected = in_postgres(sql)
    assert sorted(moment.scan(SINCE, UNTIL, ["id", "model", "cost_pico", "tag_feature"]).collect().rows()) == expected
    assert held(source) == held(process(s3_url)) == expected


def spoil(url):
    store = from_url(url, client_options={"allow_http": True})
    for name in in_the_store(url):
        if name.endswith(".parquet"):
            frame = pl.read_parquet(bytes(store.get(name).bytes())).with_columns(model=pl.lit("spoiled"))
            frame.write_parquet(f"{url}/{name}")


def test_a_rebuild_that_the_store_does_not_take_says_so(s3_server, postgres_url, write, tmp_path, monkeypatch):
    url = f"s3://{s3_server.make_bucket()}/ledger"
    write(3)
    s3_server.stop()
    settings = {"TOKENBUDGET_DATABASE_URL": postgres_url, "TOKENBUDGET_LEDGER": url, "TOKENBUDGET_HOME": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    storage.storage_at.cache_clear()
    said = CliRunner().invoke(ledger, ["rebuild"])
    assert said.exit_code == 1
    assert "0 days written, the next could not be: s3://" in said.output
