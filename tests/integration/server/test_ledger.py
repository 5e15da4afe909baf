"""The server's ledger says what Postgres says, whoever writes, prices again and deletes meanwhile."""

import asyncio
import random
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import psycopg
import pytest
from click.testing import CliRunner

from tests.plugins.accounts import make_project
from tokenbudget import analytics
from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.core.usage import Usage
from tokenbudget_server.cli import ledger
from tokenbudget_server.ledger import Days, PostgresLedger, day_cache, files, queries
from tokenbudget_server.ledger.connection import Connections
from tokenbudget_server.ledger.memory_budget import BYTES_PER_EVENT, MemoryBudget
from tokenbudget_server.store.rows import to_row
from tokenbudget_server.store.writer import Writer
from tokenbudget_server.web.errors import StoreUnavailableError

pytestmark = pytest.mark.postgres

KEY_ID = 7
SINCE, UNTIL = datetime.now(UTC) - timedelta(days=20), datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def project(postgres_url):
    return make_project(postgres_url, "p")


@pytest.fixture
def write(postgres_url, project):
    """Store events as the server does."""

    def store(*events):
        async def run():
            writer = Writer(postgres_url)
            await writer.start()
            await writer.write(project, [to_row(event, event.cost_usd, KEY_ID) for event in events])
            await writer.stop()

        asyncio.run(run())

    return store


@pytest.fixture
def elsewhere(postgres_url, project):
    """Make a ledger as another process has it: ``elsewhere(directory)``."""
    made = []

    def ledger(directory=None):
        source = PostgresLedger(postgres_url, [project])
        source._days = Days(postgres_url, directory)
        made.append(source._days)
        return source

    yield ledger
    for each in made:
        each.close()


