"""What an installation holds from before there were organisations is carried into the first one."""

import psycopg
import pytest
from litestar.testing import TestClient
from sqlalchemy import create_engine

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.bootstrap import ensure_first_key, ensure_project
from tokenbudget_server.app import create_app
from tokenbudget_server.db import migrate
from tokenbudget_server.db.distribute import REFERENCE, coordinator
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.settings import Settings

pytestmark = pytest.mark.postgres

BEFORE = "0005"
OLD_TABLES = ("teams", "users", "projects", "api_keys")


@pytest.fixture
def old_url(empty_postgres_url, upgrade):
    """URL of a database as the migration finds it, without rows."""
    upgrade(empty_postgres_url, BEFORE)
    return empty_postgres_url


@pytest.fixture
def sql(old_url):
    with psycopg.connect(old_url, autocommit=True) as connection:

        def ask(statement, *values):
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else None

        yield ask


@pytest.fixture
def filled(sql):
    """An admin and a member with a key each, a revoked key, and two projects; return the texts of the keys."""
    sql("INSERT INTO teams (name) VALUES ('default')")
    sql("INSERT INTO users (email, name, is_admin) VALUES ('admin@localhost', 'root', true), ('ada@x', 'Ada', false)")
    sql("INSERT INTO projects (id, name, team_id) OVERRIDING SYSTEM VALUE VALUES (7, 'default', 1), (12, 'other', 1)")
    made = {name: keys.make_key() for name in ("admin", "member", "revoked")}
    for name, user, project in (("admin", 1, 7), ("member", 2, 12), ("revoked", 2, 12)):
        sql(
            "INSERT INTO api_keys (lookup, hash, name, project_id, user_id) VALUES (%s, %s, %s, %s, %s)",
            *(made[name].lookup, made[name].hash, name, project, user),
        )
    sql("UPDATE api_keys SET revoked_at = now() WHERE name = 'revoked'")
    return {name: key.text for name, key in made.items()}


def test_everything_goes_into_one_organisation(old_url, filled, sql):
    unchanged = "SELECT id, lookup, hash, name, project_id, user_id, created_at, revoked_at FROM api_keys ORDER BY id"
    projects = "SELECT id, name, team_id, is_demo, created_at FROM projects ORDER BY id"
    before = sql(unchanged), sql(projects)
    migrate(old_url)
    assert (sql(unchanged), sql(projects)) == before
    assert sql("SELECT name FROM organisations") == [("default",)]
    for table in ("teams", "projects", "api_keys", "memberships"):
        assert sql(f"SELECT DISTINCT organisation_id FROM {table}") == sql("SELECT id FROM organisations"), table
    assert sql("SELECT user_id, role FROM memberships ORDER BY 1") == [(1, "owner"), (2, "member")]
    assert sql("SELECT * FROM team_memberships") == sql("SELECT * FROM audit") == []
    named = sql("SELECT public_id, scopes, team_id, expires_at, last_used_at FROM api_keys")
    assert len({row[0] for row in named}) == 3
    assert all(row[0].startswith("key_") and len(row[0]) == 36 for row in named)
    assert {tuple(map(str, row[1:])) for row in named} == {
        ("['ingest', 'import', 'read', 'admin']", "None", "None", "None")
    }


def test_keys_keep_working_and_see_what_they_saw(old_url, filled, tmp_path):
    migrate(old_url)
    settings = Settings(home=tmp_path, database_url=old_url)
    with TestClient(create_app(settings)) as client:

        def ask(name, path):
            return client.get(path, headers={"Authorization": f"Bearer {filled[name]}"})

        seen = {
            name: [each["id"] for each in ask(name, "/api/projects").json()["rows"]] for name in ("admin", "member")
        }
        assert seen == {"admin": [7, 12], "member": [12]}
        listed = {
            name: [each["name"] for each in ask(name, "/api/keys").json()["rows"]] for name in ("admin", "member")
        }
        assert listed == {"admin": ["revoked", "member", "admin"], "member": ["revoked", "member"]}
        assert ask("revoked", "/api/keys").status_code == 401
    assert ensure_first_key(old_url, filled["admin"]) == filled["admin"]


def test_what_is_made_next_is_made_where_the_old_is(old_url, filled, sql):
    migrate(old_url)
    sql("UPDATE organisations SET name = 'renamed'")
    engine = create_engine(sqlalchemy_url(old_url))
    with engine.begin() as connection:
        assert ensure_project(connection, "other") == 12
    engine.dispose()
    ensure_first_key(old_url, None)
    assert sql("SELECT count(*) FROM organisations") == sql("SELECT count(*) FROM teams") == [(1,)]
    assert sql("SELECT project_id, user_id, organisation_id FROM api_keys ORDER BY id DESC LIMIT 1") == [(7, 1, 1)]


def test_an_empty_database_gets_no_organisation(old_url, sql):
    migrate(old_url)
    assert sql("SELECT * FROM organisations") == sql("SELECT * FROM teams") == []


def test_a_distributed_database_has_the_new_tables_on_every_node(old_url, filled, sql, make_coordinator):
    make_coordinator(old_url)
    for table in OLD_TABLES:
        sql(f"SELECT create_reference_table('{table}')")
    migrate(old_url)
    placed = sql("SELECT logicalrelid::text FROM pg_dist_partition WHERE repmodel = 't'")
    assert {table for (table,) in placed} == set(REFERENCE)
    with coordinator(old_url) as citus:
        assert not [step for step in citus.plan() if "create_reference_table" in step.sql]
