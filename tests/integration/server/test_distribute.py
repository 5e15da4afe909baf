"""`tokenbudget db distribute`: what is sent to Citus, in which order, and again after it was stopped."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner

from tests.plugins.accounts import make_member, make_project
from tokenbudget.core.errors import TokenBudgetError
from tokenbudget_server.cli import db
from tokenbudget_server.store import migrate
from tokenbudget_server.store.distribute import DISTRIBUTED, LOCAL, REFERENCE, Placed, coordinator, plan
from tokenbudget_server.store.tables import metadata
from tokenbudget_server.web.errors import DistributionError, StoreUnavailableError

pytestmark = pytest.mark.postgres

FILLED = ("organisations", "teams", "users", "memberships", "projects")
DAYS = (datetime.now(UTC) - timedelta(days=40), datetime.now(UTC))
PLAN = [
    *(f"SELECT create_reference_table('{table}');" for table in REFERENCE),
    "SELECT create_distributed_table('events', 'project_id', colocate_with => 'none');",
    "SELECT create_distributed_table('usage_15m', 'project_id', colocate_with => 'events');",
    "SELECT create_distributed_table('spend_day', 'project_id', colocate_with => 'events');",
    "SELECT create_distributed_table('event_ids', 'project_id', colocate_with => 'events');",
]


def run(monkeypatch, url, *options):
    monkeypatch.setenv("TOKENBUDGET_DATABASE_URL", url)
    return CliRunner().invoke(db, ["distribute", *options])


def ask(url, statement, *values):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def placed(url):
    return dict(ask(url, "SELECT logicalrelid::text, partmethod::text || repmodel::text FROM pg_dist_partition"))


@pytest.fixture
def filled(postgres_url, make_coordinator):
    """A coordinator with an event of today, one of forty days ago, and a sum of theirs."""
    make_coordinator(postgres_url)
    make_project(postgres_url, "p")
    make_member(postgres_url, "n")
    event = (
        "INSERT INTO events (project_id, occurred_at, id, api_key_id, cache_read_tokens, cache_write_tokens,"
        " reasoning_tokens, attempts, batch, provider, model, operation, status, measured, source)"
        " VALUES (1, %s, gen_random_uuid(), 1, 0, 0, 0, 1, false, 'p', 'm', 'chat', 'ok', 'reported', 's')"
    )
    for day in DAYS:
        ask(postgres_url, event, day)
    ask(postgres_url, "INSERT INTO spend_day (project_id, day, api_key_id, shard, requests) VALUES (1, now(), 1, 0, 2)")
    return postgres_url


def test_every_table_has_its_place():
    assert sorted((*DISTRIBUTED, *REFERENCE, *LOCAL)) == sorted((*metadata.tables, "alembic_version"))


def test_a_reference_table_comes_after_those_it_points_at():
    tables = [metadata.tables[name] for name in REFERENCE]
    for number, table in enumerate(tables):
        assert {key.column.table for key in table.foreign_keys} <= set(tables[:number])


def test_an_empty_database_is_migrated_and_distributed(empty_postgres_url, make_coordinator, monkeypatch):
    make_coordinator(empty_postgres_url)
    said = run(monkeypatch, empty_postgres_url, "--dry-run")
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines() == PLAN
    assert ask(empty_postgres_url, "SELECT to_regclass('events')") == [(None,)]

    said = run(monkeypatch, empty_postgres_url)
    assert said.exit_code == 0, said.output
    assert "Citus 13.2-1 with 0 workers" in said.output
    assert f"Distributed in {len(PLAN)} steps" in said.output
    assert "citus_add_node" in said.output
    places = placed(empty_postgres_url)
    assert {name for name, place in places.items() if place == "nt"} == set(REFERENCE)
    assert set(DISTRIBUTED) < {name for name, place in places.items() if place == "hs"}
    assert not set(LOCAL) & set(places)

    said = run(monkeypatch, empty_postgres_url)
    assert said.exit_code == 0
    assert "nothing to do" in said.output


def test_what_was_copied_is_freed_once_all_tables_are_placed(filled, monkeypatch):
    freed = [f"events_{day:%Y_%m}" for day in DAYS] + ["spend_day", *reversed(FILLED)]
    expected = [f"SELECT truncate_local_data_after_distributing_table('{table}');" for table in freed]
    assert run(monkeypatch, filled, "--dry-run").stdout.splitlines() == [*PLAN, *expected]
    said = run(monkeypatch, filled)
    assert said.exit_code == 0, said.output
    sent = ask(filled, "SELECT statement, rows FROM sent")
    assert [statement.split()[1] for statement, _ in sent] == [*REFERENCE, *DISTRIBUTED, *freed]
    # The rows were there when the table was placed, so Citus has them.
    assert dict(sent)["create_distributed_table events"] == 2
    assert dict(sent)["create_reference_table projects"] == 1
    assert "nothing to do" in run(monkeypatch, filled).output


@pytest.mark.parametrize("lost_at", ["teams", "projects", "events", "spend_day"])
def test_it_goes_on_where_it_was_lost(filled, monkeypatch, lost_at):
    ask(filled, "INSERT INTO lost_at VALUES (%s)", lost_at)
    said = run(monkeypatch, filled)
    assert isinstance(said.exception, StoreUnavailableError)
    done = len(ask(filled, "SELECT statement FROM sent"))
    ask(filled, "DELETE FROM lost_at")
    said = run(monkeypatch, filled)
    assert said.exit_code == 0, said.output
    steps = len(PLAN) + len(DAYS) + len(("spend_day", *FILLED))
    assert f"Distributed in {steps - done} steps" in said.output
    assert len({statement for (statement,) in ask(filled, "SELECT statement FROM sent")}) == steps


def test_lost_between_the_copy_and_the_truncation_the_rest_is_freed(filled, monkeypatch):
    with coordinator(filled) as citus:
        steps = citus.distribute()
        for step in steps:
            if "truncate" in step.sql:
                break
        steps.close()
    assert {name for name in placed(filled) if not name.startswith("events_")} == {*REFERENCE, *DISTRIBUTED}
    assert run(monkeypatch, filled).exit_code == 0
    assert ask(filled, "SELECT pg_relation_size('spend_day')") == [(0,)]


def test_what_citus_refuses_is_said_and_done_next_time(filled, monkeypatch):
    ask(filled, "CREATE UNIQUE INDEX wrong ON usage_15m (bucket)")
    said = run(monkeypatch, filled)
    assert isinstance(said.exception, DistributionError)
    assert "create_distributed_table('usage_15m'" in str(said.exception)
    assert "wrong does not contain the distribution column" in str(said.exception)
    ask(filled, "DROP INDEX wrong")
    assert run(monkeypatch, filled).exit_code == 0
    assert placed(filled)["usage_15m"] == "hs"


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"events": Placed("distributed by id", 1)}, "events is distributed by id and must be distributed by project"),
        ({"teams": Placed("distributed by id", 1)}, "teams is distributed by id and must be reference"),
        ({"spend_day": Placed("reference", 1)}, "spend_day is reference and must be distributed"),
        (
            {name: Placed("distributed by project_id", number) for number, name in enumerate(DISTRIBUTED)},
            "usage_15m is distributed by project_id but not beside events",
        ),
    ],
)
def test_a_table_that_somebody_placed_otherwise_is_told(places, message):
    with pytest.raises(DistributionError, match=message):
        list(plan(places, []))


def test_without_citus_it_says_what_is_missing_and_what_to_do(postgres_url, monkeypatch, citus_available):
    def message():
        said = run(monkeypatch, postgres_url)
        assert isinstance(said.exception, TokenBudgetError)
        return str(said.exception)

    assert "has no Citus: install Citus on this server and on every worker" in message()
    citus_available(postgres_url)
    assert "has no Citus: run CREATE EXTENSION citus in it" in message()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("UPDATE pg_extension SET extversion = '11.3-1' WHERE extname = 'citus'", "needs 12 or later"),
        ("UPDATE pg_dist_local_group SET groupid = 3", "is a worker"),
        ("INSERT INTO pg_dist_node VALUES (1), (2)", "citus_set_coordinator_host"),
    ],
)
def test_a_cluster_that_cannot_do_it_is_refused(filled, monkeypatch, spoil, message):
    ask(filled, spoil)
    said = run(monkeypatch, filled)
    assert isinstance(said.exception, DistributionError)
    assert message in str(said.exception)
    assert ask(filled, "SELECT statement FROM sent") == []


def test_a_server_that_still_runs_is_told_to_stop(filled, monkeypatch):
    ask(filled, "INSERT INTO pg_dist_node VALUES (0), (1), (2)")
    with psycopg.connect(filled):
        said = run(monkeypatch, filled)
        assert isinstance(said.exception, DistributionError)
        assert "1 other sessions" in str(said.exception)
        assert ask(filled, "SELECT statement FROM sent") == []
        said = run(monkeypatch, filled, "--despite-sessions")
        assert said.exit_code == 0, said.output
    assert "with 2 workers" in said.output
    assert "citus_add_node" not in said.output


def test_migrations_and_maintenance_run_on_a_distributed_database(filled, monkeypatch, maintain):
    assert run(monkeypatch, filled).exit_code == 0
    migrate(filled)
    maintain(filled, None, datetime(2031, 1, 1, tzinfo=UTC))
    assert ask(filled, "SELECT to_regclass('events_2031_02')::text") == [("events_2031_02",)]