@pytest.fixture
def sql(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection.execute


def event(days_ago=0, cost="0.5", model="gpt-4o", **tags):
    at = datetime.now(UTC) - timedelta(days=days_ago, seconds=5)
    usage = Usage(input_tokens=10, output_tokens=5)
    cost = Decimal(cost)
    return Event(id=uuid7(), occurred_at=at, provider="openai", model=model, usage=usage, cost_usd=cost, tags=tags)


def held(source):
    frame = source.scan(SINCE, UNTIL, ["id", "model", "cost_pico", "project"]).collect()
    return sorted(frame.rows())


def in_postgres(sql):
    rows = sql(
        "SELECT e.id::text, model, (cost_usd * 1000000000000)::bigint, p.name"
        " FROM events e JOIN projects p ON p.id = e.project_id"
    )
    return sorted(rows.fetchall())


REPRICE = """
    WITH changed AS (
        UPDATE events SET cost_usd = cost_usd + %s, model = %s WHERE id = ANY(%s)
        RETURNING project_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, %s::numeric AS more
    )
    UPDATE spend_day s SET cost_usd = s.cost_usd + c.more, rev = s.rev + 1
    FROM (SELECT project_id, day, sum(more) AS more FROM changed GROUP BY 1, 2) c
    WHERE s.project_id = c.project_id AND s.day = c.day
      AND s.shard = (SELECT min(shard) FROM spend_day m WHERE m.project_id = c.project_id AND m.day = c.day)
"""
DELETE = """
    WITH gone AS (
        DELETE FROM events WHERE id = ANY(%s)
        RETURNING project_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, cost_usd
    )
    UPDATE spend_day s SET cost_usd = s.cost_usd - c.cost, requests = s.requests - c.n, rev = s.rev + 1
    FROM (SELECT project_id, day, sum(cost_usd) AS cost, count(*) AS n FROM gone GROUP BY 1, 2) c
    WHERE s.project_id = c.project_id AND s.day = c.day
      AND s.shard = (SELECT min(shard) FROM spend_day m WHERE m.project_id = c.project_id AND m.day = c.day)
"""


def change_things(url, rng, stop):
    """Price events again and delete some until told to stop; transactions of all lengths."""
    with psycopg.connect(url) as connection:
        while not stop.wait(rng.random() / 20):
            with connection.transaction():
                ids = [row[0] for row in connection.execute("SELECT id FROM events").fetchall()]
                some = rng.sample(ids, min(len(ids), 3))
                more = rng.choice([0, Decimal("0.000000000001")])
                connection.execute("SELECT pg_sleep(%s)", [rng.random() / 10])
                if rng.random() < 0.7:
                    connection.execute(REPRICE, [more, rng.choice("abc"), some, more])
                else:
                    connection.execute(DELETE, [some[:1]])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_eight_writers_late_events_repricing_and_deletions(postgres_url, project, sql, elsewhere, tmp_path, seed):
    sources = [PostgresLedger(postgres_url, [project], tmp_path), elsewhere(tmp_path), elsewhere()]
    stop, checks = threading.Event(), []

    async def write_some(rng):
        writer = Writer(postgres_url)
        await writer.start()
        sent = []
        for _ in range(15):
            new = [event(rng.choice([0, 0, 0, 1, 2, 9])) for _ in range(rng.randint(1, 12))]
            again = rng.sample(sent, min(len(sent), 2))
            await writer.write(project, [to_row(one, one.cost_usd, KEY_ID) for one in [*new, *again]])
            sent += new
        await writer.stop()

    def ask():
        while not stop.is_set():
            for source in sources:
                # A moment is one snapshot: its versions and its events must agree.
                moment = source.at_one_moment(SINCE, UNTIL)
                rows = moment.scan(SINCE, UNTIL, ["id", "occurred_at"]).collect()
                per_day = Counter(rows["occurred_at"].dt.date())
                told = {day: version.requests for (_, day), version in moment._versions.items() if version.requests}
                assert rows["id"].is_unique().all()
                assert per_day == told
                checks.append(len(rows))

    with ThreadPoolExecutor(12) as pool:
        asking = pool.submit(ask)
        changing = [pool.submit(change_things, postgres_url, random.Random(seed * 100 + n), stop) for n in range(2)]
        writing = [pool.submit(asyncio.run, write_some(random.Random(seed * 10 + n))) for n in range(8)]
        for each in writing:
            each.result(120)
        stop.set()
        for each in (*changing, asking):
            each.result(120)
    assert len(checks) > 2
    expected = in_postgres(sql)
    assert len(expected) > 100
    for source in sources:
        assert held(source) == expected
    total = sum(row[2] for row in expected)
    whole = analytics.summary(sources[0], Query(period=parse("30d", datetime.now(UTC))))
    assert whole["cost_usd"][0] == Decimal(total).scaleb(-12)
    (rolled_up,) = sql("SELECT sum(requests), sum(cost_usd) FROM spend_day").fetchone()[:1]
    assert rolled_up == len(expected)


def test_of_a_changed_day_only_the_news_are_read(postgres_url, project, write, monkeypatch):
    write(*(event() for _ in range(50)))
    source = PostgresLedger(postgres_url, [project])
    assert len(held(source)) == 50
    read = []
    since = queries.read_since
    monkeypatch.setattr(queries, "read_since", lambda *asked: read.append(since(*asked)) or read[-1])
    monkeypatch.setattr(queries, "read", lambda *_: pytest.fail("the day was read anew"))
    write(event(), event())
    assert len(held(source)) == 52
    assert [frame.height for frame in read] == [2]


def test_what_was_not_committed_when_a_day_was_read_is_seen_later(postgres_url, project, write, sql, monkeypatch):
    write(event())
    source = PostgresLedger(postgres_url, [project])
    with psycopg.connect(postgres_url) as late:
        late.execute(
            "INSERT INTO events SELECT (populated).* FROM (SELECT jsonb_populate_record(e, jsonb_build_object("
            "'id', gen_random_uuid(), 'model', 'late')) AS populated FROM events e) late"
        )
        late.execute("UPDATE spend_day SET requests = requests + 1, rev = rev + 1")
        late.execute("UPDATE events SET model = 'new' WHERE model = 'gpt-4o'")
        sql("CREATE TABLE others (x int)")  # Later transactions come and go meanwhile.
        assert [row[1] for row in held(source)] == ["gpt-4o"]
    monkeypatch.setattr(queries, "read", lambda *_: pytest.fail("the day was read anew"))
    assert {row[1] for row in held(source)} == {"new", "late"}


def test_deleted_events_are_gone_though_nothing_new_came(postgres_url, project, write, sql, tmp_path):
    gone = event(1)
    write(gone, event(1), event())
    source = PostgresLedger(postgres_url, [project], tmp_path)
    assert len(held(source)) == 3
    sql(DELETE, [[gone.id]])
    assert held(source) == in_postgres(sql)


def test_where_transaction_ids_say_nothing_a_changed_day_is_read_anew(elsewhere, write, sql, monkeypatch):
    monkeypatch.setattr(day_cache.queries, "identity", lambda _: queries.Identity("0", orders=False))
    monkeypatch.setattr(queries, "read_since", lambda *_: pytest.fail("transaction ids were trusted"))
    write(event())
    source = elsewhere()
    held(source)
    write(event())
    assert held(source) == in_postgres(sql)


def test_closed_days_are_read_from_disk_by_another_process(
    elsewhere, postgres_url, project, write, sql, tmp_path, monkeypatch
):
    write(*(event(n % 4 + 1, feature="f") for n in range(20)))
    PostgresLedger(postgres_url, [project], tmp_path).at_one_moment(SINCE, UNTIL)
    assert len(list(tmp_path.glob("*/*/*.parquet"))) == 4
    monkeypatch.setattr(queries, "read", lambda *_: pytest.fail("a closed day was read from Postgres"))
    other = elsewhere(tmp_path)
    assert held(other) == in_postgres(sql)


def test_a_late_event_makes_a_new_file_and_the_old_one_goes(postgres_url, project, write, sql, tmp_path, monkeypatch):
    write(event(3))
    source = PostgresLedger(postgres_url, [project], tmp_path)
    held(source)
    (old,) = tmp_path.glob("*/*/*.parquet")
    monkeypatch.setattr(files, "_GRACE_SECONDS", 0.0)
    write(event(3))
    assert held(source) == in_postgres(sql)
    (new,) = tmp_path.glob("*/*/*.parquet")
    assert old != new


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_what_is_lost_or_broken_on_disk_is_written_again(
    elsewhere, postgres_url, project, write, sql, tmp_path, damage
):
    write(event(3), event(3))
    PostgresLedger(postgres_url, [project], tmp_path).at_one_moment(SINCE, UNTIL)
    for path in list(tmp_path.glob("*/*/*")):
        damage(path)
    other = elsewhere(tmp_path)
    assert held(other) == in_postgres(sql)
    assert pl.read_parquet(next(tmp_path.glob("*/*/*.parquet"))).height == 2


def test_dropped_days_leave_the_disk(postgres_url, project, write, sql, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_GRACE_SECONDS", 0.0)
    write(event(3), event(4))
    source = PostgresLedger(postgres_url, [project], tmp_path)
    assert len(held(source)) == 2
    sql("DELETE FROM events")
    sql("DELETE FROM spend_day")
    source._days._sweep_at = 0.0
    assert held(source) == []
    assert list(tmp_path.glob("*/*/*")) == []


def test_cubes_of_another_format_leave_the_disk_once_there_are_new_ones(
    postgres_url, project, write, sql, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "_GRACE_SECONDS", 0.0)
    write(event(3))
    source = PostgresLedger(postgres_url, [project], tmp_path)
    held(source)
    (new,) = tmp_path.glob("*/*/*.cube")
    cube = new.read_bytes()
    other = [new.with_name(new.name.replace(files._CUBE, f".0ld.{kind}")) for kind in ("cube", "tags")]
    for path in other:
        path.touch()
    new.unlink()
    source._days._sweep_at = 0.0
    held(source)
    assert [path.exists() for path in other] == [True, True]  # Whoever knows that format has nothing else yet.
    new.write_bytes(cube)
    there = {path for path in tmp_path.glob("*/*/*") if path not in other}
    source._days._sweep_at = 0.0
    assert held(source) == in_postgres(sql)
    assert set(tmp_path.glob("*/*/*")) == there


def test_a_disk_that_takes_nothing_costs_only_speed(postgres_url, project, write, sql, tmp_path, caplog):
    (tmp_path / "file").touch()
    write(event(3))
    source = PostgresLedger(postgres_url, [project], tmp_path / "file")
    assert held(source) == in_postgres(sql)
    assert "stays in memory" in caplog.text


def test_another_database_under_the_same_url_is_another_ledger(elsewhere, postgres_url, project, write, sql, tmp_path):
    write(event(3))
    held(PostgresLedger(postgres_url, [project], tmp_path))
    sql("UPDATE projects SET created_at = created_at + interval '1 second'")
    other = elsewhere(tmp_path)
    held(other)
    assert len(list(tmp_path.iterdir())) == 2


def test_whole_days_are_answered_without_reading_events(postgres_url, project, write, sql, tmp_path, monkeypatch):
    sql("INSERT INTO users (email, name) VALUES ('ada@example.org', 'Ada')")
    sql(
        "INSERT INTO api_keys (id, lookup, hash, name, organisation_id, project_id, user_id) OVERRIDING SYSTEM VALUE"
        " SELECT %s, '', '', 'notebook', p.organisation_id, p.id, u.id FROM users u, projects p WHERE p.id = %s",
        [KEY_ID, project],
    )
    write(*(event(n % 4 + 1, feature="ab"[n % 2], user_id=str(n)) for n in range(20)))
    source = PostgresLedger(postgres_url, [project], tmp_path)
    end = datetime.now(UTC).date() - timedelta(days=1)
    query = Query(period=parse(f"{end - timedelta(days=9)}..{end}", datetime.now(UTC)), by=("model", "feature"))
    expected = analytics.by(PostgresLedger(postgres_url, [project]), query)
    source.at_one_moment(SINCE, UNTIL)
    monkeypatch.setattr(
        "tokenbudget_server.ledger.snapshot.LedgerSnapshot.scan", lambda *_: pytest.fail("events were scanned")
    )
    assert analytics.by(source, query).equals(expected)
    assert len(analytics.timeseries(source, query)) == 20
    by_sender = analytics.by(source, Query(period=query.period, by=("member", "api_key")))
    assert by_sender.select("member", "api_key", "requests").rows() == [("Ada", "notebook", 20)]


def test_rebuild_writes_every_closed_day_while_others_read(postgres_url, write, sql, elsewhere, tmp_path, monkeypatch):
    write(event(3), event(4), event())
    source = elsewhere(tmp_path / "ledger" / "server")
    moment = source.at_one_moment(SINCE, UNTIL)
    paths = sorted(tmp_path.glob("ledger/server/*/*/*.parquet"))
    for path in paths:
        pl.read_parquet(path).with_columns(model=pl.lit("spoiled")).write_parquet(path)
    monkeypatch.setenv("TOKENBUDGET_DATABASE_URL", postgres_url)
    monkeypatch.setenv("TOKENBUDGET_HOME", str(tmp_path))
    said = CliRunner().invoke(ledger, ["rebuild"])
    assert said.exit_code == 0, said.output
    assert "Wrote 2 days" in said.output
    assert sorted(tmp_path.glob("ledger/server/*/*/*.parquet")) == paths
    expected = in_postgres(sql)
    assert sorted(moment.scan(SINCE, UNTIL, ["id", "model", "cost_pico", "project"]).collect().rows()) == expected
    assert held(source) == expected


def test_a_disk_that_somebody_cleared_is_written_again(write, sql, elsewhere, tmp_path):
    write(event(3))
    source = elsewhere(tmp_path / "ledger")
    held(source)
    shutil.rmtree(tmp_path / "ledger")
    assert held(source) == in_postgres(sql)


def test_a_disk_cleared_while_a_question_is_answered_costs_only_time(write, sql, elsewhere, tmp_path):
    write(event(3))
    source = elsewhere(tmp_path / "ledger")
    held(source)
    asked = []

    def question(moment):
        asked.append(moment)
        if len(asked) == 1:
            shutil.rmtree(tmp_path / "ledger")
        return held(moment)

    assert source.ask(SINCE, UNTIL, question) == in_postgres(sql)
    assert len(asked) == 2


@pytest.fixture
def slow_reads(monkeypatch):
    """Hold up the reading of one project's days until told to go on; all that are read are noted."""
    begun, go, read, days = threading.Event(), threading.Event(), queries.read, []

    def wait(cursor, wanted):
        days.append(sorted(wanted))
        begun.set()
        assert go.wait(60)
        return read(cursor, wanted)

    monkeypatch.setattr(queries, "read", wait)
    yield begun, go, days
    go.set()


def test_reading_one_projects_days_waits_for_no_others(postgres_url, project, write, slow_reads):
    begun, go, _ = slow_reads
    write(event(), event())
    empty = make_project(postgres_url, "empty")
    days = Days(postgres_url)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(days.at, [project], SINCE, UNTIL)
        assert begun.wait(60)
        assert days.at([empty], SINCE, UNTIL).calls(SINCE, UNTIL) == 0
        assert days.names([empty]).projects == {empty: "empty"}
        assert not reading.done()
        go.set()
        assert reading.result(60).calls(SINCE, UNTIL) == 2
    days.close()


def test_a_day_that_several_lack_is_read_once(postgres_url, project, write, slow_reads):
    begun, go, read = slow_reads
    write(event(), event(3))
    days = Days(postgres_url)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(days.at, [project], SINCE, UNTIL) for _ in range(4)]
        assert begun.wait(60)
        go.set()
        assert [each.result(60).calls(SINCE, UNTIL) for each in asked] == [2] * 4
    assert len(read) == 1
    days.close()


def test_a_question_of_an_earlier_moment_reads_its_own_version_and_leaves_the_later_one(
    postgres_url, project, write, sql, monkeypatch
):
    write(event())
    days, versions, told = Days(postgres_url), queries.versions, []

    def write_meanwhile(cursor, *asked):
        found = versions(cursor, *asked)
        if not told:
            told.append(found)
            write(event(), event())
            assert later.submit(days.at, [project], SINCE, UNTIL).result(60).calls(SINCE, UNTIL) == 3
        return found

    monkeypatch.setattr(queries, "versions", write_meanwhile)
    with ThreadPoolExecutor(1) as later:
        early = days.at([project], SINCE, UNTIL)
    assert early.scan(SINCE, UNTIL).collect().height == 1
    monkeypatch.setattr(queries, "read", lambda *_: pytest.fail("the later version was forgotten"))
    monkeypatch.setattr(queries, "read_since", lambda *_: pytest.fail("the later version was forgotten"))
    assert days.at([project], SINCE, UNTIL).scan(SINCE, UNTIL).collect().height == 3
    days.close()


def test_more_events_than_the_memory_takes_are_refused_before_they_are_read(postgres_url, project, write, monkeypatch):
    write(*(event() for _ in range(5)))
    monkeypatch.setattr(queries, "read", lambda *_: pytest.fail("they were read"))
    days = Days(postgres_url, memory=MemoryBudget(4 * BYTES_PER_EVENT))
    with pytest.raises(QueryError, match="5 calls of today are more than this server's memory takes"):
        days.at([project], SINCE, UNTIL)
    days.close()


def test_a_statement_that_takes_too_long_is_given_up(postgres_url):
    connections = Connections(postgres_url, statement_seconds=1)

    def sleep():
        with connections.snapshot() as cursor:
            cursor.execute("SELECT pg_sleep(100)")
            cursor.fetchall()

    with pytest.raises(StoreUnavailableError, match="statement timeout"):
        sleep()
    with connections.snapshot() as cursor:  # On a new connection.
        cursor.execute("SELECT 1")
    connections.close()
