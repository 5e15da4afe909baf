"""Databases made from a template, for tests."""

import psycopg
import pytest

pytestmark = pytest.mark.postgres


def test_a_copy_has_what_its_template_has_and_is_on_its_own(postgres_server):
    template = postgres_server.create_database("databases_template")
    with psycopg.connect(template) as connection:
        connection.execute("CREATE TABLE price AS SELECT 1 AS id")
    copies = [postgres_server.create_database(name, template="databases_template") for name in ("copy a", "copy/b?&")]
    with psycopg.connect(copies[0]) as connection:
        connection.execute("DELETE FROM price")
    with psycopg.connect(copies[1]) as connection:
        assert connection.execute("SELECT id FROM price").fetchall() == [(1,)]
    for name in ("copy a", "copy/b?&", "databases_template"):
        postgres_server.drop_database(name)


def test_dropping_closes_connections_and_may_be_repeated(postgres_server):
    with psycopg.connect(postgres_server.create_database("dropped")) as connection:
        postgres_server.drop_database("dropped")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres_server.drop_database("dropped")


def test_a_name_can_be_taken_once(postgres_server):
    postgres_server.create_database("taken")
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        postgres_server.create_database("taken")
    postgres_server.drop_database("taken")


def test_sqlalchemy_takes_the_url(postgres_server):
    from sqlalchemy import create_engine, text

    engine = create_engine(postgres_server.url().replace("postgresql", "postgresql+psycopg", 1))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == "tokenbudget"
    engine.dispose()
