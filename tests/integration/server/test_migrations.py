"""The schema: made by migrations, described by tables, fit for Citus."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from tokenbudget_server.store import migrate
from tokenbudget_server.store.partitions import ensure_partitions
from tokenbudget_server.store.tables import metadata
from tokenbudget_server.store.url import sqlalchemy_url

pytestmark = pytest.mark.postgres

DISTRIBUTED = ("events", "event_ids", "usage_15m", "spend_day")


@pytest.fixture
def connection(postgres_url):
    engine = create_engine(sqlalchemy_url(postgres_url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_tables_and_migrations_say_the_same(connection):
    def ours(_object, name, type_, _reflected, _compared):
        return not (type_ == "table" and (name == "alembic_version" or name.startswith("events_")))

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_server_default": False})
    assert compare_metadata(context, metadata) == []


def test_several_replicas_may_migrate_at_once(empty_postgres_url):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [empty_postgres_url] * 4))
    with psycopg.connect(empty_postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_every_key_of_a_distributed_table_contains_the_project(sql):
    keys = sql(
        """
        SELECT t.relname, array_agg(a.attname::text) FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indisunique AND t.relname = ANY (%s) GROUP BY t.relname, i.indexrelid
        """,
        list(DISTRIBUTED),
    )
    assert {table for table, _ in keys} == set(DISTRIBUTED)
    assert all("project_id" in columns for _, columns in keys)


def test_nothing_points_from_or_to_a_distributed_table_and_none_has_a_trigger(sql):
    constraints = """
        SELECT conname FROM pg_constraint
        WHERE contype = 'f' AND (conrelid::regclass::text = ANY (%s) OR confrelid::regclass::text = ANY (%s))
    """
    assert sql(constraints, list(DISTRIBUTED), list(DISTRIBUTED)) == []
    assert sql("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []


def test_partitions_are_made_ahead_once(connection):
    assert ensure_partitions(connection, datetime.now(UTC)) == []
    assert ensure_partitions(connection, datetime(2030, 11, 30, 23, 59, tzinfo=UTC))[-3:] == [
        "events_2030_11",
        "events_2030_12",
        "events_2031_01",
    ]


def test_every_table_that_grows_is_vacuumed_early(connection, post, make_event, sql):
    post(make_event(occurred_at="2021-03-01T00:00:00Z"))  # Its month is moved out of the default partition.
    ensure_partitions(connection, datetime.now(UTC))
    parts = "SELECT reloptions FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = %s::regclass"
    options = [set(row) for (row,) in sql(parts, "events")]
    assert len(options) > 14
    assert all(row == {"autovacuum_vacuum_insert_scale_factor=0.05", "autovacuum_freeze_min_age=0"} for row in options)
    ((ids,),) = sql("SELECT reloptions FROM pg_class WHERE relname = 'event_ids'")
    assert set(ids) == options[0]
    rollups = sql("SELECT reloptions FROM pg_class WHERE relname IN ('usage_15m', 'spend_day')")
    assert [set(row) for (row,) in rollups] == [{"fillfactor=50", "autovacuum_vacuum_scale_factor=0.02"}] * 2


BEFORE_EVENT_IDS = "DROP TABLE event_ids; UPDATE alembic_version SET version_num = '0003'"
EVENT_IDS = "0004"


def test_the_ids_of_older_events_are_known(postgres_url, post, make_event, sql, upgrade):
    sent = [make_event(occurred_at=f"2026-0{month}-01T00:00:00Z") for month in range(1, 4)]
    post(*sent)
    known = sql("SELECT project_id, id, occurred_at FROM event_ids ORDER BY id")
    sql(BEFORE_EVENT_IDS)
    # Twice under one id, as was possible.
    columns = "project_id, id, api_key_id, cache_read_tokens, cache_write_tokens, reasoning_tokens, attempts, batch, "
    columns += "provider, model, operation, status, measured, source"
    sql(f"INSERT INTO events (occurred_at, {columns}) SELECT '2026-05-01 00:00+00', {columns} FROM events LIMIT 1")
    upgrade(postgres_url, EVENT_IDS)
    assert sql("SELECT project_id, id, occurred_at FROM event_ids ORDER BY id") == known
    again = [{**event, "occurred_at": "2026-06-01T00:00:00Z"} for event in sent]
    assert post(*again, make_event()) == {"accepted": 1, "duplicates": 3, "rejected": []}


def test_the_table_of_ids_is_made_beside_events_that_are_distributed(postgres_url, make_coordinator, sql, upgrade):
    make_coordinator(postgres_url)
    sql("SELECT create_distributed_table('events', 'project_id', colocate_with => 'none')")
    sql(BEFORE_EVENT_IDS)
    upgrade(postgres_url, EVENT_IDS)
    assert sql(
        "SELECT count(DISTINCT colocationid), count(*) FROM pg_dist_partition WHERE logicalrelid::text IN "
        "('events', 'event_ids')"
    ) == [(1, 2)]


def test_an_event_whose_id_was_not_noted_is_a_duplicate_all_the_same(post, make_event, sql):
    """As a server of an earlier version stores it, while it is being replaced."""
    older, newer = make_event(), make_event()
    post(older)
    sql("DELETE FROM event_ids")
    assert post(older, newer) == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert post({**older, "occurred_at": "2026-06-01T00:00:00Z"})["duplicates"] == 1
    assert sql("SELECT sum(requests) FROM spend_day") == sql("SELECT count(*) FROM events") == [(2,)]


def test_a_month_that_events_came_late_for_gets_its_partition(connection, post, make_event, sql):
    where = "SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1 ORDER BY 1"
    early, late = "2021-02-28T23:59:59.999999Z", "2021-03-01T00:00:00Z"
    post(make_event(occurred_at=early), make_event(occurred_at=late), make_event(occurred_at=late))
    assert sql(where) == [("events_default", 3)]
    assert ensure_partitions(connection, datetime.now(UTC)) == ["events_2021_02", "events_2021_03"]
    assert sql(where) == [("events_2021_02", 1), ("events_2021_03", 2)]
    assert post(make_event(occurred_at=late))["accepted"] == 1
    assert sql(where) == [("events_2021_02", 1), ("events_2021_03", 3)]


def test_a_moved_event_is_still_known(connection, post, make_event):
    sent = make_event(occurred_at="2021-03-01T00:00:00Z")
    post(sent)
    ensure_partitions(connection, datetime.now(UTC))
    assert post(sent)["duplicates"] == 1


def test_what_is_older_than_the_retention_goes_with_its_sums(postgres_url, post, make_event, sql, maintain):
    for day in ("2020-05-31T23:59:59Z", "2024-06-30T23:59:59Z", "2024-07-01T00:00:00Z", "2024-07-20T00:00:00Z"):
        assert post(make_event(occurred_at=day))["accepted"] == 1
    now = datetime(2024, 10, 15, tzinfo=UTC)
    maintain(postgres_url, None, now)
    assert sql("SELECT count(*) FROM events") == [(4,)]
    maintain(postgres_url, timedelta(days=90), now)  # Back to the middle of July: all of July is kept.
    kept = [(datetime(2024, 7, 1, tzinfo=UTC),), (datetime(2024, 7, 20, tzinfo=UTC),)]
    assert sql("SELECT occurred_at FROM events ORDER BY 1") == kept
    assert sql("SELECT bucket FROM usage_15m ORDER BY 1") == kept
    assert sql("SELECT day::timestamp AT TIME ZONE 'UTC' FROM spend_day ORDER BY 1") == kept
    assert sql("SELECT occurred_at FROM event_ids ORDER BY 1") == kept
    assert sql("SELECT to_regclass('events_2024_06')") == [(None,)]
    assert sql("SELECT count(*) FROM events_2024_07") == [(2,)]


def test_no_partition_is_made_only_to_be_dropped(postgres_url, connection, maintain):
    now, kept = datetime.now(UTC), timedelta(days=60)
    maintain(postgres_url, kept, now)
    assert ensure_partitions(connection, now, now - kept) == []
    assert len(ensure_partitions(connection, now)) >= 9
